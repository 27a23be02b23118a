import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsHttpServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { openWire, type WireOptions } from '../../src/host/exchange.ts';
import { certificatesForTests } from '../components/certificates.ts';
import { errorOf } from '../components/failures.ts';

/** How long nobody has to wait. */
export const PATIENCE = { headerTimeoutMs: 80, slowest: { bytes: 1000, perMs: 100 } };

/** Those of the servers here. */
export const certificates = certificatesForTests();

/** A server of a test. */
export interface Listening extends AsyncDisposable {
  url: URL;
  port: number;
  /** Connections made so far. */
  connections: number;
}

/** Starts a server; what is connected to it is cut when it is disposed of. */
export async function listen(
  server: Server,
  scheme = 'http',
  address = '127.0.0.1',
  wanted = 0,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  await new Promise<void>((done) => server.listen(wanted, address, done));
  const { port } = server.address() as AddressInfo;
  const host = address === '::1' ? '[::1]' : 'localhost';
  const listening = { url: new URL(`${scheme}://${host}:${port}/`), port, connections: 0 };
  server.on('connection', (socket: Socket) => {
    listening.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  return Object.assign(listening, {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  });
}

/** A server of HTTP. */
export const http = (handler: RequestListener) => listen(createServer(handler));
/** A server of HTTPS that the authority of {@link certificates} vouches for. */
export const https = (handler: RequestListener) =>
  listen(
    createTlsHttpServer(
      { key: readFileSync(certificates.keyFile), cert: readFileSync(certificates.certificateFile) },
      handler,
    ),
    'https',
  );

/** A server that answers with these bytes as soon as anything comes. */
export function raw(answer: string, then: (socket: Socket) => void = () => {}) {
  return listen(
    createSocketServer((socket) => {
      socket.once('data', () => socket.write(Buffer.from(answer, 'latin1'), () => then(socket)));
      socket.on('error', () => {});
    }),
  );
}

/** All of a body. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Why an exchange failed. */
export async function whyOf(work: Promise<unknown>): Promise<unknown> {
  const error = await errorOf(work);
  assert.equal(error.code, 'SAME1801', error.message);
  return error.details.why;
}

/** Asks by a wire of its own. */
export function get(url: URL, options: WireOptions = {}) {
  return openWire(options).send({ method: 'GET', url });
}

/** So many MiB, and how many were asked for. */
export function blocks(count: number): { chunks: Generator<Buffer>; sizeBytes: number; taken: number } {
  const block = Buffer.alloc(2 ** 20, 'x');
  const body = {
    sizeBytes: count * block.length,
    taken: 0,
    chunks: undefined as unknown as Generator<Buffer>,
  };
  body.chunks = (function* () {
    for (; body.taken < count; body.taken++) yield block;
  })();
  return body;
}
