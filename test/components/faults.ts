import { gzipSync } from 'node:zlib';
import type { RegistryContent } from './fault-content.ts';

/** Which of the server's ports was asked. */
export type Listener = 'registry' | 'elsewhere' | 'tokens';

/** One request, and what became of it. */
export interface Asked {
  listener: Listener;
  /** The Host header: what the client thinks it talks to. */
  host: string;
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
  /** The body, as far as it was taken before a cut. */
  body: Buffer;
  /** Bytes of the body that came, also those that were thrown away after a cut. */
  receivedBytes: number;
  /** Absent when the connection ended before an answer. */
  status?: number;
  /** Bytes of the answer's body that were handed out. */
  sentBytes: number;
}

/** An answer, before it is sent. Content-Length is that of the body unless it is said; `undefined` leaves a header out. */
export interface Answer {
  status: number;
  headers?: Record<string, string | undefined>;
  body?: Buffer;
}

/**
 * `never`: nothing is ever sent. `lost`: the connection ends instead. `drip-headers`: a header that never ends, bit by
 * bit. Or the connection ends, stalls, or drips in the middle of the body.
 */
export type Sending =
  | 'never'
  | 'lost'
  | 'drip-headers'
  | { cutAfterBytes: number }
  | { stallAfterBytes: number }
  | { dripAfterBytes: number };

/** What goes wrong with a request. */
export interface Misdeed {
  /** Answers before the request's body was read. */
  early?: boolean;
  /** The request's connection ends after so many bytes of its body; what came is kept. */
  cutRequestAfterBytes?: number;
  /** Happens before the request is handled. */
  before?(content: RegistryContent, asked: Asked): void;
  /** The answer; the request is not handled. */
  instead?(asked: Asked): Answer;
  /** Another answer than the right one; the request is handled. */
  change?(answer: Answer, asked: Asked): Answer;
  /** How the answer is sent, where not at once. */
  send?: Sending;
}

/** A misdeed, and the requests that it meets. */
export interface Fault extends Misdeed {
  method: string;
  /** Tried on the path with its query. */
  path: RegExp;
  /** So many matching requests pass first. */
  skip: number;
  /** So many requests are met. */
  times: number;
}

/** A fault of the first request of that method and path. */
export function on(
  method: string,
  path: RegExp,
  misdeed: Misdeed,
  { skip = 0, times = 1 }: { skip?: number; times?: number } = {},
): Fault {
  return { method, path, skip, times, ...misdeed };
}

/** An error as OCI distribution words it. */
export function refusal(status: number, code: string, message = code.toLowerCase()): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ errors: [{ code, message }] })),
  };
}

/** Another answer, without handling the request. */
export function answers(
  status: number,
  headers: Record<string, string> = {},
  body = '',
  options: { early?: boolean } = {},
): Misdeed {
  return { ...options, instead: () => ({ status, headers, body: Buffer.from(body) }) };
}

/** The connection of a request ends after so many bytes of its body. */
export function cutRequest(afterBytes: number): Misdeed {
  return { cutRequestAfterBytes: afterBytes };
}

/** The connection ends after so many bytes of the answer's body. */
export function cutAnswer(afterBytes: number): Misdeed {
  return { send: { cutAfterBytes: afterBytes } };
}

/** Headers are said otherwise, or left out. */
export function withHeaders(headers: Record<string, string | undefined>): Misdeed {
  return { change: (answer) => ({ ...answer, headers: { ...answer.headers, ...headers } }) };
}

/** Other bytes of the same length. */
export function otherBytes(): Misdeed {
  return {
    change: (answer) => {
      const body = Buffer.from(answer.body ?? []);
      if (body.length > 0) body[body.length >> 1]! ^= 1;
      return { ...answer, body };
    },
  };
}

/** The last bytes lack; the length is what is sent, what it should be, or not said. */
export function truncated(byBytes: number, length: 'sent' | 'whole' | 'unsaid'): Misdeed {
  return {
    change: (answer) => {
      const whole = answer.body ?? Buffer.alloc(0);
      const body = whole.subarray(0, whole.length - byBytes);
      const said = { sent: String(body.length), whole: String(whole.length), unsaid: undefined }[length];
      return { ...answer, body, headers: { ...answer.headers, 'content-length': said } };
    },
  };
}

/** Bytes follow that do not belong to the blob; the length is what is sent. */
export function overlong(byBytes: number): Misdeed {
  return {
    change: (answer) => ({
      ...answer,
      body: Buffer.concat([answer.body ?? Buffer.alloc(0), Buffer.alloc(byBytes)]),
    }),
  };
}

/** The body comes compressed, and says so. */
export function gzipped(): Misdeed {
  return {
    change: (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'content-encoding': 'gzip' },
      body: gzipSync(answer.body ?? Buffer.alloc(0)),
    }),
  };
}

/** Every upload that was begun is forgotten. */
export function forgetUploads(): Misdeed {
  return { before: (content) => content.uploads.clear() };
}

/** Leads to the same path elsewhere. */
export function redirect(origin: string, status = 307): Misdeed {
  return {
    instead: (asked) => ({
      status,
      headers: { location: `${origin}${asked.path}?${new URLSearchParams({ signature: 'S1GNED' })}` },
    }),
  };
}
