import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { SameError } from '../errors/same-error.ts';
import { checkedLookup, isLoopbackHost, isRefusedHost, withoutCredentials } from './addresses.ts';
import { dropIdle, hasProxy, openAgent, type Trust } from './agents.ts';
import { hearOut, type Pace, type Received, receive, release, send } from './exchange-body.ts';
import { exchangeError } from './exchange-error.ts';
import { openShortExchanges } from './short-exchange.ts';

/** What is sent in one HTTP exchange. */
export interface ExchangeRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  /** Read once. Its length is sent as Content-Length, in bytes. */
  body?: { sizeBytes: number; chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
  /** Whether the host's name may lead to this machine (default true). */
  loopback?: boolean;
  /** How much longer than usual the answer's headers may take, ms (default 0). */
  patienceMs?: number;
  /** Whether what a GET leads to is short, as a manifest or a list is: then it may be asked for past node:http. */
  isShort?: boolean;
}

/** What came back. */
export interface ExchangeResponse {
  status: number;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /**
   * Must be read to its end or destroyed. Fails with SAME1801 when it is cut, ends early or comes too slowly, SAME1903
   * when interrupted.
   */
  body: Readable;
}

/** Connections to one or more hosts. */
export interface Wire {
  /**
   * One exchange: no redirect is followed, nothing is tried again. An answer that comes before all was sent is the
   * answer; the rest is not sent.
   * @throws SAME1801 with `details.why`: `name`, `refused`, `tls`, `cut`, `slow`, `protocol`, and `details.reused` when
   * the connection had served before; SAME1208 an address that is never asked (link-local, metadata); SAME1903
   * interrupted; whatever the body's chunks throw
   */
  send(request: ExchangeRequest): Promise<ExchangeResponse>;
  /** Ends idle connections. */
  close(): void;
}

/** How a {@link Wire} behaves. */
export interface WireOptions {
  /** PEM texts of authorities that are trusted beside the usual ones. */
  certificates?: string;
  signal?: AbortSignal;
  /** How long an answer's headers may take, and a connection may stand still while sending; default 60 s. */
  headerTimeoutMs?: number;
  /** The slowest that bodies may move, both ways; default 1 KiB/s over 60 s. */
  slowest?: { bytes: number; perMs: number };
}

