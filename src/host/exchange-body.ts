import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import type { ExchangeRequest } from './exchange.ts';
import { intakeOf } from './intake.ts';
import { dropBuffers } from './memory.ts';

/** How slow an exchange may be. */
export interface Pace {
  headerTimeoutMs: number;
  slowest: { bytes: number; perMs: number };
}

/** How much of a response came. */
export interface Received {
  bytes: number;
  /** What Content-Length says. */
  total?: number;
}

/** How many looks at a body's progress there are in the time over which its pace is measured. */
const LOOKS = 10;

/**
 * Sends a request's body as fast as the other side takes it: one chunk is under way while the next is read. Ends quietly
 * once there is an answer.
 * @param waitFor told how long what is under way may take, ms
 * @throws what the chunks throw; SAME7001 when they are more or fewer bytes than announced
 */
export async function send(
  request: ClientRequest,
  { sizeBytes, chunks }: NonNullable<ExchangeRequest['body']>,
  { headerTimeoutMs, slowest }: Pace,
  waitFor: (ms: number) => void,
): Promise<void> {
  const over = new AbortController();
  for (const event of ['response', 'close', 'error']) request.once(event, () => over.abort());
  let sent = 0;
  let drained: Promise<unknown> | undefined;
  for await (const chunk of chunks) {
    await drained;
    if (over.signal.aborted) return;
    sent += chunk.length;
    if (sent > sizeBytes) throw miscounted(sent, sizeBytes);
    if (chunk.length === 0 || request.write(chunk)) continue;
    waitFor(Math.max(headerTimeoutMs, (chunk.length / slowest.bytes) * slowest.perMs));
    drained = once(request, 'drain', { signal: over.signal }).catch(() => {});
  }
  await drained;
  if (over.signal.aborted) return;
  if (sent < sizeBytes) throw miscounted(sent, sizeBytes);
  request.end();
}

function miscounted(sent: number, announced: number): SameError {
  const message = `a body of ${announced} bytes was announced, and there are ${sent > announced ? 'more' : `${sent}`}`;
  return new SameError({ code: 'SAME7001', message });
}

/** What was sent before the other side closed is here already, and takes no longer than this to be read. */
const LAST_WORDS_MS = 50;
const listening = new WeakSet<Socket>();

/**
 * Lets an answer be heard that was given before all was sent. A server that has said no closes the connection, the next
 * write fails, and node ends a connection with the first error, whatever there is left to read.
 */
export function hearOut(socket: Socket): void {
  if (listening.has(socket)) return;
  listening.add(socket);
  const held = (done: Done) => (error?: Error | null) => {
    if (!error || !/^(EPIPE|ECONNRESET)$/.test((error as NodeJS.ErrnoException).code ?? ''))
      return done(error);
    setTimeout(() => done(error), LAST_WORDS_MS);
  };
  const { _write, _writev } = socket;
  socket._write = (chunk, encoding, done) => _write.call(socket, chunk, encoding, held(done));
  if (_writev) socket._writev = (chunks, done) => _writev.call(socket, chunks, held(done));
}

type Done = (error?: Error | null) => void;

/** Bodies of this length and more are worth a connection. */
const LONG_BYTES = 4 * 2 ** 20;

/**
 * A response's body, passed on as it comes and is wanted. What came before an error comes before the error.
 * @param explain makes an error of what went wrong
 */
export function receive(
  response: IncomingMessage,
  request: ClientRequest,
  { slowest }: Pace,
  explain: (error: unknown, received: Received) => unknown,
): Readable {
  const length = response.headers['content-length'];
  const received: Received = { bytes: 0, ...(length !== undefined && { total: Number(length) }) };
  const socket = request.socket;
  let isWanted = false;
  let failure: Error | undefined;
  const body = new Readable({
    // Asked for more only when all is taken: there is a block on its way meanwhile.
    highWaterMark: 1,
    read() {
      isWanted = true;
      if (failure) body.destroy(failure);
      else if (intake) socket?.resume();
      else response.resume();
    },
    destroy(error, done) {
      clearInterval(timer);
      // A server that answers early may never take the rest; what went past the parser has no end for it.
      if (!response.complete || !request.writableFinished) request.destroy();
      done(error);
    },
  });

  function take(chunk: Buffer): void {
    if (body.destroyed) return;
    received.bytes += chunk.length;
    if (!intake) dropBuffers(chunk.length);
    isWanted = body.push(chunk);
    if (!isWanted) (intake ? socket : response)?.pause();
    if (intake && received.bytes === received.total) end();
  }
  function end(): void {
    clearInterval(timer);
    body.push(null);
  }
  function fail(error: unknown): void {
    if (failure || received.bytes === received.total) return;
    intake?.flush();
    clearInterval(timer);
    failure = explain(error, received) as Error;
    if (body.readableLength === 0) body.destroy(failure);
  }

  response.pause();
  const intake = isLong(response, request) ? intakeOf(socket) : undefined;
  if (intake) {
    const first = response.read() as Buffer | null;
    intake.divert(received.total! - (first?.length ?? 0), take);
    if (first) take(first);
  } else {
    response.on('data', take);
    response.on('end', end);
  }
  response.on('error', fail);

  // Only while the next bytes are waited for: a reader who takes his time is not the server's fault.
  let waiting: number[] = [];
  const timer = setInterval(() => {
    if (!isWanted) waiting = [];
    else waiting.push(socket?.bytesRead ?? 0);
    if (waiting.length <= LOOKS) return;
    if (waiting.at(-1)! - waiting.shift()! < slowest.bytes)
      fail(Object.assign(new Error('slow'), { code: 'SAME_SLOW' }));
  }, slowest.perMs / LOOKS);
  timer.unref();
  return body;
}

function isLong(response: IncomingMessage, request: ClientRequest): boolean {
  const { statusCode, headers } = response;
  return (
    request.method === 'GET' &&
    (statusCode === 200 || statusCode === 206) &&
    Number(headers['content-length']) >= LONG_BYTES &&
    request.writableFinished &&
    request.socket?.readableLength === 0
  );
}

/** Leaves the connection to the next exchange before an answer is passed on that is here already, to its end. */
export async function release(response: IncomingMessage, request: ClientRequest): Promise<void> {
  if (!response.complete || !request.writableFinished || request.destroyed) return;
  const free = once(request, 'close');
  response.resume();
  await free;
}
