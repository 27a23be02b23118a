import type { Readable } from 'node:stream';
import type { Change, Cluster, Execution, Kind, StoredObject } from '../../src/engines/kubernetes/cluster.ts';

/** A cluster in memory that answers what it is told to, and otherwise has what was created. */
export class ToldCluster implements Cluster {
  readonly context = 'lab';
  readonly namespace = 'studies';
  readonly server = 'https://127.0.0.1:6443';
  /** By `jobs/NAME`. */
  readonly objects = new Map<string, StoredObject>();
  /** Asked before every answer, with `create jobs`: an error that it throws is the answer. */
  onAsk: (what: string) => void = () => {};
  /** What each watch tells, one after another; the ones after these tell nothing until they are ended. */
  watches: (() => AsyncGenerator<Change, void, undefined>)[] = [];
  /** Watches that nobody has ended. */
  watching = 0;
  onExec: (execution: Execution) => Promise<number> = async () => 0;

  async ask(path: string): Promise<Record<string, unknown> | undefined> {
    this.onAsk(`ask ${path}`);
    return {};
  }

  async post(path: string, _body: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.onAsk(`post ${path}`);
    return {};
  }

  async get({ plural }: Kind, name: string): Promise<StoredObject | undefined> {
    this.onAsk(`get ${plural}`);
    return this.objects.get(`${plural}/${name}`);
  }

  async list({ plural }: Kind): Promise<{ items: StoredObject[]; resourceVersion: string }> {
    this.onAsk(`list ${plural}`);
    const items = [...this.objects].flatMap(([path, each]) => (path.startsWith(`${plural}/`) ? [each] : []));
    return { items, resourceVersion: '1' };
  }

  async create({ plural }: Kind, object: Record<string, unknown>): Promise<StoredObject> {
    this.onAsk(`create ${plural}`);
    const { name } = object.metadata as { name: string };
    const metadata = { ...(object.metadata as object), name, uid: `${plural}-${name}`, resourceVersion: '1' };
    const stored = { ...object, metadata };
    this.objects.set(`${plural}/${name}`, stored);
    return stored;
  }

  async patch({ plural }: Kind, name: string): Promise<StoredObject> {
    this.onAsk(`patch ${plural}`);
    return this.objects.get(`${plural}/${name}`)!;
  }

  async delete({ plural }: Kind, name: string): Promise<boolean> {
    this.onAsk(`delete ${plural}`);
    return this.objects.delete(`${plural}/${name}`);
  }

  async *watch({ plural }: Kind, _: unknown, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    this.onAsk(`watch ${plural}`);
    this.watching++;
    try {
      const next = this.watches.shift();
      if (next) yield* next();
      else if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done));
    } finally {
      this.watching--;
    }
  }

  /** What a container prints. */
  onLogs: () => Readable = () => {
    throw new Error('nothing prints here');
  };

  async logs(_: string, { signal }: { signal?: AbortSignal }): Promise<Readable> {
    this.onAsk('show the log of pods');
    const log = this.onLogs();
    signal?.addEventListener('abort', () => log.destroy(new Error('aborted')));
    return log;
  }

  async exec(_: string, execution: Execution): Promise<{ exitCode: number; stderr: string }> {
    this.onAsk('exec pods');
    return { exitCode: await this.onExec(execution), stderr: '' };
  }

  close(): void {}
}

/** An object as an API keeps it. */
export function stored(name: string, more: object = {}): StoredObject {
  return { metadata: { name, uid: name, resourceVersion: '1' }, ...more };
}
