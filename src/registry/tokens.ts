import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost } from '../host/addresses.ts';
import type { ExchangeResponse } from '../host/exchange.ts';
import { wordsOf } from './answers.ts';
import type { AuthorizationOptions } from './authorization.ts';
import { shownUrl } from './redirect.ts';
import type { Login } from './registry.ts';
import { covers, parseScopes, type Scopes, scopeTexts } from './scopes.ts';

/** Access tokens of a registry's token service, kept while they are good. */
export interface Tokens {
  /** A token that allows these scopes, kept or new. @throws SAME1801, SAME1802 */
  token(scopes: readonly string[]): Promise<string>;
  /** Forgets a token that was not accepted, and notes that these scopes need what the challenge names too. */
  renew(
    scopes: readonly string[],
    challenged: string | undefined,
    refused: string | undefined,
  ): Promise<void>;
}

/** What {@link openTokens} needs. */
export interface TokenOptions
  extends Pick<AuthorizationOptions, 'base' | 'host' | 'mask' | 'clock' | 'send'> {
  login: Login | undefined;
  /** Of the challenge: `realm`, `service`. */
  parameters: ReadonlyMap<string, string>;
}

interface Token {
  text: string;
  goodUntilMs: number;
}

/** What a token is good for when the service does not say. */
const DEFAULT_SECONDS = 60;
/** A token that ends on its way is refused. */
const MARGIN_SECONDS = 10;
const LONGEST_ANSWER_BYTES = 1024 * 1024;

/**
 * The tokens of one service: by GET with the login as Basic, by oauth2 with an identity token, and by oauth2's password
 * grant where the service has no GET.
 * @throws SAME1802 the realm is no place for a login
 */
export function openTokens(options: TokenOptions): Tokens {
  const { host, base, login, mask, clock, send } = options;
  const realm = checkedRealm(options.parameters.get('realm')!, base, host);
  const where = `the token service of ${host}, ${shownUrl(realm)},`;
  const service = options.parameters.get('service');
  const kept: { scopes: Scopes; token: Promise<Token> }[] = [];
  const more = new Map<string, string>();

  function wantedBy(scopes: readonly string[]): Scopes {
    return parseScopes([...scopes, more.get(scopes.join(' ')) ?? '']);
  }

  function drop(entry: (typeof kept)[number]): void {
    const at = kept.indexOf(entry);
    if (at >= 0) kept.splice(at, 1);
  }

  async function token(scopes: readonly string[]): Promise<string> {
    const wanted = wantedBy(scopes);
    for (;;) {
      const found = kept.find((candidate) => covers(candidate.scopes, wanted));
      const entry = found ?? { scopes: wanted, token: fetchToken(scopeTexts(wanted)) };
      // Those who come meanwhile wait for the same token.
      if (!found) kept.push(entry);
      try {
        const { text, goodUntilMs } = await entry.token;
        if (!found || clock.nowMs() < goodUntilMs) return text;
      } catch (error) {
        drop(entry);
        throw error;
      }
      drop(entry);
    }
  }

  /** Again, once, where the answer is cut: all else is tried again where it is sent. */
  function fetchToken(scopes: readonly string[]): Promise<Token> {
    return fetchOnce(scopes).catch((error) => {
      if (error instanceof SameError && error.details.why === 'cut') return fetchOnce(scopes);
      throw error;
    });
  }

  async function fetchOnce(scopes: readonly string[]): Promise<Token> {
    const askedMs = clock.nowMs();
    let response =
      login && 'identityToken' in login
        ? await post({ grant_type: 'refresh_token', refresh_token: login.identityToken }, scopes)
        : await get(scopes);
    if ([404, 405].includes(response.status) && login && 'username' in login) {
      response.body.on('error', () => {}).destroy();
      response = await post(
        { grant_type: 'password', username: login.username, password: login.password },
        scopes,
      );
    }
    if (response.status !== 200) throw await denied(response);
    const { text, seconds } = await read(response);
    mask.add(text);
    return { text, goodUntilMs: askedMs + (seconds - Math.min(MARGIN_SECONDS, seconds / 5)) * 1000 };
  }

  function get(scopes: readonly string[]): Promise<ExchangeResponse> {
    const url = new URL(realm);
    if (service) url.searchParams.append('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (!login || !('username' in login)) return send({ method: 'GET', url });
    url.searchParams.append('account', login.username);
    const basic = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    return send({ method: 'GET', url, headers: { authorization: `Basic ${basic}` } });
  }

  function post(grant: Record<string, string>, scopes: readonly string[]): Promise<ExchangeResponse> {
    const form = new URLSearchParams({ ...grant, client_id: 'same' });
    if (service) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const bytes = Buffer.from(form.toString());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return send({
      method: 'POST',
      url: realm,
      headers,
      body: { sizeBytes: bytes.length, open: () => [bytes] },
    });
  }

  async function denied({ status, body }: ExchangeResponse): Promise<SameError> {
    const { words } = await wordsOf(body, mask);
    const message = `${where} gives no token: it answered ${status}${words && ` (${words})`}`;
    // Some give tokens by POST only, which takes a login.
    const wantsLogin = !login && (status === 404 || status === 405);
    if (!wantsLogin && (status < 400 || status > 403)) return new SameError({ code: 'SAME1801', message });
    return new SameError({ code: 'SAME1802', message, hint: `same login ${host}` }, { details: { status } });
  }

  async function read({ body }: ExchangeResponse): Promise<{ text: string; seconds: number }> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > LONGEST_ANSWER_BYTES) throw wrong('its answer is too long');
      chunks.push(chunk);
    }
    const { token, access_token, expires_in } = parsed(Buffer.concat(chunks).toString('utf8'));
    const text = token || access_token;
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) throw wrong('its answer has no token');
    return { text, seconds: typeof expires_in === 'number' && expires_in > 0 ? expires_in : DEFAULT_SECONDS };
  }

  function wrong(why: string): SameError {
    const message = `${where} answers wrongly: ${why}`;
    return new SameError({ code: 'SAME1801', message }, { details: { why: 'protocol' } });
  }

  return {
    token,
    async renew(scopes, challenged, refused) {
      if (challenged) more.set(scopes.join(' '), challenged);
      for (const entry of [...kept]) {
        const known = await entry.token.catch(() => undefined);
        if (known?.text === refused) drop(entry);
      }
    },
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Where a login may be taken: https, this machine from this machine, or where the user already sends it by http. */
function checkedRealm(text: string, base: URL, host: string): URL {
  const realm = URL.parse(text);
  const refuse = (why: string) =>
    new SameError({ code: 'SAME1802', message: `${host} names a token service that is not asked: ${why}` });
  if (!realm) throw refuse('its address is no URL');
  realm.username = realm.password = realm.hash = '';
  if (realm.origin === base.origin) return realm;
  const local = isLoopbackHost(realm.hostname);
  if (local && !isLoopbackHost(base.hostname)) throw refuse(`${shownUrl(realm)} is on this machine`);
  if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && local))
    throw refuse(`${shownUrl(realm)} is not https`);
  return realm;
}
