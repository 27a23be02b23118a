import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export type { Socket };

/** Milliseconds in which a request has to have said what it wants. */
const HEADERS_MS = 20_000;
/** Milliseconds in which nothing came, in the middle of a request. */
const IDLE_MS = 120_000;
/** A client that finds its connection closed while it sends would have to try again. */
const KEEP_ALIVE_MS = 600_000;
const HEADER_BYTES = 32 * 1024;
/** What is read of a request only so that its client gets to read the answer. */
const DRAINED_BYTES = 1024 * 1024 * 1024;

/** What a client asks. */
export interface Request {
  method: string;
  /** Without the query, percent-encoded as it came. */
  path: string;
  query: URLSearchParams;
  /** As sent: `127.0.0.1:5000`. */
  host: string;
  /**
   * The whole body.
   * @returns undefined when it is longer than that
   */
  read(limitBytes: number): Promise<Buffer | undefined>;
  body(): AsyncIterable<Uint8Array>;
}

/** What it is answered. */
export interface Answer {
  status: number;
  type?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** Speaks HTTP on connections that something else took. */
export interface HttpServer {
  take(socket: Socket): void;
}

/**
 * A server that listens nowhere itself. What `answer` throws is answered with 500 and no word; a request that is not read to
 * its end costs its connection.
 */
export function openHttpServer(answer: (request: Request, socket: Socket) => Promise<Answer>): HttpServer {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: HEADERS_MS,
    },
    (incoming, response) => {
      respond(incoming, response, answer).catch(() => incoming.socket.destroy());
    },
  );
  server.timeout = IDLE_MS;
  return {
    take(socket) {
      server.emit('connection', socket);
      socket.resume();
    },
  };
}

async function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: (request: Request, socket: Socket) => Promise<Answer>,
): Promise<void> {
  let answered: Answer;
  try {
    answered = await answer(requestOf(incoming), incoming.socket);
  } catch {
    answered = { status: 500 };
  }
  await drain(incoming);
  if (response.destroyed) return;
  const { status, type, headers = {}, body = '' } = answered;
  const known = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : undefined;
  response.writeHead(status, {
    ...(type === undefined ? {} : { 'content-type': type }),
    'x-content-type-options': 'nosniff',
    ...headers,
    ...(known ? { 'content-length': String(known.length) } : {}),
    // What was not read by now is more than anybody should send.
    ...(incoming.complete ? {} : { connection: 'close' }),
  });
  if (known) response.end(known);
  else await pipeline(Readable.from(body as AsyncIterable<Uint8Array>), response);
}

/** Most clients send all of a request before they look at the answer. */
async function drain(incoming: IncomingMessage): Promise<void> {
  if (incoming.complete || incoming.destroyed) return;
  let length = 0;
  for await (const piece of piecesOf(incoming)) {
    length += piece.length;
    if (length > DRAINED_BYTES) return;
  }
}

/** Leaves the connection alone when somebody stops reading. */
function piecesOf(incoming: IncomingMessage): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>,
  };
}

function requestOf(incoming: IncomingMessage): Request {
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    host: incoming.headers.host ?? '',
    body: () => piecesOf(incoming),
    async read(limitBytes) {
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const piece of piecesOf(incoming)) {
        length += piece.length;
        if (length > limitBytes) return undefined;
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    },
  };
}
