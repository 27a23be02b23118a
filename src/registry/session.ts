import type { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost } from '../host/addresses.ts';
import type { ExchangeRequest, ExchangeResponse, Wire } from '../host/exchange.ts';
import { refusalOf } from './answers.ts';
import { openAuthorization } from './authorization.ts';
import { openMask } from './mask.ts';
import type { SessionClock } from './pauses.ts';
import { allowedUrl, answersWrongly } from './redirect.ts';
import type { Login, RegistryAccess } from './registry.ts';
import { openTries } from './tries.ts';

/** One thing that is asked of a registry. */
export interface RegistryRequest {
  method: ExchangeRequest['method'];
  /** Below the registry, like `/v2/ns/name/blobs/sha256:…`; or what a `Location` or `Link` of it said, resolved. */
  url: string | URL;
  headers?: Record<string, string>;
  /** May be opened again, when the request is sent again after a login. */
  body?: { sizeBytes: number; open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
  /** What a token has to allow: `repository:NAME:pull,push`. A challenge's own scope is added. */
  scopes: readonly string[];
  /** Statuses that are an answer here; any other is an error. */
  expect: readonly number[];
  /**
   * Whether it is sent again after a cut, 429 or 5xx (default true). Where the caller has to look first how much arrived,
   * such an end is thrown with `details.retry` true.
   */
  again?: boolean;
  /** How much longer than usual the answer may take, ms: a registry that hashes a long blob is silent meanwhile. */
  patienceMs?: number;
  /** Whether what a GET leads to is short. */
  isShort?: boolean;
}

/** What a registry answered. */
export interface RegistryAnswer {
  status: number;
  headers: ExchangeResponse['headers'];
  /** Must be read or destroyed. */
  body: Readable;
  /** Where the answer came from, after redirects. */
  url: URL;
}

/**
 * Talks with one registry: logs in when asked to, follows redirects, waits as it is told, tries again. Credentials go to
 * the registry's exact host and to the token service that it names, never to where it redirects (spec SAME-REG-035, SAME-REG-039).
 */
export interface RegistrySession {
  /** `HOST[:PORT]`. */
  readonly host: string;
  /** @throws SAME1801, SAME1802, SAME1803 (404), SAME1806 (another refusal), SAME1208 (a link-local address), SAME1903 */
  ask(request: RegistryRequest): Promise<RegistryAnswer>;
  /** The waiting before the n-th further try of something that the caller repeats (n from 1). @throws SAME1903 */
  pause(tries: number): Promise<void>;
  close(): void;
}

/** What a {@link RegistrySession} needs. */
export interface SessionOptions {
  /** `HOST[:PORT]`, as it stands in a reference. */
  host: string;
  access: Pick<RegistryAccess, 'plainHttp' | 'login'>;
  /** The stored login for this registry; asked once, when the registry wants one and the call brought none. */
  findLogin(): Promise<Login | undefined>;
  /** Closed with the session. */
  wire: Wire;
  clock: SessionClock;
  /** Told, as a line, of a waiting that a person would notice. */
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];
/** A first challenge, and one for more than was thought to be enough or for a token that ended meanwhile. */
const MAX_CHALLENGES = 2;
/** The hub's references and its API have different hosts. */
const API_HOSTS: Record<string, string> = {
  'docker.io': 'registry-1.docker.io',
  'index.docker.io': 'registry-1.docker.io',
};

/** A session with one registry; nothing is sent before {@link RegistrySession.ask}. */
export function openSession(options: SessionOptions): RegistrySession {
  const { host, access, wire, clock, signal, onProgress = () => {} } = options;
  const base = baseOf(host, access.plainHttp === true);
  const mask = openMask();
  const tries = openTries({ host, wire, clock, signal, onProgress });
  /** Whether what has this URL may be on this machine: the registry as the user named it, and what it is next to. */
  const mayBeHere = (url: URL) => url.origin === base.origin || isLoopbackHost(base.hostname);
  const authorization = openAuthorization({
    base,
    host,
    mask,
    clock,
    login: async () => access.login ?? (await options.findLogin()),
    send: (request) => tries.send({ ...request, loopback: mayBeHere(request.url), again: true, expect: [] }),
  });

  async function follow(request: RegistryRequest, login: string | undefined): Promise<RegistryAnswer> {
    const headers = withoutLogin(request.headers);
    let url = allowedUrl(new URL(request.url, base), base);
    let { method, body } = request;
    for (let redirects = 0; ; redirects++) {
      const answer = await tries.send({
        method,
        url,
        headers: { ...headers, ...(login && url.origin === base.origin && { authorization: login }) },
        ...(body && { body }),
        loopback: mayBeHere(url),
        again: request.again ?? true,
        expect: request.expect,
        patienceMs: request.patienceMs,
        ...(request.isShort && { isShort: true }),
      });
      const { status } = answer;
      const { location } = answer.headers;
      if (!location || !REDIRECTS.includes(status) || request.expect.includes(status))
        return { ...answer, url };
      answer.body.on('error', () => {}).destroy();
      const next = URL.parse(location, url.href);
      if (!next) throw answersWrongly(url, 'it redirects to something that is no URL');
      if (redirects === MAX_REDIRECTS)
        throw answersWrongly(url, `it redirects more than ${MAX_REDIRECTS} times`);
      url = allowedUrl(next, url);
      if (status === 303 && method !== 'HEAD') [method, body] = ['GET', undefined];
    }
  }

  return {
    host,
    async ask(request) {
      for (let challenges = 0; ; challenges++) {
        tries.stopIfAborted();
        const login = await authorization.header(request.scopes);
        const answer = await follow(request, login);
        if (request.expect.includes(answer.status)) return asItIs(answer);
        const isElsewhere = answer.url.origin !== base.origin;
        if (answer.status === 401 && !isElsewhere && challenges < MAX_CHALLENGES) {
          const challenge = answer.headers['www-authenticate'];
          if (await authorization.challenged(challenge, request.scopes, login)) {
            answer.body.on('error', () => {}).destroy();
            continue;
          }
        }
        throw await refusalOf(answer, {
          request,
          host,
          mask,
          login: authorization.state(login),
          isElsewhere,
        });
      }
    },
    pause: tries.pause,
    close: wire.close,
  };
}

function baseOf(host: string, plainHttp: boolean): URL {
  const base = URL.parse(`${plainHttp ? 'http' : 'https'}://${API_HOSTS[host] ?? host}`);
  // Whatever else stood in it would decide where a login goes.
  if (base && base.href === `${base.origin}/`) return base;
  const message = `${JSON.stringify(host)} is not the address of a registry`;
  throw new SameError({ code: 'SAME1805', message, hint: 'a registry is HOST or HOST:PORT' });
}

function withoutLogin(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)),
  );
}

/** Content in another encoding has other bytes than those that were asked for. */
function asItIs(answer: RegistryAnswer): RegistryAnswer {
  const encoding = answer.headers['content-encoding'];
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return answer;
  answer.body.on('error', () => {}).destroy();
  throw answersWrongly(answer.url, `its content is encoded as ${JSON.stringify(encoding.slice(0, 40))}`);
}
