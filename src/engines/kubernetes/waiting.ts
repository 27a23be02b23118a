import type { Finding } from '../../errors/same-error.ts';
import { monotonicMs } from '../../host/clock.ts';
import type { StoredObject } from './cluster.ts';
import { troubleOf } from './pod-state.ts';

/** An image that cannot be had is asked for again by the cluster; after this it is taken for missing. */
const IMAGE_MS = 60_000;
/** What takes longer than this is told. */
const TELL_MS = 10_000;

/** What keeps a pod from starting, while it is waited for: told as it changes, and as a problem where waiting is in vain. */
export class Waiting {
  readonly #what: string;
  readonly #image: string;
  readonly #say: (line: string) => void;
  readonly #sinceMs = monotonicMs();
  #troubleMs: number | undefined;
  #told = '';

  /** @param what waits: `step train` */
  constructor(what: string, image: string, say: (line: string) => void) {
    this.#what = what;
    this.#image = image;
    this.#say = say;
  }

  /** @returns why it will not start */
  look(pod: StoredObject | undefined): Finding | undefined {
    const trouble = pod && troubleOf(pod);
    const nowMs = monotonicMs();
    if (trouble?.kind === 'image') {
      this.#troubleMs ??= nowMs;
      if (trouble.isFinal || nowMs - this.#troubleMs > IMAGE_MS)
        return {
          code: 'SAME1502',
          message: `image ${this.#image} of ${this.#what} cannot be fetched by the cluster: ${trouble.reason}: ${trouble.message}`,
          hint: 'is it in a registry that the nodes reach, and may they fetch it (imagePullSecrets of the service account)?',
        };
    } else this.#troubleMs = undefined;
    if (nowMs - this.#sinceMs < TELL_MS) return undefined;
    const why = trouble
      ? `${trouble.reason}: ${trouble.message}`
      : pod
        ? 'its pod is being started'
        : 'the cluster makes no pod for it; a quota may be used up: kubectl get events';
    if (why !== this.#told) this.#say(`${this.#what} waits: ${why}`);
    this.#told = why;
    return undefined;
  }
}
