import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { foldName, isName } from './name.ts';
import { isHost } from './reference.ts';

/** What a name for a registry stands for: `oci://HOST[:PORT][/NAMESPACE]`. */
export interface RegistryAlias {
  /** As its user spells it; names that are equal after ASCII lower-casing are one. */
  name: string;
  /** `oci://HOST[:PORT][/NAMESPACE]`, the host in lower case. */
  address: string;
}

/** The aliases of a home by name in lower case. */
export type RegistryAliases = ReadonlyMap<string, RegistryAlias>;

/** The two parts of what follows `oci://`: a host, or an alias in its place, and all after the first slash. */
export interface AddressParts {
  host: string;
  /** Empty when there is nothing after the host. */
  path: string;
}

const SCHEME = 'oci://';
const NAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** What the hints of aliases say of their names. */
export const ALIAS_NAME_RULE =
  'an alias is 1 to 63 letters, digits and dashes, a letter or digit at both ends, and not localhost';

/**
 * Whether a host is the name of an alias: 1 to 63 letters, digits and dashes, not `localhost`. What has a point, a port
 * or brackets is a host.
 */
export function isAliasName(host: string): boolean {
  return NAME.test(host) && foldName(host) !== 'localhost';
}

/**
 * Splits `oci://HOST[/PATH]`, looking at the host only: what the path is, its reader says.
 * @throws SAME1805 it has another form
 */
export function splitAddress(text: string): AddressParts {
  if (!text.startsWith(SCHEME)) {
    const meant = /^[a-z][a-z0-9+]*:\/\//i.test(text) ? 'oci://HOST/NAMESPACE/NAME' : `${SCHEME}${text}`;
    throw invalid(`"${text}" is no address of a registry`, `an address begins with oci://, like ${meant}`);
  }
  const rest = text.slice(SCHEME.length);
  const slash = rest.indexOf('/');
  const host = slash < 0 ? rest : rest.slice(0, slash);
  if (!isHost(host))
    throw invalid(`"${host}" in "${text}" is no host`, 'write oci://HOST[:PORT]/NAMESPACE/NAME');
  return { host: foldName(host), path: slash < 0 ? '' : rest.slice(slash + 1) };
}

/**
 * Reads what an alias stands for.
 * @returns it with its host in lower case
 * @throws SAME1805 it is no `oci://HOST[:PORT][/NAMESPACE]`, or its host could be an alias again
 */
export function parseAliasAddress(text: string): string {
  const { host, path } = splitAddress(text);
  if (isAliasName(host)) {
    throw invalid(
      `"${host}" in "${text}" is an alias itself, and aliases do not lead to aliases`,
      `write the host out; one that has no point is written with its port: oci://${host}:443`,
    );
  }
  if (text.length === SCHEME.length + host.length) return `${SCHEME}${host}`;
  if (isName(path)) return `${SCHEME}${host}/${path}`;
  if (path === '') throw invalid(`"${text}" ends with a slash`, 'leave it out');
  throw invalid(
    `"${path}" in "${text}" is no namespace`,
    /[:@]/.test(path)
      ? 'an alias stands for a registry and a namespace, without version or digest'
      : 'letters and digits joined by single ".", "_" or "-", segments joined by "/", at most 128 bytes',
  );
}

/**
 * Puts what an alias stands for in its place: `oci://ALIAS/REST` becomes `oci://HOST/NAMESPACE/REST`.
 * @param text `oci://…` whose host may be an alias
 * @throws SAME1805 its host could be an alias only, and there is no such alias
 */
export function expandAlias(text: string, aliases: RegistryAliases): string {
  const { host, path } = splitAddress(text);
  if (!isAliasName(host)) return text;
  const alias = aliases.get(foldName(host));
  if (!alias) throw unknownAlias(host, aliases);
  return path === '' ? alias.address : `${alias.address}/${path}`;
}

/** That there is no alias of a name, with the one that is near. */
export function unknownAlias(name: string, aliases: RegistryAliases): SameError {
  const names = [...aliases.values()].map((alias) => alias.name);
  const meant = nearest(name, names);
  const known = names.length === 0 ? 'no alias is set' : `aliases: ${names.join(', ')}`;
  return invalid(
    `there is no alias "${name}"${meant ? ` — did you mean ${meant}?` : ''} (${known})`,
    `set it with: same create alias ${name} oci://HOST/NAMESPACE; a host of that name is written with its port: oci://${name}:443`,
  );
}

function invalid(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1805', message, hint });
}
