import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost, withoutCredentials } from '../host/addresses.ts';
import type { ExchangeResponse } from '../host/exchange.ts';
import { wordsOf } from './answers.ts';
import type { AuthorizationOptions } from './authorization.ts';
import type { Login } from './registry.ts';

/** Access tokens of a registry's token service, kept while they are good. */
export interface Tokens {
  /** A token that allows these scopes, kept or new. */
  token(scopes: readonly string[]): Promise<string>;
  /** Forgets what was not accepted, and asks for one that allows `challenged` too. */
  renew(scopes: readonly string[], challenged?: string): Promise<void>;
}

/** What {@link openTokens} needs. */
export interface TokenOptions extends AuthorizationOptionsOfTokens {
  login: Login | undefined;
  /** Of the challenge: `realm`, `service`. */
  parameters: ReadonlyMap<string, string>;
}

type AuthorizationOptionsOfTokens = Pick<
  AuthorizationOptions,
  'base' | 'host' | 'mask' | 'clock' | 'exchange'
>;

interface Kept {
  token: Promise<{ token: string; goodUntilMs: number }>;
}

/** What a token is good for when the service does not say, and what is left of it for the way. */
const DEFAULT_SECONDS = 60;
const LONGEST_ANSWER_BYTES = 1024 * 1024;

/** @throws SAME1802 the realm is no place for credentials */
export function openTokens(options: TokenOptions): Tokens {
  const { host, base, login, mask, clock, exchange } = options;
  const realm = checkedRealm(options.parameters.get('realm')!, base, host);
  const service = options.parameters.get('service');
  const kept = new Map<string, Kept>();
  /** What challenges asked for beyond what was thought to be enough, by the scopes that were. */
  const more = new Map<string, string>();

  const keyOf = (scopes: readonly string[]) =>
    joinScopes([...scopes, more.get(joinScopes(scopes).join(' ')) ?? '']);

  async function get(scopes: readonly string[]): Promise<string> {
    const all = keyOf(scopes);
    const key = all.join(' ');
    for (;;) {
      const entry = kept.get(key) ?? { token: fetchToken(all) };
      kept.set(key, entry);
      try {
        const { token, goodUntilMs } = await entry.token;
        if (clock.nowMs() < goodUntilMs) return token;
      } catch (error) {
        kept.delete(key);
        throw error;
      }
      if (kept.get(key) === entry) kept.delete(key);
    }
  }

  async function fetchToken(scopes: readonly string[]): Promise<{ token: string; goodUntilMs: number }> {
    const askedMs = clock.nowMs();
    let response =
      login && 'identityToken' in login
        ? await post({ grant_type: 'refresh_token', refresh_token: login.identityToken }, scopes)
        : await getOne(scopes);
    if ((response.status === 404 || response.status === 405) && login && 'username' in login) {
      response.body.on('error', () => {}).destroy();
      response = await post(
        { grant_type: 'password', username: login.username, password: login.password },
        scopes,
      );
    }
    const { token, seconds } = await read(response);
    mask.add(token);
    const margin = Math.min(10, seconds / 5);
    return { token, goodUntilMs: askedMs + Math.max(1, seconds - margin) * 1000 };
  }

  function getOne(scopes: readonly string[]): Promise<ExchangeResponse> {
    const url = new URL(realm);
    if (service) url.searchParams.append('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const headers: Record<string, string> = {};
    if (login && 'username' in login) {
      url.searchParams.append('account', login.username);
      headers.authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    }
    return exchange({ method: 'GET', url, headers });
  }

  function post(grant: Record<string, string>, scopes: readonly string[]): Promise<ExchangeResponse> {
    const form = new URLSearchParams({ ...grant, client_id: 'same' });
    if (service) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const bytes = Buffer.from(form.toString());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return exchange({
      method: 'POST',
      url: realm,
      headers,
      body: { sizeBytes: bytes.length, chunks: [bytes] },
    });
  }

  async function read(response: ExchangeResponse): Promise<{ token: string; seconds: number }> {
    const { status } = response;
    const where = `${host}'s token service ${withoutCredentials(realm)}`;
    if (status !== 200) {
      const { words } = await wordsOf(response.body, mask);
      const said = `it answered ${status}${words && ` (${words})`}`;
      if (status >= 500 || status === 429)
        throw new SameError({ code: 'SAME1801', message: `${where} gives no token: ${said}` });
      const hint = `same login ${host}`;
      throw new SameError({ code: 'SAME1802', message: `${where} gives no token: ${said}`, hint });
    }
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > LONGEST_ANSWER_BYTES) throw wrong(where, 'its answer is too long');
      chunks.push(chunk);
    }
    const { token, access_token, expires_in } = parsed(Buffer.concat(chunks).toString('utf8'));
    const value = token || access_token;
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
      throw wrong(where, 'its answer has no token');
    return {
      token: value,
      seconds: typeof expires_in === 'number' && expires_in > 0 ? expires_in : DEFAULT_SECONDS,
    };
  }

  return {
    token: get,
    async renew(scopes, challenged) {
      kept.delete(keyOf(scopes).join(' '));
      if (challenged) more.set(joinScopes(scopes).join(' '), challenged);
      kept.delete(keyOf(scopes).join(' '));
    },
  };
}

function wrong(where: string, why: string): SameError {
  return new SameError(
    { code: 'SAME1801', message: `${where} answers wrongly: ${why}` },
    { details: { why: 'protocol' } },
  );
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Where a login may be taken: https, this machine, or what was asked without TLS as the user wanted. */
function checkedRealm(text: string, base: URL, host: string): URL {
  const realm = URL.parse(text);
  const refuse = (why: string) =>
    new SameError({ code: 'SAME1802', message: `${host} names a token service that is not asked: ${why}` });
  if (!realm) throw refuse('its address is no URL');
  realm.username = realm.password = realm.hash = '';
  if (realm.origin === base.origin) return realm;
  const shown = withoutCredentials(realm);
  const local = isLoopbackHost(realm.hostname);
  if (local && !isLoopbackHost(base.hostname)) throw refuse(`${shown} is on this machine`);
  if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && local))
    throw refuse(`${shown} is not https`);
  return realm;
}

/** Scopes as a sorted list, the actions of one resource together. */
function joinScopes(scopes: readonly string[]): string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes.flatMap((text) => text.split(/\s+/)).filter((text) => text !== '')) {
    const at = scope.lastIndexOf(':');
    const [resource, list] =
      at > scope.indexOf(':') ? [scope.slice(0, at), scope.slice(at + 1)] : [scope, ''];
    const all = actions.get(resource) ?? new Set();
    for (const action of list.split(',')) if (action !== '') all.add(action);
    actions.set(resource, all);
  }
  return [...actions]
    .map(([resource, all]) => (all.size > 0 ? `${resource}:${[...all].sort().join(',')}` : resource))
    .sort();
}
