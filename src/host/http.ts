import { createWriteStream, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SameError } from '../errors/same-error.ts';
import { checkedLookup, isLoopbackHost, isRefusedHost, withoutCredentials } from './addresses.ts';
import { trusted } from './certificates.ts';

/** How {@link fetchToFile} fetches. */
export interface FetchOptions {
  /** More than this is an error, also when the server announced less. */
  limitBytes: number;
  /** Told after each chunk: bytes so far, and the total when the server says it. */
  onProgress?(receivedBytes: number, totalBytes: number | undefined): void;
  signal?: AbortSignal;
  /** Lets a redirect lead to this machine; a loopback URL given as such may always be fetched. */
  allowLoopback?: boolean;
}

/** What was fetched. */
export interface Fetched {
  sizeBytes: number;
  /** Where the redirects ended, without credentials and query. */
  url: string;
}

const MAX_REDIRECTS = 10;
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Fetches a URL into a new file, redirects included. Only https, except on this machine; never from https to http;
 * addresses are checked when connecting, so a name cannot change between check and use (spec bundle, threat 10).
 * @throws SAME1205 when the server says that nothing is there, SAME1208 for a URL that is refused, SAME1209 when it
 * cannot be reached or answers wrongly, SAME1304 over the limit.
 */
export async function fetchToFile(url: string, path: string, options: FetchOptions): Promise<Fetched> {
  let current = addressOf(url);
  const loopbackAllowed = (options.allowLoopback ?? false) || isLoopbackHost(current.hostname);
  for (let redirects = 0; ; redirects++) {
    checkUrl(current, loopbackAllowed);
    const response = await send(current, loopbackAllowed, options.signal);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400 && response.headers.location) {
      response.destroy();
      if (redirects === MAX_REDIRECTS)
        throw unreachable(current, `it redirects more than ${MAX_REDIRECTS} times`);
      current = redirected(current, response.headers.location);
      continue;
    }
    if (status !== 200) {
      response.destroy();
      throw answered(current, status);
    }
    return { sizeBytes: await save(response, current, path, options), url: withoutCredentials(current) };
  }
}

function addressOf(url: string): URL {
  const address = URL.parse(url);
  if (address) return address;
  throw new SameError({
    code: 'SAME1208',
    message: `${JSON.stringify(url)} is not a URL that can be fetched`,
  });
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (!to) throw unreachable(from, 'it redirects to something that is no URL');
  if (from.protocol === 'https:' && to.protocol !== 'https:') {
    throw refusal(to, `${withoutCredentials(from)} redirects from https to ${to.protocol.slice(0, -1)}`);
  }
  // Credentials are for the host they were given for.
  if (to.host === from.host && !to.username) [to.username, to.password] = [from.username, from.password];
  return to;
}

function checkUrl(url: URL, loopbackAllowed: boolean): void {
  const local = isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) {
    throw refusal(url, 'only https is fetched (http only from this machine)');
  }
  if (isRefusedHost(url.hostname)) throw refusal(url, 'link-local and metadata addresses are refused');
  if (local && !loopbackAllowed) throw refusal(url, 'a redirect may not lead to this machine');
}

async function send(url: URL, loopbackAllowed: boolean, signal?: AbortSignal): Promise<IncomingMessage> {
  const local = isLoopbackHost(url.hostname);
  const lookup = checkedLookup(url.hostname, loopbackAllowed, (why) => refusal(url, why));
  const tls = url.protocol === 'https:';
  // Loaded here, for most commands fetch nothing.
  const { Agent, request: start } = tls ? await import('node:https') : await import('node:http');
  return new Promise((done, fail) => {
    const request = start(url, {
      signal,
      lookup,
      timeout: IDLE_TIMEOUT_MS,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'same' },
      agent: new Agent({ proxyEnv: local ? undefined : process.env }),
      ...(tls && { ca: trusted() }),
    });
    request.on('response', done);
    request.on('timeout', () => request.destroy(new Error(`no answer for ${IDLE_TIMEOUT_MS / 1000} s`)));
    request.on('error', (error) => fail(failed(url, error, signal)));
    request.end();
  });
}

async function save(
  response: IncomingMessage,
  url: URL,
  path: string,
  { limitBytes, onProgress, signal }: FetchOptions,
): Promise<number> {
  const length = response.headers['content-length'];
  const total = length === undefined ? undefined : Number(length);
  let received = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      received += chunk.length;
      if (received > limitBytes) return next(tooLarge(url, limitBytes));
      onProgress?.(received, total);
      next(null, chunk);
    },
  });
  try {
    if (total !== undefined && total > limitBytes) throw tooLarge(url, limitBytes);
    await pipeline(response, counter, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
    return received;
  } catch (error) {
    response.destroy();
    rmSync(path, { force: true });
    throw failed(url, error, signal);
  }
}

function failed(url: URL, error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof SameError) return error;
  if (signal?.aborted) return new SameError({ code: 'SAME1903', message: 'interrupted' }, { cause: error });
  const { code, message } = error as NodeJS.ErrnoException;
  return unreachable(url, message || code || 'no connection', error);
}

function answered(url: URL, status: number): SameError {
  const place = withoutCredentials(url);
  if (status === 404 || status === 410) {
    return new SameError({ code: 'SAME1205', message: `nothing at ${place}: the server answered ${status}` });
  }
  return unreachable(url, `the server answered ${status}`);
}

function unreachable(url: URL, why: string, cause?: unknown): SameError {
  const message = `${withoutCredentials(url)} cannot be fetched: ${why}`;
  return new SameError({ code: 'SAME1209', message }, { cause });
}

function refusal(url: URL, why: string): SameError {
  return new SameError({ code: 'SAME1208', message: `${withoutCredentials(url)} is not fetched: ${why}` });
}

function tooLarge(url: URL, limitBytes: number): SameError {
  return new SameError({
    code: 'SAME1304',
    message: `${withoutCredentials(url)} is larger than the limit of ${limitBytes} bytes`,
  });
}
