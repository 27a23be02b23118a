import { monotonicMs, sleep } from '../../host/clock.ts';
import { type Cluster, type Kind, type Selection, type StoredObject, whyOf } from './cluster.ts';
import { isRefused, WAKING_MS } from './patient-cluster.ts';

const PAUSE_MS = 500;
/** What is waited for may be a time, too. */
const TICK_MS = 1000;

/**
 * Objects of one kind with a label, as they are now: listed once and then watched. A watch that breaks goes on from the
 * last version that was seen; where that is too old, they are listed anew.
 */
export class Watched {
  readonly objects = new Map<string, StoredObject>();
  /** Tells one state of them from every other. */
  changes = 0;
  readonly #cluster: Cluster;
  readonly #kind: Kind;
  readonly #labels: string;
  readonly #wakingMs: number;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #tick: NodeJS.Timeout | undefined;
  #watching: Promise<void> | undefined;
  #failed: { error: unknown } | undefined;

  /**
   * @param cluster one that waits while the API is gone
   * @param wakingMs how long what was allowed before may be refused
   */
  constructor(cluster: Cluster, kind: Kind, labels: string, wakingMs = WAKING_MS) {
    this.#cluster = cluster;
    this.#kind = kind;
    this.#labels = labels;
    this.#wakingMs = wakingMs;
  }

  /** @returns once what is there is known */
  async begin(): Promise<void> {
    const version = await this.#list();
    if (this.#stop.signal.aborted) return;
    this.#watching = this.#watch(version).catch((error: unknown) => {
      this.#failed = { error };
      this.#wake();
    });
    this.#tick = setInterval(() => this.#wake(), TICK_MS);
  }

  /** An object that was created by this process, before the watch tells of it. */
  add(object: StoredObject): void {
    if (this.objects.has(object.metadata.name)) return;
    this.objects.set(object.metadata.name, object);
    this.changes++;
  }

  /**
   * Looks whenever something changed, and every second, until there is something.
   * @throws what made watching impossible
   */
  async until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T | undefined> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (signal?.aborted) return undefined;
      if (this.#failed) throw this.#failed.error;
      await new Promise<void>((done) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal?.removeEventListener('abort', wake);
          done();
        };
        this.#waiting.add(wake);
        signal?.addEventListener('abort', wake);
      });
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#tick);
    await this.#watching;
    this.#wake();
  }

  async #list(): Promise<string> {
    const { items, resourceVersion } = await this.#cluster.list(this.#kind, { labels: this.#labels });
    this.objects.clear();
    for (const item of items) this.objects.set(item.metadata.name, item);
    this.changes++;
    this.#wake();
    return resourceVersion;
  }

  async #watch(from: string): Promise<void> {
    let version: string | undefined = from;
    const { signal } = this.#stop;
    let hasWatched = false;
    let refusedMs: number | undefined;
    while (!signal.aborted) {
      try {
        version ??= await this.#list();
        const selection: Selection & { resourceVersion: string } = {
          labels: this.#labels,
          resourceVersion: version,
        };
        for await (const { type, object } of this.#cluster.watch(this.#kind, selection, signal)) {
          hasWatched = true;
          refusedMs = undefined;
          version = object.metadata.resourceVersion;
          if (type === 'DELETED') this.objects.delete(object.metadata.name);
          else if (type !== 'BOOKMARK') this.objects.set(object.metadata.name, object);
          if (type === 'BOOKMARK') continue;
          this.changes++;
          this.#wake();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (whyOf(error) === undefined) throw error;
        if (isRefused(error)) {
          const nowMs = monotonicMs();
          refusedMs ??= nowMs;
          if (!hasWatched || nowMs - refusedMs >= this.#wakingMs) throw error;
        } else if (version === undefined) throw error;
        // Listing waits until the API answers again; what was missed meanwhile is then known.
        version = undefined;
        await sleep(PAUSE_MS, signal);
      }
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
