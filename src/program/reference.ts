import { SameError } from '../errors/same-error.ts';
import { isSha256 } from './digest.ts';
import { isName } from './name.ts';
import { isVersion } from './version.ts';

/** What names a program: here, or in a registry when it has a host. */
export interface Reference {
  /** `HOST[:PORT]`, only of `oci://` references. */
  host?: string;
  /** The segments between host and name, joined by `/`. */
  namespace?: string;
  name: string;
  version?: string;
  /** `sha256:HEX`; it wins, and the version is then checked against what it leads to. */
  digest?: string;
}

const SCHEME = 'oci://';
const HOST = /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:(?<port>[0-9]{1,5}))?$/;

/**
 * Reads `NAME[:VERSION][@sha256:HEX]` or `oci://HOST[:PORT]/[NAMESPACE/]NAME[:VERSION][@sha256:HEX]`.
 * @throws {SameError} SAME1203 not a reference, SAME1201 its name, SAME1202 its version is not valid.
 */
export function parseReference(text: string): Reference {
  const remote = text.startsWith(SCHEME);
  if (!remote && /^[a-z][a-z0-9+]*:\/\//i.test(text)) {
    throw invalid(
      'SAME1203',
      `"${text}" is not a reference`,
      'a source is given with -f; a registry is written oci://HOST/NAME',
    );
  }
  let rest = remote ? text.slice(SCHEME.length) : text;
  const reference: Omit<Reference, 'name'> = {};
  if (remote) {
    const slash = rest.indexOf('/');
    const host = slash < 0 ? rest : rest.slice(0, slash);
    if (slash < 0 || !isHost(host)) {
      throw invalid(
        'SAME1203',
        `"${text}" is not a reference`,
        'write oci://HOST[:PORT]/[NAMESPACE/]NAME[:VERSION]',
      );
    }
    reference.host = host;
    rest = rest.slice(slash + 1);
  }
  const at = rest.indexOf('@');
  if (at >= 0) {
    reference.digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!isSha256(reference.digest)) {
      throw invalid(
        'SAME1203',
        `"${reference.digest}" is not a digest`,
        'write @sha256: and 64 lower-case hexadecimal digits',
      );
    }
  }
  const colon = rest.indexOf(':');
  if (colon >= 0) {
    reference.version = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    checkVersion(reference.version);
  }
  if (!isName(rest)) {
    throw invalid(
      'SAME1201',
      `"${rest}" is not a name`,
      'letters and digits joined by single ".", "_" or "-", segments joined by "/", at most 128 bytes',
    );
  }
  if (!remote) return { ...reference, name: rest };
  const last = rest.lastIndexOf('/');
  if (last < 0) return { ...reference, name: rest };
  return { ...reference, namespace: rest.slice(0, last), name: rest.slice(last + 1) };
}

/** Writes a reference as {@link parseReference} reads it. */
export function formatReference(reference: Reference): string {
  const { host, namespace, name, version, digest } = reference;
  return [
    host === undefined ? '' : `${SCHEME}${host}/`,
    namespace === undefined ? '' : `${namespace}/`,
    name,
    version === undefined ? '' : `:${version}`,
    digest === undefined ? '' : `@${digest}`,
  ].join('');
}

/** The repository of a program in a registry: its namespace and name in ASCII lower case (spec SAME-REF-012). */
export function repositoryOf({ namespace, name }: Reference): string {
  return [namespace, name]
    .filter((part) => part !== undefined)
    .join('/')
    .toLowerCase();
}

/** True for `HOST[:PORT]` as it stands in a reference (spec SAME-REF-008). */
export function isHost(host: string): boolean {
  const match = HOST.exec(host);
  if (!match) return false;
  const port = Number(match.groups?.port ?? 1);
  return port >= 1 && port <= 65_535;
}

function checkVersion(version: string): void {
  if (isVersion(version)) return;
  const hint =
    version === 'latest'
      ? 'leave the version out to get the highest one'
      : 'a letter or digit, then letters, digits, ".", "+" or "-", at most 127 in all';
  throw invalid('SAME1202', `"${version}" is not a version`, hint);
}

function invalid(code: 'SAME1201' | 'SAME1202' | 'SAME1203', message: string, hint: string): SameError {
  return new SameError({ code, message, hint });
}
