import { SameError } from '../errors/same-error.ts';
import { equalJson, isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import type { Login, RegistryAddress } from './registry.ts';

/** What a file in the format of docker's `config.json` says of logins; podman's `auth.json` is the same without stores. */
export interface DockerConfig {
  /** The file, for messages. */
  path: string;
  /** What is in it now. */
  text: string;
  /** All of it; numbers are kept as they are written. */
  document: JsonObject;
  auths: JsonObject;
  /** Names of credential helpers by host. */
  credHelpers: Record<string, string>;
  /** The name of the helper for every other host, or ''. */
  credsStore: string;
}

const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const TOKEN_USER = '<token>';

/** Numbers keep their digits when they are written again: Node has it, TypeScript's library not yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): JsonValue };

/**
 * Reads such a file; an empty one, or none, says nothing.
 * @throws SAME1807 it is damaged: the error says where, and nothing that stands in it
 */
export function parseDockerConfig(bytes: Uint8Array | undefined, path: string): DockerConfig {
  const text = decode(bytes, path);
  const document = text.trim() === '' ? {} : parseObject(text, path);
  const { auths = {}, credHelpers = {}, credsStore = '' } = document;
  const wrong = (what: string) => damaged(path, `${what} in ${path}`);
  if (!isJsonObject(auths ?? {})) throw wrong('"auths" is no object');
  if (!isJsonObject(credHelpers ?? {})) throw wrong('"credHelpers" is no object');
  if (typeof (credsStore ?? '') !== 'string') throw wrong('"credsStore" is no text');
  for (const helper of Object.values(credHelpers ?? {}))
    if (typeof helper !== 'string') throw wrong('a helper in "credHelpers" is no text');
  return {
    path,
    text,
    document,
    auths: (auths ?? {}) as JsonObject,
    credHelpers: (credHelpers ?? {}) as Record<string, string>,
    credsStore: (credsStore ?? '') as string,
  };
}

/** The name under which docker stores the login of a host, in a file and in a helper. */
export function serverNameOf(host: string): string {
  return isDockerHub(host) ? DOCKER_HUB_KEY : host.toLowerCase();
}

/** The credential helper that keeps the login of a host; undefined where the file itself does. */
export function helperOf(config: DockerConfig, host: string): string | undefined {
  const named = keysOf(config.credHelpers, host).find(({ path }) => path === '');
  // An empty name for a host says: not the store that is for all others.
  return (named === undefined ? config.credsStore : config.credHelpers[named.key]) || undefined;
}

/**
 * The login that the file itself holds: for the repository, for the namespace that is nearest to it, else for the host.
 * @throws SAME1807 there is one, but it cannot be read
 */
export function loginIn(config: DockerConfig, address: RegistryAddress): Login | undefined {
  const { auths } = config;
  for (const { key, path } of keysOf(auths, address.host)) {
    if (path !== '' && !`${address.repository}/`.startsWith(`${path}/`)) continue;
    const login = loginOf(auths[key]!, () => {
      throw damaged(
        config.path,
        `the login for ${address.host} in ${config.path} cannot be read`,
        `store it anew with: same login ${address.host}`,
      );
    });
    if (login) return login;
  }
  return undefined;
}

/** What the file itself has of a host. */
export interface StoredKeys {
  /** Its keys for the host, however spelt. */
  own: string[];
  /** Whether one of them holds anything: beside a helper they say only that the helper does. */
  full: boolean;
  /** Its keys for namespaces in the host. */
  namespaces: string[];
}

/** Finds the members of `auths` that concern a host. */
export function storedKeys({ auths }: DockerConfig, host: string): StoredKeys {
  const found = keysOf(auths, host);
  const own = found.filter(({ path }) => path === '').map(({ key }) => key);
  return {
    own,
    full: own.some((key) => !equalJson(auths[key]!, {})),
    namespaces: found.filter(({ path }) => path !== '').map(({ key }) => key),
  };
}

/**
 * The text of the file with a host's login set, or with keys of `auths` removed; all else says what it said before.
 * @returns undefined when that changes nothing
 */
export function changeLogins(
  { document, auths, text }: DockerConfig,
  change: { host: string; login: Login } | { remove: string[] },
): string | undefined {
  const [gone, come] =
    'remove' in change
      ? [change.remove, []]
      : [[serverNameOf(change.host)], [[serverNameOf(change.host), entryOf(change.login)] as const]];
  const changed = Object.fromEntries([
    ...Object.entries(auths).filter(([key]) => !gone.includes(key)),
    ...come,
  ]);
  if (equalJson(changed, auths)) return undefined;
  const indent = /^\s*\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? '\t';
  const end = /\S\n$/.test(text) ? '\n' : '';
  return `${JSON.stringify({ ...document, auths: changed }, null, indent)}${end}`;
}

/** A helper's user name and secret as a login: the user `<token>` says that the secret is an identity token. */
export function loginFrom(username: string, secret: string): Login {
  return username === TOKEN_USER ? { identityToken: secret } : { username, password: secret };
}

/** The user name and secret that a helper is given for a login. */
export function helperWordsOf(login: Login): { username: string; secret: string } {
  if ('username' in login) return { username: login.username, secret: login.password };
  return {
    username: TOKEN_USER,
    secret: 'identityToken' in login ? login.identityToken : login.registryToken,
  };
}

function isDockerHub(host: string): boolean {
  return DOCKER_HUB.includes(host.toLowerCase());
}

/** The keys that mean a host or a namespace in it: longest namespace first, then docker's own spelling of the host. */
function keysOf(members: JsonObject, host: string): { key: string; path: string }[] {
  const hosts = isDockerHub(host) ? DOCKER_HUB : [host.toLowerCase()];
  const rank = (key: string) => [serverNameOf(host), host].indexOf(key) >>> 0;
  return Object.keys(members)
    .flatMap((key) => {
      const place = placeOf(key);
      return place && hosts.includes(place.host) ? [{ key, path: place.path }] : [];
    })
    .sort((a, b) => b.path.length - a.path.length || rank(a.key) - rank(b.key));
}

/**
 * What a key means. `https://HOST/`, `…/v1/`, `…/v2/` are docker's spellings of a host, `HOST/NAMESPACE` is podman's of a
 * namespace; a URL with any other path is neither, though docker would take it for its host.
 */
function placeOf(key: string): { host: string; path: string } | undefined {
  const [, scheme, host, rest = ''] = /^(https?:\/\/)?([^/]+)(?:\/(.*))?$/.exec(key) ?? [];
  if (host === undefined) return undefined;
  if (/^(v[12]\/)?$/.test(rest) || (scheme && /^v[12]$/.test(rest)))
    return { host: host.toLowerCase(), path: '' };
  return scheme ? undefined : { host: host.toLowerCase(), path: rest };
}

function loginOf(entry: JsonValue, unreadable: () => never): Login | undefined {
  if (!isJsonObject(entry)) return unreadable();
  const text = (name: string): string => {
    const value = entry[name] ?? '';
    return typeof value === 'string' ? value : unreadable();
  };
  if (text('registrytoken') !== '') return { registryToken: text('registrytoken') };
  if (text('identitytoken') !== '') return { identityToken: text('identitytoken') };
  if (text('auth') === '') {
    return text('username') === '' ? undefined : loginFrom(text('username'), text('password'));
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text('auth'))) return unreadable();
  const decoded = Buffer.from(text('auth'), 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) return unreadable();
  // Docker once padded passwords with NUL.
  return loginFrom(decoded.slice(0, colon), decoded.slice(colon + 1).replace(/^\0+|\0+$/g, ''));
}

function entryOf(login: Login): JsonObject {
  if ('identityToken' in login) return { identitytoken: login.identityToken };
  if ('registryToken' in login) return { registrytoken: login.registryToken };
  return { auth: Buffer.from(`${login.username}:${login.password}`, 'utf8').toString('base64') };
}

function decode(bytes: Uint8Array | undefined, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged(path, `${path} is not UTF-8`);
  }
}

function parseObject(text: string, path: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(text, (_key, member: JsonValue, context?: { source?: string }) =>
      typeof member === 'number' ? rawJSON(context!.source!) : member,
    ) as JsonValue;
  } catch (error) {
    // The parser's own message quotes what stands there.
    const at = /line (\d+) column (\d+)/.exec((error as Error).message);
    throw damaged(at ? `${path}:${at[1]}:${at[2]}` : path, `${path} is not valid JSON`);
  }
  if (!isJsonObject(value)) throw damaged(path, `${path} is no JSON object`);
  return value;
}

function damaged(place: string, message: string, hint?: string): SameError {
  return new SameError({
    code: 'SAME1807',
    message: `stored logins cannot be read: ${message}`,
    place,
    hint: hint ?? 'mend the file, or name another with REGISTRY_AUTH_FILE or DOCKER_CONFIG',
  });
}
