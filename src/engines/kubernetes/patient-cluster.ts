import { monotonicMs, sleep } from '../../host/clock.ts';
import { type Cluster, type ClusterWhy, whyOf } from './cluster.ts';

/** How long an API that is gone is waited for. */
export const PATIENCE_MS = 600_000;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [250, 5000];
const PASSING: (ClusterWhy | undefined)[] = ['unreachable', 'busy'];
const REFUSED: (ClusterWhy | undefined)[] = ['forbidden', 'login'];
/** An API that has just come back may not know yet what it allows: for so long that is not its last word. */
export const WAKING_MS = 30_000;

/** Whether an API does not allow something, or not to this caller. */
export function isRefused(error: unknown): boolean {
  return REFUSED.includes(whyOf(error));
}

/** Who waits, and until when. */
export interface Patience {
  /** Aborted: nothing is tried again. */
  signal: AbortSignal;
  limitMs?: number;
  /** How long after it was gone an API may refuse what it allows; {@link WAKING_MS} unless a test says otherwise. */
  wakingMs?: number;
  /** Told once that it is waited, and once that it was worth it. */
  say(line: string): void;
}

/** Asks again while the API is gone, or has too much to do. */
export class Patient {
  readonly #patience: Patience;
  #waiting = 0;
  /** When it was gone last. */
  #goneMs = Number.NEGATIVE_INFINITY;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** @throws the last error, once that took too long; every other at once, unless the API has only just come back */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const { signal, limitMs = PATIENCE_MS, wakingMs = WAKING_MS, say } = this.#patience;
    let since: number | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const answer = await question();
        if (since !== undefined && --this.#waiting === 0) say('the cluster answers again');
        return answer;
      } catch (error) {
        const nowMs = monotonicMs();
        const isOver = since !== undefined && nowMs - since > limitMs;
        const isGone = PASSING.includes(whyOf(error));
        if (isGone) this.#goneMs = nowMs;
        const isWaking = isRefused(error) && nowMs - this.#goneMs < wakingMs;
        if (!(isGone || isWaking) || signal.aborted || isOver) {
          if (since !== undefined) this.#waiting--;
          throw error;
        }
        if (since === undefined) {
          since = nowMs;
          if (this.#waiting++ === 0)
            say(
              `${(error as Error).message.replace(/^SAME\d+ /, '')}: waiting up to ${isGone ? `${limitMs / 60_000} min` : `${wakingMs / 1000} s`}`,
            );
        }
        await sleep(pauseMs * (0.5 + Math.random() / 2), signal);
      }
    }
  }
}

/** The same cluster, for what may be asked again: everything but streams, and what is sent to a path of its own. */
export function patientCluster(cluster: Cluster, patient: Patient): Cluster {
  return {
    context: cluster.context,
    namespace: cluster.namespace,
    server: cluster.server,
    ask: (path) => patient.ask(() => cluster.ask(path)),
    post: (path, body) => cluster.post(path, body),
    get: (kind, name) => patient.ask(() => cluster.get(kind, name)),
    list: (kind, selection) => patient.ask(() => cluster.list(kind, selection)),
    create: (kind, object) => patient.ask(() => cluster.create(kind, object)),
    patch: (kind, name, changes) => patient.ask(() => cluster.patch(kind, name, changes)),
    delete: (kind, name, options) => patient.ask(() => cluster.delete(kind, name, options)),
    watch: (kind, selection, signal) => cluster.watch(kind, selection, signal),
    logs: (pod, options) => cluster.logs(pod, options),
    exec: (pod, execution) => cluster.exec(pod, execution),
    close: () => cluster.close(),
  };
}
