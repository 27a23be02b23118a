import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost, withoutCredentials } from '../host/addresses.ts';
import type { ExchangeRequest, Wire } from '../host/exchange.ts';
import { refusalOf } from './answers.ts';
import { openAuthorization } from './authorization.ts';
import { openMask } from './mask.ts';
import { pauseMs, retryAfterMs, type SessionClock } from './pauses.ts';
import type { Login, RegistryAccess } from './registry.ts';

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
}

/** What a registry answered. */
export interface RegistryAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  body: Readable;
  /** Where the answer came from, after redirects. */
  url: URL;
}

/**
 * Talks with one registry: logs in when asked to, follows redirects, waits as it is told, tries again. Credentials go to
 * the registry's exact host and to the token service that it names, never to where it redirects (spec chapter registries).
 */
export interface RegistrySession {
  /** `HOST[:PORT]`. */
  readonly host: string;
  /** @throws SAME1801, SAME1802, SAME1806, SAME1903 */
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
  /** The stored login for this registry; asked when the registry first wants one and the call brought none. */
  findLogin(): Promise<Login | undefined>;
  /** Closed with the session. */
  wire: Wire;
  clock: SessionClock;
  /** Told, as a line, of a waiting that a person would notice. */
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

const MAX_TRIES = 5;
/** A connection on which nothing moves costs a minute each time. */
const MAX_SLOW_TRIES = 2;
const MAX_REDIRECTS = 10;
/** The hub's references and its API have different hosts. */
const API_HOSTS: Record<string, string> = {
  'docker.io': 'registry-1.docker.io',
  'index.docker.io': 'registry-1.docker.io',
};

/** A session with one registry; nothing is sent before {@link RegistrySession.ask}. */
export function openSession(options: SessionOptions): RegistrySession {
  const { host, access, wire, clock, signal, onProgress = () => {} } = options;
  const base = new URL(`${access.plainHttp ? 'http' : 'https'}://${API_HOSTS[host] ?? host}`);
  const mask = openMask();
  let answeredOnce = false;

  function interrupted(): SameError | undefined {
    return signal?.aborted ? new SameError({ code: 'SAME1903', message: 'interrupted' }) : undefined;
  }

  async function wait(ms: number, why?: string): Promise<void> {
    if (why && ms >= 2_000) onProgress(`${host} ${why}: waiting ${Math.round(ms / 1000)} s`);
    if (!signal?.aborted && ms > 0) await clock.sleep(ms);
    const stop = interrupted();
    if (stop) throw stop;
  }

  /** One exchange, again when it is cut or the server is overloaded, as far as `request` allows. */
  async function exchange(
    request: ExchangeRequest & { again: boolean; open?(): Chunks; expect: readonly number[] },
  ) {
    for (let tries = 1; ; tries++) {
      const last = tries >= MAX_TRIES;
      try {
        const body = request.open && { sizeBytes: request.body!.sizeBytes, chunks: request.open() };
        const response = await wire.send({ ...request, body });
        answeredOnce = true;
        const status = response.status;
        if (request.expect.includes(status) || !isTransient(status)) return response;
        const ms = retryAfterMs(response.headers['retry-after'], clock) ?? pauseMs(tries, clock);
        // A request that is turned away for coming too often has changed nothing.
        if (last || !(request.again || status === 429)) return response;
        response.body.on('error', () => {}).destroy();
        await wait(ms, `answers ${status}`);
      } catch (error) {
        const why = whyOf(error);
        if (why === undefined) throw error;
        const transient =
          why === 'cut' || why === 'slow' || (answeredOnce && (why === 'refused' || why === 'name'));
        if (!transient) throw hinted(error as SameError);
        if (!request.again)
          throw new SameError((error as SameError).findings, {
            cause: error,
            details: { ...(error as SameError).details, retry: true },
          });
        if (last || (why === 'slow' && tries >= MAX_SLOW_TRIES)) throw hinted(error as SameError, tries);
        await wait((error as SameError).details.reused ? 0 : pauseMs(tries, clock), 'cannot be reached');
      }
    }
  }

  function hinted(error: SameError, tries = 1): SameError {
    const { reason } = error.details;
    const hint =
      reason === 'plain'
        ? 'for a registry without TLS, add --plain-http'
        : reason === 'authority'
          ? 'add --ca FILE with the certificate of its authority'
          : undefined;
    const findings = error.findings.map((finding) => ({
      ...finding,
      message: `${finding.message}${tries > 1 ? ` (tried ${tries} times)` : ''}`,
      ...(hint && { hint }),
    }));
    return new SameError(findings, { cause: error.cause, details: error.details });
  }

  const authorization = openAuthorization({
    base,
    host,
    mask,
    clock,
    login: async () => access.login ?? (await options.findLogin()),
    exchange: (request) => exchange({ ...request, again: true, expect: [] }),
  });

  /** Where a redirect or a `Location` may lead. */
  function allowed(target: URL, from: URL): URL {
    const url = new URL(target);
    url.username = url.password = url.hash = '';
    const refuse = (why: string) =>
      new SameError(
        {
          code: 'SAME1801',
          message: `${from.host} answers wrongly: it leads to ${withoutCredentials(url)}, ${why}`,
        },
        { details: { why: 'protocol' } },
      );
    if (from.protocol === 'https:' && url.protocol === 'http:') {
      // A server behind a proxy that speaks TLS for it does not know that it is asked by https.
      if (url.host !== from.host) throw refuse('which is not https');
      url.protocol = 'https:';
    }
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('which is not http');
    if (isLoopbackHost(url.hostname) && !isLoopbackHost(from.hostname))
      throw refuse('which is on this machine');
    return url;
  }

  async function follow(request: RegistryRequest, authorizationValue?: string): Promise<RegistryAnswer> {
    let url = allowed(new URL(request.url, base), base);
    let method = request.method;
    const headers = Object.fromEntries(
      Object.entries(request.headers ?? {}).filter(([name]) => !/^(authorization|cookie)$/i.test(name)),
    );
    for (let redirects = 0; ; redirects++) {
      const own = url.origin === base.origin;
      const response = await exchange({
        method,
        url,
        headers: { ...headers, ...(own && authorizationValue && { authorization: authorizationValue }) },
        ...(request.body &&
          method === request.method && { body: { ...request.body, chunks: [] }, open: request.body.open }),
        again: request.again ?? true,
        expect: request.expect,
        loopback: own || isLoopbackHost(base.hostname),
      });
      const { status, headers: said, body } = response;
      const isRedirect = [301, 302, 303, 307, 308].includes(status) && !request.expect.includes(status);
      if (!isRedirect || !said.location) return { status, headers: said, body, url };
      body.on('error', () => {}).destroy();
      const next = URL.parse(said.location, url.href);
      if (!next || redirects === MAX_REDIRECTS) {
        const why = next
          ? `redirects more than ${MAX_REDIRECTS} times`
          : 'redirects to something that is no URL';
        throw new SameError(
          { code: 'SAME1801', message: `${url.host} answers wrongly: it ${why}` },
          { details: { why: 'protocol' } },
        );
      }
      url = allowed(next, url);
      if (status === 303 && method !== 'HEAD') method = 'GET';
    }
  }

  return {
    host,
    async ask(request) {
      for (let logins = 0; ; logins++) {
        const stop = interrupted();
        if (stop) throw stop;
        const answer = await follow(request, await authorization.header(request.scopes));
        if (request.expect.includes(answer.status)) return plainAnswer(answer);
        if (answer.status === 401 && answer.url.origin === base.origin && logins < 2) {
          const again = await authorization.challenged(answer.headers['www-authenticate'], request.scopes);
          if (again) {
            answer.body.on('error', () => {}).destroy();
            continue;
          }
        }
        throw await refusalOf(answer, { request, host, mask, login: authorization.state() });
      }
    },
    pause: (tries) => wait(pauseMs(tries, clock), 'cannot be reached'),
    close: () => wire.close(),
  };

  function plainAnswer(answer: RegistryAnswer): RegistryAnswer {
    const encoding = answer.headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return answer;
    answer.body.on('error', () => {}).destroy();
    const message = `${answer.url.host} answers wrongly: it sends content in another encoding (${JSON.stringify(encoding.slice(0, 40))}), which was not asked for`;
    throw new SameError({ code: 'SAME1801', message }, { details: { why: 'protocol' } });
  }
}

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

function whyOf(error: unknown): string | undefined {
  return error instanceof SameError && error.code === 'SAME1801' ? String(error.details.why) : undefined;
}
