import { SameError } from '../errors/same-error.ts';
import type { ExchangeRequest, ExchangeResponse } from '../host/exchange.ts';
import type { LoginState } from './answers.ts';
import { parseChallenges } from './challenge.ts';
import type { Mask } from './mask.ts';
import type { SessionClock } from './pauses.ts';
import type { Login } from './registry.ts';
import { openTokens, type Tokens } from './tokens.ts';

/** Answers a registry's challenges, and remembers how. */
export interface Authorization {
  /** What to send as `Authorization`, or undefined while the registry has not asked. */
  header(scopes: readonly string[]): Promise<string | undefined>;
  /**
   * Takes note of a 401.
   * @returns whether sending the request again can help
   * @throws SAME1801, SAME1802
   */
  challenged(header: string | undefined, scopes: readonly string[]): Promise<boolean>;
  state(): LoginState;
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
  exchange(request: ExchangeRequest): Promise<ExchangeResponse>;
}

/** Nothing is sent before a registry asks for it. */
export function openAuthorization(options: AuthorizationOptions): Authorization {
  const { host, mask } = options;
  let asked: Promise<Login | undefined> | undefined;
  let state: LoginState = 'none';
  let fixed: string | undefined;
  let tokens: Tokens | undefined;

  function login(): Promise<Login | undefined> {
    asked ??= options.login().then((found) => {
      for (const secret of found ? secretsOf(found) : []) mask.add(secret);
      return found;
    });
    return asked;
  }

  return {
    async header(scopes) {
      if (fixed) return fixed;
      const token = await tokens?.token(scopes);
      return token && `Bearer ${token}`;
    },
    async challenged(header, scopes) {
      const challenges = parseChallenges(header);
      const bearer = challenges.find(
        ({ scheme, parameters }) => scheme === 'bearer' && parameters.get('realm'),
      );
      const found = await login();
      state = found ? 'sent' : 'anonymous';
      if (fixed) return false;
      if (found && 'registryToken' in found) {
        fixed = `Bearer ${found.registryToken}`;
        return true;
      }
      if (bearer) {
        tokens ??= openTokens({ ...options, login: found, parameters: bearer.parameters });
        await tokens.renew(scopes, bearer.parameters.get('scope'));
        return true;
      }
      if (challenges.some(({ scheme }) => scheme === 'basic')) {
        if (!found || !('username' in found)) return false;
        fixed = `Basic ${Buffer.from(`${found.username}:${found.password}`).toString('base64')}`;
        mask.add(fixed.slice('Basic '.length));
        return true;
      }
      if (challenges.length === 0) return false;
      const schemes = challenges.map(({ scheme }) => scheme.slice(0, 40)).join(', ');
      throw new SameError({
        code: 'SAME1802',
        message: `${host} wants a kind of login that is not supported: ${schemes}`,
      });
    },
    state: () => state,
  };
}

function secretsOf(login: Login): string[] {
  if ('identityToken' in login) return [login.identityToken];
  if ('registryToken' in login) return [login.registryToken];
  return [login.password, Buffer.from(`${login.username}:${login.password}`).toString('base64')];
}
