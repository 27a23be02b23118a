import { SameError } from '../errors/same-error.ts';
import type { ExchangeResponse } from '../host/exchange.ts';
import type { LoginState } from './answers.ts';
import { parseChallenges } from './challenge.ts';
import type { Mask } from './mask.ts';
import type { SessionClock } from './pauses.ts';
import type { Login } from './registry.ts';
import { openTokens, type Tokens } from './tokens.ts';
import type { RepeatedRequest } from './tries.ts';

/** Answers a registry's challenges, and remembers how. */
export interface Authorization {
  /** What to send as `Authorization`, or undefined while the registry has not asked. @throws SAME1801, SAME1802 */
  header(scopes: readonly string[]): Promise<string | undefined>;
  /**
   * Takes note of a 401.
   * @param sent what was sent as `Authorization`
   * @returns whether sending the request again can help
   * @throws SAME1801, SAME1802
   */
  challenged(
    challenge: string | undefined,
    scopes: readonly string[],
    sent: string | undefined,
  ): Promise<boolean>;
  /** @param sent what was sent as `Authorization` with the request that was refused */
  state(sent: string | undefined): LoginState;
}

/** What {@link openAuthorization} needs. */
export interface AuthorizationOptions {
  /** The registry's origin. */
  base: URL;
  /** `HOST[:PORT]`, for messages. */
  host: string;
  mask: Mask;
  clock: SessionClock;
  login(): Promise<Login | undefined>;
  /** One exchange with a token service. */
  send(request: Omit<RepeatedRequest, 'again' | 'expect'>): Promise<ExchangeResponse>;
}

/** Nothing is sent before a registry asks for it; from then on it is sent with every request. */
export function openAuthorization(options: AuthorizationOptions): Authorization {
  const { host, mask } = options;
  let asked: Promise<Login | undefined> | undefined;
  let found: Login | 'none' | undefined;
  let fixed: string | undefined;
  let tokens: Tokens | undefined;

  function findLogin(): Promise<Login | undefined> {
    asked ??= options.login().then((login) => {
      found = login ?? 'none';
      for (const secret of login ? secretsOf(login) : []) mask.add(secret);
      return login;
    });
    return asked;
  }

  return {
    async header(scopes) {
      if (tokens) return `Bearer ${await tokens.token(scopes)}`;
      return fixed;
    },
    async challenged(challenge, scopes, sent) {
      const challenges = parseChallenges(challenge);
      const bearer = challenges.find(
        ({ scheme, parameters }) => scheme === 'bearer' && parameters.get('realm'),
      );
      const login = await findLogin();
      if (login && 'registryToken' in login) {
        fixed = `Bearer ${login.registryToken}`;
        return sent !== fixed;
      }
      if (bearer) {
        tokens ??= openTokens({ ...options, login, parameters: bearer.parameters });
        await tokens.renew(scopes, bearer.parameters.get('scope'), sent?.replace(/^Bearer /, ''));
        return true;
      }
      if (challenges.some(({ scheme }) => scheme === 'basic')) {
        if (!login || !('username' in login)) return false;
        fixed = `Basic ${basicOf(login)}`;
        return sent !== fixed;
      }
      if (challenges.length === 0) return false;
      const schemes = [...new Set(challenges.map(({ scheme }) => scheme.slice(0, 40)))]
        .slice(0, 5)
        .join(', ');
      const message = `${host} wants a kind of login that is not supported: ${schemes}`;
      throw new SameError({ code: 'SAME1802', message });
    },
    state(sent) {
      if (found === 'none') return 'unknown';
      return found && sent ? 'sent' : 'unasked';
    },
  };
}

function basicOf({ username, password }: { username: string; password: string }): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function secretsOf(login: Login): string[] {
  if ('identityToken' in login) return [login.identityToken];
  if ('registryToken' in login) return [login.registryToken];
  return [login.password, basicOf(login)];
}
