import { monotonicMs, sleep } from '../../host/clock.ts';
import { type Cluster, type ClusterWhy, whyOf } from './cluster.ts';

/** How long an API that is gone is waited for. */
export const PATIENCE_MS = 600_000;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [250, 5000];
const PASSING: (ClusterWhy | undefined)[] = ['unreachable', 'busy'];

/** Who waits, and until when. */
export interface Patience {
  /** Aborted: nothing is tried again. */
  signal: AbortSignal;
  limitMs?: number;
  /** Told once that it is waited, and once that it was worth it. */
  say(line: string): void;
}

/** Asks again while the API is gone, or has too much to do. */
export class Patient {
  readonly #patience: Patience;
  #waiting = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** @throws the last error, once that took too long; every other error at once */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const { signal, limitMs = PATIENCE_MS, say } = this.#patience;
    let since: number | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const answer = await question();
        if (since !== undefined && --this.#waiting === 0) say('the cluster answers again');
        return answer;
      } catch (error) {
        const isOver = since !== undefined && monotonicMs() - since > limitMs;
        if (!PASSING.includes(whyOf(error)) || signal.aborted || isOver) {
          if (since !== undefined) this.#waiting--;
          throw error;
        }
        if (since === undefined) {
          since = monotonicMs();
          if (this.#waiting++ === 0)
            say(
              `${(error as Error).message.replace(/^SAME\d+ /, '')}: waiting up to ${limitMs / 60_000} min`,
            );
        }
        await sleep(pauseMs * (0.5 + Math.random() / 2), signal);
      }
    }
  }
}

/** The same cluster, for what may be asked again: everything but streams. */
export function patientCluster(cluster: Cluster, patient: Patient): Cluster {
  return {
    context: cluster.context,
    namespace: cluster.namespace,
    server: cluster.server,
    ask: (path) => patient.ask(() => cluster.ask(path)),
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
