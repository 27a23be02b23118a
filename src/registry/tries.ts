import { SameError } from '../errors/same-error.ts';
import type { ExchangeRequest, ExchangeResponse, Wire } from '../host/exchange.ts';
import { isPassing } from './answers.ts';
import { pauseMs, retryAfterMs, type SessionClock } from './pauses.ts';

/** An exchange that may be sent several times. */
export interface RepeatedRequest extends Omit<ExchangeRequest, 'body'> {
  body?: { sizeBytes: number; open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
  /** Whether it may be sent again when nobody knows what became of it. */
  again: boolean;
  /** Statuses that are never a reason to try again. */
  expect: readonly number[];
}

/** Sends what is asked, again where that helps. */
export interface Tries {
  /**
   * @returns the answer, also one that says that the server is overloaded after the last try
   * @throws SAME1801 with `details.retry`: true when the caller may try again, false when it was tried enough
   */
  send(request: RepeatedRequest): Promise<ExchangeResponse>;
  /** Waits before the n-th further try. @throws SAME1903 */
  pause(tries: number): Promise<void>;
  /** @throws SAME1903 once the signal is aborted */
  stopIfAborted(): void;
}

/** What {@link openTries} needs. */
export interface TriesOptions {
  /** For messages. */
  host: string;
  wire: Wire;
  clock: SessionClock;
  onProgress(line: string): void;
  signal?: AbortSignal;
}

const MAX_TRIES = 5;
/** A connection on which nothing moves costs a minute each time. */
const MAX_SLOW_TRIES = 2;
/** Shorter waits are not worth a line. */
const NOTICED_MS = 2_000;

/** Five tries of everything, with growing pauses or those that the server asks for. */
export function openTries({ host, wire, clock, onProgress, signal }: TriesOptions): Tries {
  /** A server that was there will be there again; an address that never answered is likely to be wrong. */
  let wasThere = false;
  let notBeforeMs = 0;

  function stopIfAborted(): void {
    if (signal?.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted' });
  }

  async function wait(ms: number, why: string): Promise<void> {
    stopIfAborted();
    if (ms >= NOTICED_MS) onProgress(`${host} ${why}: trying again in ${Math.round(ms / 1000)} s`);
    if (ms > 0) await clock.sleep(ms);
    stopIfAborted();
  }

  /** How long to wait after an error, or undefined when trying again is of no use. */
  function pauseAfter(error: SameError, tries: number): number | undefined {
    const { why, reused } = error.details;
    if (why === 'slow') return tries < MAX_SLOW_TRIES ? pauseMs(tries, clock) : undefined;
    if (tries >= MAX_TRIES) return undefined;
    return reused ? 0 : pauseMs(tries, clock);
  }

  return {
    stopIfAborted,
    async send({ body, again, expect, ...request }) {
      for (let tries = 1; ; tries++) {
        let response: ExchangeResponse;
        try {
          response = await wire.send({
            ...request,
            ...(body && { body: { sizeBytes: body.sizeBytes, chunks: body.open() } }),
          });
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          const why = error.details.why as string;
          const helps = ['cut', 'slow'].includes(why) || (wasThere && ['refused', 'name'].includes(why));
          const ms = helps && again ? pauseAfter(error, tries) : undefined;
          if (ms === undefined) throw explained(error, tries, helps && !again);
          await wait(ms, why === 'slow' ? 'does not answer' : 'cannot be reached');
          continue;
        }
        wasThere = true;
        const { status, headers } = response;
        if (expect.includes(status) || !isPassing(status)) return response;
        const asked = retryAfterMs(headers['retry-after'], clock);
        notBeforeMs = Math.max(notBeforeMs, clock.nowMs() + (asked ?? 0));
        // A request that is turned away for coming too often has changed nothing.
        if (tries >= MAX_TRIES || !(again || status === 429)) return response;
        response.body.on('error', () => {}).destroy();
        await wait(asked ?? pauseMs(tries, clock), status === 429 ? 'is asked too often' : 'is overloaded');
      }
    },
    pause: (tries) =>
      wait(Math.max(pauseMs(tries, clock), notBeforeMs - clock.nowMs()), 'has not taken everything'),
  };
}

function isUnreachable(error: unknown): error is SameError {
  return error instanceof SameError && error.code === 'SAME1801';
}

function explained(error: SameError, tries: number, retry: boolean): SameError {
  const { reason } = error.details;
  const hint =
    reason === 'plain'
      ? 'add --plain-http if it is a registry without TLS'
      : reason === 'authority'
        ? 'add --ca FILE with the certificate of its authority'
        : undefined;
  const findings = error.findings.map((finding) => ({
    ...finding,
    message: `${finding.message}${tries > 1 ? ` (tried ${tries} times)` : ''}`,
    ...(hint && { hint }),
  }));
  return new SameError(findings, { cause: error.cause, details: { ...error.details, retry } });
}