/** An error of the chunks that were to be sent, which says nothing of the other side. */
class Own {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Opens nothing yet: connections are made when they are needed, and kept. */
export function openWire(options: WireOptions = {}): Wire {
  const { signal, headerTimeoutMs = 60_000, slowest = { bytes: 60 * 1024, perMs: 60_000 } } = options;
  const agents = new Map<string, Promise<Agent>>();
  let trust: Trust = 'near';
  /** Hosts that are this machine, and take no plain HTTP at the address of {@link nearAddress}. */
  const elsewhere = new Set<string>();
  const short = openShortExchanges();
  /** Until node:http is needed anyway: then its connections serve all. */
  let isShortWayOpen = true;

  function agentFor(url: URL): Promise<Agent> {
    const [tls, local] = [url.protocol === 'https:', isLoopbackHost(url.hostname)];
    const key = `${tls && trust} ${local}`;
    const agent = agents.get(key) ?? openAgent(tls && trust, local, options.certificates);
    agents.set(key, agent);
    return agent;
  }

  async function exchange({
    method,
    url,
    headers,
    body,
    loopback = true,
    patienceMs = 0,
    isShort = method === 'HEAD',
  }: ExchangeRequest): Promise<ExchangeResponse> {
    const refusal = (why: string) =>
      new SameError({ code: 'SAME1208', message: `${withoutCredentials(url)} is not asked: ${why}` });
    if (isRefusedHost(url.hostname)) throw refusal('link-local and metadata addresses are refused');
    if (!loopback && isLoopbackHost(url.hostname)) throw refusal('it is on this machine');
    const pace: Pace = { headerTimeoutMs: headerTimeoutMs + patienceMs, slowest };
    const near = elsewhere.has(url.host) ? undefined : nearAddress(url);
    const lookup = checkedLookup(url.hostname, loopback, refusal);
    const sent = {
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'same',
      ...(near && { host: url.host }),
      ...headers,
      ...(body && { 'content-length': String(body.sizeBytes) }),
    };
    if (
      isShortWayOpen &&
      isShort &&
      !body &&
      (method === 'GET' || method === 'HEAD') &&
      isOrdinary(url, sent)
    ) {
      const headers = { ...sent, host: url.host, connection: 'keep-alive' };
      const answer = await short.send({ method, url, address: near, lookup, headers, pace, signal });
      if (answer) return answer;
    }
    isShortWayOpen = false;
    short.close();
    const agent = await agentFor(url);
    const { request: start } =
      url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const request = start(url, {
      ...(near && { hostname: near, servername: '' }),
      method,
      agent,
      signal,
      timeout: pace.headerTimeoutMs,
      lookup,
      headers: sent,
    });
    try {
      const response = await answered(request, body, pace);
      const explain = (error: unknown, received: Received) =>
        exchangeError(error, { url, signal, pace, received });
      const content = receive(response, request, pace, explain);
      await release(response, request);
      return { status: response.statusCode!, headers: response.headers, body: content };
    } catch (error) {
      request.destroy();
      if (error instanceof Own) throw error.error;
      // Others that were left idle as long are likely to be gone as well.
      if (request.reusedSocket) dropIdle(agent);
      throw exchangeError(error, { url, signal, pace, reused: request.reusedSocket });
    }
  }

  return {
    async send(request) {
      const tried = trust;
      try {
        return await exchange(request);
      } catch (error) {
        if (!(error instanceof SameError)) throw error;
        if (error.details.why === 'refused' && nearAddress(request.url) && !elsewhere.has(request.url.host)) {
          elsewhere.add(request.url.host);
          return exchange(request);
        }
        if (error.details.reason !== 'authority' || tried === 'all') throw error;
        trust = 'all';
        return exchange(request);
      }
    },
    close() {
      short.close();
      for (const agent of agents.values()) agent.then(dropIdle, () => {});
    },
  };
}

/** Whether something is asked by plain HTTP of the host itself, by nobody in particular and with nothing unusual. */
function isOrdinary(
  { protocol, hostname, username, password }: URL,
  headers: Record<string, string>,
): boolean {
  return (
    protocol === 'http:' &&
    username === '' &&
    password === '' &&
    Object.entries(headers).every(
      ([name, value]) =>
        /^(accept|accept-encoding|user-agent|host)$/.test(name) && /^[\x20-\x7e]*$/.test(value),
    ) &&
    (isLoopbackHost(hostname) || !hasProxy())
  );
}

/**
 * Where `localhost` is asked first by plain HTTP. The name can mean this machine alone (RFC 6761, 6.3), and to have it
 * looked up costs more than a request; who listens at its other address alone is found by the name.
 */
function nearAddress({ protocol, hostname }: URL): string | undefined {
  return protocol === 'http:' && hostname === 'localhost' ? '127.0.0.1' : undefined;
}

function answered(
  request: ClientRequest,
  body: ExchangeRequest['body'],
  pace: Pace,
): Promise<IncomingMessage> {
  return new Promise((done, fail) => {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const waitFor = (ms: number) => {
      clearTimeout(timer);
      if (!over) timer = setTimeout(stop, ms);
    };
    function stop(): void {
      request.destroy(Object.assign(new Error('slow'), { code: 'SAME_SLOW' }));
    }
    request.once('socket', (socket) => {
      hearOut(socket);
      if (!body) return;
      // Nothing of the body is taken for a connection that never comes about.
      const begin = () => send(request, body, pace, waitFor).catch((error) => fail(new Own(error)));
      const event = (socket as TLSSocket & { secureConnecting?: boolean }).secureConnecting
        ? 'secureConnect'
        : socket.connecting && 'connect';
      if (event) socket.once(event, begin);
      else begin();
    });
    // Of the connection: nothing moved in either direction.
    request.on('timeout', stop);
    request.on('finish', () => waitFor(pace.headerTimeoutMs));
    request.once('error', fail);
    // An error after the answer, of the part that was not sent, is nobody's.
    request.on('error', () => {});
    request.once('close', () => {
      over = true;
      clearTimeout(timer);
      fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    });
    request.once('response', (response) => {
      over = true;
      clearTimeout(timer);
      request.off('timeout', stop);
      done(response);
    });
    if (!body) request.end();
  });
}
