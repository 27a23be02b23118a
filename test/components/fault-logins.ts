import { randomUUID } from 'node:crypto';
import { type Answer, type Asked, refusal } from './faults.ts';

/** Who may do what. */
export type Gate =
  | { kind: 'open' }
  | { kind: 'basic'; username: string; password: string }
  | {
      kind: 'token';
      username: string;
      password: string;
      /** A token that stands for the login: accepted as `refresh_token` only. */
      identityToken?: string;
      /** How the token service may be asked. */
      methods: readonly ('GET' | 'POST')[];
      /** Whether a token to pull is given to everybody. */
      anonymousPull?: boolean;
      /** After so many requests a token is no longer good. */
      usesPerToken?: number;
      /** What the challenge names as the token service. */
      realm?: string;
    };

/** The server's door: looks at what a request may do, and gives tokens. */
export interface Door {
  /** A refusal, or undefined when the request may pass. */
  check(asked: Asked, realm: string): Answer | undefined;
  /** Whether the request may read another repository. */
  mayPull(asked: Asked, repository: string): boolean;
  /** The token service. */
  tokens(asked: Asked): Answer;
  /** All that must stay secret: passwords, what Basic makes of them, every token. */
  secrets(): string[];
}

interface Grant {
  scopes: Set<string>;
  uses: number;
}

/** Opens the door. */
export function openDoor(gate: Gate): Door {
  const grants = new Map<string, Grant>();
  const basic =
    gate.kind === 'open' ? undefined : Buffer.from(`${gate.username}:${gate.password}`).toString('base64');

  const grantOf = (asked: Asked): Grant | undefined =>
    grants.get(/^Bearer (.+)$/.exec(asked.headers.authorization ?? '')?.[1] ?? '');

  return {
    mayPull: (asked, repository) =>
      gate.kind !== 'token' || grantOf(asked)?.scopes.has(`${repository}:pull`) === true,
    check(asked, realm) {
      if (gate.kind === 'open') return undefined;
      if (gate.kind === 'basic') {
        if (asked.headers.authorization === `Basic ${basic}`) return undefined;
        return unauthorized('Basic realm="fault registry"');
      }
      const grant = grantOf(asked);
      const wanted = wantedBy(asked);
      const lacks = wanted.filter((scope) => !grant?.scopes.has(scope));
      const expired =
        gate.usesPerToken !== undefined && grant !== undefined && grant.uses >= gate.usesPerToken;
      if (grant && lacks.length === 0 && !expired) {
        grant.uses++;
        return undefined;
      }
      const repository = wanted[0]?.split(':')[0];
      const actions = wanted.map((scope) => scope.split(':')[1]).join(',');
      const words = [
        `Bearer realm="${gate.realm ?? realm}"`,
        'service="fault registry"',
        ...(repository === undefined ? [] : [`scope="repository:${repository}:${actions}"`]),
        ...(grant ? [`error="${expired ? 'invalid_token' : 'insufficient_scope'}"`] : []),
      ];
      return unauthorized(words.join(','));
    },
    tokens(asked) {
      if (gate.kind !== 'token' || !gate.methods.includes(asked.method as 'GET')) {
        return refusal(asked.method === 'POST' ? 404 : 405, 'UNSUPPORTED');
      }
      const form = new URLSearchParams(asked.body.toString());
      const asksFor = asked.method === 'GET' ? asked.query : form;
      const known =
        asked.method === 'GET'
          ? asked.headers.authorization === `Basic ${basic}`
          : (form.get('grant_type') === 'refresh_token' &&
              gate.identityToken !== undefined &&
              form.get('refresh_token') === gate.identityToken) ||
            (form.get('grant_type') === 'password' &&
              form.get('username') === gate.username &&
              form.get('password') === gate.password);
      const anonymous = asked.method === 'GET' && asked.headers.authorization === undefined;
      if (!known && !(anonymous && gate.anonymousPull)) return refusal(401, 'UNAUTHORIZED');
      const asks = asksFor.getAll('scope').flatMap((value) => value.split(' '));
      const scopes = asks.flatMap((scope) => {
        const [, name, actions] = /^repository:(.+):([^:]+)$/.exec(scope) ?? [];
        return (actions?.split(',') ?? []).map((action) => `${name}:${action}`);
      });
      const token = `T0KEN-${randomUUID()}`;
      grants.set(token, {
        uses: 0,
        scopes: new Set(scopes.filter((scope) => known || scope.endsWith(':pull'))),
      });
      const body =
        asked.method === 'GET' ? { token, expires_in: 300 } : { access_token: token, expires_in: 300 };
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(body)),
      };
    },
    secrets() {
      if (gate.kind === 'open') return [];
      const identity = gate.kind === 'token' && gate.identityToken ? [gate.identityToken] : [];
      return [gate.password, basic!, ...identity, ...grants.keys()];
    },
  };
}

/** `NAME:pull` and `NAME:push`, as far as the request needs them. */
function wantedBy({ path, method }: Asked): string[] {
  const [, name] = /^\/v2\/(.+)\/(?:blobs|manifests|referrers|tags)\//.exec(path) ?? [];
  if (name === undefined) return [];
  return method === 'GET' || method === 'HEAD' ? [`${name}:pull`] : [`${name}:pull`, `${name}:push`];
}

function unauthorized(challenge: string): Answer {
  const answer = refusal(401, 'UNAUTHORIZED', 'authentication required');
  return { ...answer, headers: { ...answer.headers, 'www-authenticate': challenge } };
}
