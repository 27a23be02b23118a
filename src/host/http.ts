import { lookup as resolveName } from 'node:dns';
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getCACertificates } from 'node:tls';
import { SameError } from '../errors/same-error.ts';

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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Link-local networks and the addresses at which clouds hand out credentials. */
const refused = new BlockList();
refused.addSubnet('169.254.0.0', 16);
refused.addSubnet('0.0.0.0', 8);
refused.addAddress('100.100.100.200');
refused.addAddress('192.0.0.192');
refused.addAddress('168.63.129.16');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6');
refused.addAddress('::', 'ipv6');

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** True for this machine's own names and addresses: `localhost`, `*.localhost`, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || isIn(loopback, name);
}

/** True for a link-local or metadata address, or a name that is only used for one. */
export function isRefusedHost(hostname: string): boolean {
  const name = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return name === 'metadata.google.internal' || isIn(refused, name);
}

/** A URL for messages and records: no user, password, query or fragment. */
export function withoutCredentials(url: string | URL): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = parsed.search = parsed.hash = '';
  return parsed.href;
}

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
  const lookup: LookupFunction = (hostname, options, answer) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return answer(error, []);
      // A proxy's own name is resolved here too, and it may well be on this machine.
      const target = hostname === url.hostname;
      const bad = addresses.find(
        ({ address }) => isIn(refused, address) || (target && isIn(loopback, address) && !loopbackAllowed),
      );
      if (bad) return answer(refusal(url, `its name leads to ${bad.address}, which is refused`), []);
      if (options.all) return answer(null, addresses);
      answer(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
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

/** Node's own CAs with NODE_EXTRA_CA_CERTS, the system's, and SSL_CERT_FILE. */
function trusted(): string[] {
  const file = process.env.SSL_CERT_FILE;
  const own = file && existsSync(file) ? [readFileSync(file, 'utf8')] : getCACertificates('system');
  return [...getCACertificates('default'), ...own];
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
