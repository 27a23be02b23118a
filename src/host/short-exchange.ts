import { connect, type LookupFunction, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { IDLE_MS } from './agents.ts';
import { type AnswerHead, readHead } from './answer-head.ts';
import { monotonicMs } from './clock.ts';
import type { ExchangeResponse } from './exchange.ts';
import type { Pace, Received } from './exchange-body.ts';
import { exchangeError } from './exchange-error.ts';

/** What is asked by plain HTTP without a body, and without a login. */
export interface ShortRequest {
  method: 'GET' | 'HEAD';
  url: URL;
  /** Where to connect to in place of the URL's host. */
  address?: string | undefined;
  lookup: LookupFunction;
  headers: Record<string, string>;
  pace: Pace;
  signal?: AbortSignal | undefined;
}

/** Connections for short answers, one exchange at a time on each. */
export interface ShortExchanges {
  /**
   * @returns undefined for an answer out of the ordinary, to be asked for by other means: another version of HTTP, no
   * length or more than 256 KiB, a transfer coding, a header that is there twice, or what is no HTTP
   * @throws as `Wire.send`; a body that does not come whole fails for its reader
   */
  send(request: ShortRequest): Promise<ExchangeResponse | undefined>;
  /** Ends idle connections, and those under way as soon as they have served. */
  close(): void;
}

interface Kept {
  socket: Socket;
  idleSinceMs: number;
}

/** What a body may have at most: manifests and lists of a few hundred entries. */
const LONGEST_BODY = 256 * 1024;

/**
 * Exchanges past node:http, for one question: is it there already? To load node:http and to make its first request
 * costs more CPU time than all else that a push does when there is nothing to send (`bench/`, row P9). What is read here
 * is read to the letter; all else is left to node:http.
 */
export function openShortExchanges(): ShortExchanges {
  const idle = new Map<string, Kept[]>();
  let isClosed = false;

  /** A connection that has served, and nothing came on it since. */
  function take(key: string): Socket | undefined {
    for (let kept = idle.get(key)?.pop(); kept; kept = idle.get(key)?.pop()) {
      const { socket, idleSinceMs } = kept;
      if (socket.readable && socket.writable && monotonicMs() - idleSinceMs < IDLE_MS) return socket;
      socket.destroy();
    }
    return undefined;
  }

  function keep(key: string, socket: Socket): void {
    if (isClosed) {
      socket.destroy();
      return;
    }
    // Whatever comes now is the answer to nothing.
    for (const event of ['data', 'end', 'error']) socket.once(event, () => socket.destroy());
    socket.unref();
    idle.set(key, [...(idle.get(key) ?? []), { socket, idleSinceMs: monotonicMs() }]);
  }

  return {
    async send(request) {
      const { url, address, lookup, pace, signal } = request;
      const host = address ?? url.hostname.replace(/^\[|\]$/g, '');
      const key = `${host} ${url.port}`;
      const kept = take(key);
      const reused = kept !== undefined;
      kept?.removeAllListeners('data').removeAllListeners('end').removeAllListeners('error').ref();
      const socket = kept ?? connect({ host, port: Number(url.port || 80), lookup });
      const explain = (error: unknown, received?: Received) =>
        exchangeError(error, { url, signal, pace, reused, ...(received && { received }) });
      try {
        const answer = await answered(socket, request, explain);
        if (answer?.isFree) keep(key, socket);
        else socket.destroy();
        return answer?.response;
      } catch (error) {
        socket.destroy();
        // Others that were left idle as long are likely to be gone as well.
        if (reused) for (const other of idle.get(key)?.splice(0) ?? []) other.socket.destroy();
        throw explain(error);
      }
    },
    close() {
      isClosed = true;
      for (const [key, kept] of idle) {
        idle.delete(key);
        for (const { socket } of kept) socket.destroy();
      }
    },
  };
}

function answered(
  socket: Socket,
  { method, url, headers, pace, signal }: ShortRequest,
  explain: (error: unknown, received?: Received) => unknown,
): Promise<{ response: ExchangeResponse; isFree: boolean } | undefined> {
  return new Promise((done, fail) => {
    let came: Buffer[] = [];
    let head: AnswerHead | undefined;
    let bytes = 0;
    let bytesBefore = 0;
    let timer = setTimeout(() => end(fault('SAME_SLOW')), pace.headerTimeoutMs);

    function leave(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('data', take).off('error', end).off('close', onClose).off('end', onClose);
      socket.on('error', () => {});
    }
    /** What came of the body comes before the error. */
    function end(error: unknown): void {
      leave();
      if (!head) {
        fail(error);
        return;
      }
      const { status, headers, bodyBytes: total } = head;
      const failure = explain(error, { bytes, total: total! }) as Error;
      done({ response: { status, headers, body: bodyOf(came, failure) }, isFree: false });
    }
    const onAbort = () => end(signal!.reason);
    const onClose = () => end(fault('ECONNRESET'));

    function take(chunk: Buffer): void {
      came.push(chunk);
      bytes += chunk.length;
      if (!head) {
        const bytesCome = came.length === 1 ? chunk : Buffer.concat(came);
        const read = readHead(bytesCome, method === 'HEAD');
        if (read === 'more') {
          came = [bytesCome];
          return;
        }
        if (read === 'odd' || read.head.bodyBytes === undefined || read.head.bodyBytes > LONGEST_BODY) {
          leave();
          done(undefined);
          return;
        }
        head = read.head;
        came = [bytesCome.subarray(read.sizeBytes)];
        bytes = came[0]!.length;
        clearTimeout(timer);
        timer = setInterval(look, pace.slowest.perMs);
      }
      if (bytes < head.bodyBytes!) return;
      leave();
      const { status, headers, isLast } = head;
      const whole = bytes === head.bodyBytes;
      if (!whole) came = [Buffer.concat(came).subarray(0, head.bodyBytes)];
      done({ response: { status, headers, body: bodyOf(came) }, isFree: whole && !isLast });
    }
    function look(): void {
      if (bytes - bytesBefore < pace.slowest.bytes) end(fault('SAME_SLOW'));
      bytesBefore = bytes;
    }

    if (signal?.aborted) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('data', take).on('error', end).on('close', onClose).on('end', onClose);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  });
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function bodyOf(chunks: Buffer[], failure?: Error): Readable {
  const left = chunks.filter(({ length }) => length > 0);
  return new Readable({
    read() {
      if (left.length > 0 || !failure) this.push(left.shift() ?? null);
      else this.destroy(failure);
    },
  });
}
