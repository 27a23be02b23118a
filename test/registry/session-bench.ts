import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { type ExchangeRequest, openWire, type Wire, type WireOptions } from '../../src/host/exchange.ts';
import type { RegistryAccess } from '../../src/registry/registry.ts';
import { openSession, type RegistryRequest, type SessionOptions } from '../../src/registry/session.ts';

/** What a server was asked. */
export interface Asked {
  method: string;
  /** Path and query. */
  path: string;
  authorization?: string;
  body: string;
  headers: IncomingMessage['headers'];
}

/** What it answers. `cut` ends the connection instead. */
export type Said = { status: number; headers?: Record<string, string>; body?: string } | { cut: true };

/** A server that answers by a function, and remembers. */
export interface Scripted extends AsyncDisposable {
  /** `localhost:PORT`. */
  host: string;
  /** `http://localhost:PORT` or with https. */
  origin: string;
  asked: Asked[];
}

/** Starts a scripted server. */
export async function script(
  answer: (asked: Asked, count: number) => Said | undefined,
  options: {
    tls?: { key: Buffer; cert: Buffer };
    address?: string;
    /** Given a way to answer what was left without an answer. */
    later?(answer: () => void): void;
  } = {},
): Promise<Scripted> {
  const asked: Asked[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const { method, url, headers } = request;
    const one: Asked = { method: method!, path: url!, body: String(Buffer.concat(chunks)), headers };
    if (headers.authorization !== undefined) one.authorization = headers.authorization;
    asked.push(one);
    const said = answer(one, asked.length);
    // Without an answer the request hangs, until it is answered later.
    if (!said) return options.later?.(() => response.writeHead(200).end());
    if ('cut' in said) request.socket.destroy();
    else response.writeHead(said.status, said.headers).end(said.body);
  };
  const server: Server = options.tls ? createTlsServer(options.tls, handle) : createServer(handle);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const address = options.address ?? '127.0.0.1';
  await new Promise<void>((done) => server.listen(0, address, done));
  const host = `${address === '::1' ? '[::1]' : 'localhost'}:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `${options.tls ? 'https' : 'http'}://${host}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** How a session for tests may be otherwise. */
export interface TestOptions {
  access?: RegistryAccess;
  wire?: WireOptions;
  /** In place of connections. */
  send?: Wire['send'];
}

/** Answers without a connection, for hosts that are not there. */
export function stub(
  answer: (request: ExchangeRequest) => { status: number; location?: string; challenge?: string },
): Pick<TestOptions, 'send'> {
  return {
    async send(request) {
      const { status, location, challenge } = answer(request);
      const headers = { location, 'www-authenticate': challenge };
      return { status, headers, body: Readable.from([]) };
    },
  };
}

/** A session whose waits take no time. */
export function openTestSession(
  host: string,
  {
    access = { plainHttp: true },
    wire = {},
    send,
    ...options
  }: Partial<Omit<SessionOptions, 'wire'>> & TestOptions = {},
) {
  const waits: number[] = [];
  const lines: string[] = [];
  const clock = {
    atMs: Date.UTC(2026, 0, 1),
    nowMs: () => clock.atMs,
    sleep: async (ms: number) => {
      waits.push(ms);
      clock.atMs += ms;
    },
    random: () => 1,
  };
  const session = openSession({
    host,
    access,
    findLogin: async () => undefined,
    wire: send ? { send, close() {} } : openWire({ ...wire, signal: options.signal }),
    clock,
    onProgress: (line) => lines.push(line),
    ...options,
  });
  /** Asks, and reads the answer. */
  const ask = async (request: Partial<RegistryRequest> = {}) => {
    const answer = await session.ask({
      method: 'GET',
      url: '/v2/lab/study/tags/list',
      scopes: ['repository:lab/study:pull'],
      expect: [200, 201, 202],
      ...request,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk);
    return { ...answer, text: String(Buffer.concat(chunks)) };
  };
  return { session, ask, waits, lines, clock };
}

/** A text as a request's body, which counts how often it was opened. */
export function bodyOf(text: string) {
  const bytes = Buffer.from(text);
  const body = {
    sizeBytes: bytes.length,
    opened: 0,
    open: () => {
      body.opened++;
      return [bytes];
    },
  };
  return body;
}

/** A login. */
export const LOGIN = { username: 'ada', password: 'pass"word&1' };
/** The same as it is sent. */
export const BASIC = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`;
/** A store of logins that has it. */
export const found = { findLogin: async () => LOGIN };

/** An answer that asks for a login. */
export function challenge(text: string): Said {
  return {
    status: 401,
    headers: { 'www-authenticate': text, 'content-type': 'application/json' },
    body: '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
  };
}
