import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost } from '../host/addresses.ts';
import { isVersion } from '../program/version.ts';

/** A program in a git repository, as an address says it. */
export interface GitAddress {
  kind: 'git';
  /** What git is given; without credentials, but perhaps with a user's name. */
  repository: string;
  /** Directory inside the repository, `''` for its root. */
  subdirectory: string;
  /** A branch, tag or commit that was named. */
  ref?: string;
  /** After `/tree/`: a ref, which may have slashes, and a directory; only the repository's refs tell where one ends. */
  tree?: string[];
  /** A version that was asked for: the ref is then searched. */
  version?: string;
}

/** What `-f` says, where it is no existing path. */
export type SourceAddress = GitAddress | { kind: 'archive'; url: string } | { kind: 'registry' };

const ARCHIVE = /\.(tgz|tar\.gz|tar|tar\.zst)$/;
const SCP = /^([A-Za-z0-9._][A-Za-z0-9._-]*@)([A-Za-z0-9][A-Za-z0-9.-]*):([^/-].*|\/.*)$/;

/**
 * The address that a text is, by its form alone (spec chapter program, Sources of -f); undefined when it has none of them.
 * @throws SAME1208 for a form or transport that is refused, SAME1202 for a version that is none.
 */
export function parseSourceAddress(text: string): SourceAddress | undefined {
  if (/[\u0000-\u0020\u007f]/.test(text)) return undefined;
  if (text.startsWith('oci://')) return { kind: 'registry' };
  const scp = SCP.exec(text);
  if (scp) {
    const { path, subdirectory, ref } = splitRepository(scp[3]!);
    return { kind: 'git', repository: `${scp[1]}${scp[2]}:${path}`, subdirectory, ref };
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):(:|\/\/)/.exec(text);
  if (!scheme) return undefined;
  switch (scheme[1]!.toLowerCase()) {
    case 'git+https':
    case 'git+http':
    case 'git+ssh':
    case 'git+file':
    case 'ssh':
      return gitAddress(text);
    case 'https':
    case 'http':
      return webAddress(text);
    default:
      throw unsupported(text, `${scheme[1]}: is no transport of programs`);
  }
}

function gitAddress(text: string): GitAddress {
  const [, scheme, authority, rest] = /^(?:git\+)?([a-z]+):\/\/([^/]*)(\/.*)?$/i.exec(text) ?? [];
  if (!scheme || !rest || rest === '/') throw unsupported(text, 'it names no repository');
  const { path, subdirectory, ref } = splitRepository(rest);
  const repository = `${scheme.toLowerCase()}://${authority}${path}`;
  checkAuthority(text, scheme.toLowerCase(), authority ?? '');
  return { kind: 'git', repository, subdirectory, ref };
}

/** `REPO[//SUBDIR][@REF]`: a ref may itself have `/` and `@`, so the first `@` after the `//` counts. */
function splitRepository(text: string): { path: string; subdirectory: string; ref?: string } {
  const double = text.indexOf('//', 1);
  const at = text.indexOf('@', Math.max(double, 0));
  const ref = at < 0 ? undefined : decoded(text.slice(at + 1));
  const before = at < 0 ? text : text.slice(0, at);
  if (ref === '') throw unsupported(text, 'nothing follows the @');
  if (double < 0) return { path: before.replace(/\/+$/, ''), subdirectory: '', ref };
  return { path: before.slice(0, double), subdirectory: cleanSubdirectory(before.slice(double + 2)), ref };
}

function webAddress(text: string): SourceAddress {
  const [, scheme, authority, rest] = /^(https?):\/\/([^/?#]*)([^?#]*)/i.exec(text) ?? [];
  // `https::` is how git writes a transport helper.
  if (!scheme) throw unsupported(text, 'it names no host');
  checkAuthority(text, scheme.toLowerCase(), authority ?? '');
  const base = `${scheme.toLowerCase()}://${authority}`;
  if (ARCHIVE.test(rest ?? '')) return { kind: 'archive', url: text };
  if (/[?#]/.test(text)) throw unsupported(text, 'a repository address has no ? and no #');
  const { path, version } = splitVersion(text, (rest ?? '').replace(/^\//, ''));
  const double = path.indexOf('//');
  if (double >= 0) {
    const repository = `${base}/${path.slice(0, double)}`;
    return { kind: 'git', repository, subdirectory: cleanSubdirectory(path.slice(double + 2)), version };
  }
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.length < 2) {
    throw unsupported(text, 'a repository has at least two parts', `${base}/ORG/REPO[/SUBDIR][:VERSION]`);
  }
  const repository = `${base}/${segments[0]}/${segments[1]}`;
  const below = segments.slice(2);
  if (below[0] === '-' && below[1] === 'tree') below.shift();
  if (below[0] === 'tree' && below.length > 1) {
    return { kind: 'git', repository, subdirectory: '', tree: below.slice(1).map(decoded), version };
  }
  return { kind: 'git', repository, subdirectory: cleanSubdirectory(below.join('/')), version };
}

/** The version is what follows the last `:` of the last segment; the port is in the authority and not seen here. */
function splitVersion(text: string, path: string): { path: string; version?: string } {
  const colon = path.lastIndexOf(':');
  if (colon < 0 || colon < path.lastIndexOf('/')) return { path };
  const version = decoded(path.slice(colon + 1));
  if (!isVersion(version)) {
    throw new SameError({
      code: 'SAME1202',
      message: `${JSON.stringify(version)} at the end of ${withoutLogin(text)} is no version`,
      hint: 'a branch or tag is named as git+https://…[//SUBDIR]@REF',
    });
  }
  return { path: path.slice(0, colon), version };
}

function checkAuthority(text: string, scheme: string, authority: string): void {
  const url = URL.parse(`http://${authority}/`);
  if (scheme === 'file') {
    if (authority !== '' && authority !== 'localhost') throw unsupported(text, 'a file is on this machine');
    return;
  }
  if (!url || authority === '' || /^-|@-/.test(authority)) throw unsupported(text, 'it names no host');
  if (url.password !== '' || /^(gh[pousr]_|github_pat_|glpat-)/.test(url.username)) {
    throw unsupported(text, 'an address holds no password or token', 'use a git credential helper or ssh');
  }
  if (scheme === 'http' && !isLoopbackHost(url.hostname)) {
    throw unsupported(text, 'http is only for this machine', text.replace(/http:/i, 'https:'));
  }
}

function cleanSubdirectory(text: string): string {
  const parts = decoded(text)
    .split('/')
    .filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || part === '.git')) {
    throw unsupported(text, 'the directory inside the repository is not a plain path');
  }
  return parts.join('/');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unsupported(text: string, why: string, hint?: string): SameError {
  return new SameError({ code: 'SAME1208', message: `${withoutLogin(text)} is not a source: ${why}`, hint });
}

/** A URL without user, password, query and fragment; a `git@host:path` stays. */
export function withoutLogin(url: string): string {
  return url
    .replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/]*@/, '$1')
    .replace(/^(\w[\w+.-]*:\/\/[^?#]*)[?#].*$/, '$1');
}

/** The URL as records keep it: without login, and undefined for a path of this machine. */
export function shareable(url: string): string | undefined {
  return /^(https?|ssh|git):\/\//.test(url) || SCP.test(url) ? withoutLogin(url) : undefined;
}
