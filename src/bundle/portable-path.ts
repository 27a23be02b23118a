import { LIMITS, type Limits } from './oci.ts';

/** Longest single name in UTF-8 bytes. */
const MAX_NAME_BYTES = 255;

const reservedName = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const plainPath = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*[A-Za-z0-9_-]$/;

/** Order of two paths by their UTF-8 bytes, which is the order of code points. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return byteRank(x) - byteRank(y);
  }
  return a.length - b.length;
}

// UTF-16 puts surrogates (code points above U+FFFF) before U+E000..U+FFFF; UTF-8 puts them after.
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Why a path may not be in a tar layer (SAME-BND-033), or undefined when it may; how long it is, is
 * {@link overPathLimit}'s. The answer completes the sentence "PATH …".
 */
export function checkPath(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (!path.isWellFormed()) return 'is not valid UTF-8';
  if (/[\x00-\x1f\x7f-\x9f]/.test(path)) return 'has a control character';
  if (path.includes('\\')) return 'has a backslash';
  if (path.startsWith('/')) return 'is absolute';
  if (/^[A-Za-z]:/.test(path)) return 'starts with a drive letter';
  if (/[^\x00-\x7f]/.test(path) && path.normalize('NFC') !== path) return 'is not in Unicode form NFC';
  for (const part of path.split('/')) {
    const because = checkName(part);
    if (because) return because;
  }
  return undefined;
}

/** The limit that a path is beyond, if any, and why, completing "PATH …" (SAME-BND-034). */
export function overPathLimit(
  path: string,
  { pathBytes, pathSegments }: Pick<Limits, 'pathBytes' | 'pathSegments'> = LIMITS,
): { limit: 'pathBytes' | 'pathSegments'; because: string } | undefined {
  if (path.length * 3 > pathBytes && Buffer.byteLength(path) > pathBytes) {
    return { limit: 'pathBytes', because: `is longer than ${pathBytes} bytes` };
  }
  // A path has at most every second character a slash.
  if (path.length >= 2 * pathSegments && path.split('/').length > pathSegments) {
    return { limit: 'pathSegments', because: `has more than ${pathSegments} segments` };
  }
  return undefined;
}

function checkName(name: string): string | undefined {
  if (plainPath.test(name) && name.length <= 85 && !reservedName.test(name)) return undefined;
  if (name === '') return 'has an empty part';
  if (name === '.' || name === '..') return `has a part "${name}"`;
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name longer than ${MAX_NAME_BYTES} bytes`;
  if (reservedName.test(name)) return `has the name "${name}", which Windows reserves`;
  if (name.endsWith('.') || name.endsWith(' ')) return 'has a name that ends in a dot or space';
  return undefined;
}

/** A directory in a directory and so on, where only the last has more than one name in it; or a file at such an end. */
interface Chain {
  /** As first spelled, joined by slashes. */
  names: string;
  /** What is in the innermost directory, by the folded first name; undefined when the last name is a file's. */
  children?: Map<string, Chain>;
}

/**
 * A set of file paths that finds, one by one, those that some file system could not hold beside the others. It grows
 * with the paths and not with their directories, of which a short archive can have millions.
 */
export class PathSet {
  readonly #root = new Map<string, Chain>();
  /** Where the file before this one was: neighbours mostly follow one another. */
  #last: { directory: string; children: Map<string, Chain> } = { directory: '', children: this.#root };

  /** Adds a file. @returns why it collides, completing "PATH …", or undefined. */
  add(path: string): string | undefined {
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    if (directory === this.#last.directory) {
      const name = path.slice(directory.length);
      const key = fold(name);
      if (!this.#last.children.has(key)) {
        this.#last.children.set(key, { names: name });
        return undefined;
      }
    }
    const names = path.split('/');
    const folded = fold(path).split('/');
    let at = 0;
    for (let children = this.#root; ; ) {
      const chain = children.get(folded[at]!);
      if (!chain) {
        children.set(folded[at]!, { names: names.slice(at).join('/') });
        if (at === names.length - 1) this.#last = { directory, children };
        return undefined;
      }
      const known = chain.names.split('/');
      for (const [index, name] of known.entries()) {
        if (name !== names[at] && fold(name) !== folded[at]) {
          split(chain, known, index);
          break;
        }
        const wasDirectory = index < known.length - 1 || chain.children !== undefined;
        const because = collision(names, at, { name, isDirectory: wasDirectory });
        if (because) return because;
        at++;
      }
      children = chain.children!;
    }
  }
}

/** Makes a chain end before the name at `index`, which begins another below it. */
function split(chain: Chain, names: readonly string[], index: number): void {
  const { children } = chain;
  const rest: Chain = { names: names.slice(index).join('/'), ...(children ? { children } : {}) };
  chain.names = names.slice(0, index).join('/');
  chain.children = new Map([[fold(names[index]!), rest]]);
}

/** Why the name at `at` cannot lie beside one that is there, which is the same when folded; all before it are equal. */
function collision(
  names: readonly string[],
  at: number,
  before: { name: string; isDirectory: boolean },
): string | undefined {
  const isDirectory = at < names.length - 1;
  const isSame = before.name === names[at];
  if (isSame && isDirectory && before.isDirectory) return undefined;
  const plain = [...names.slice(0, at), before.name].join('/');
  if (before.isDirectory === isDirectory) {
    return isSame ? 'is there twice' : `differs from "${plain}" only in letter case or Unicode form`;
  }
  return isSame || isDirectory
    ? `needs "${plain}" to be both a file and a directory`
    : `differs from the directory "${plain}" only in letter case or Unicode form`;
}

function fold(path: string): string {
  if (!/[^\x00-\x7f]/.test(path)) return path.toUpperCase();
  return path.normalize('NFC').toLowerCase().toUpperCase().normalize('NFC');
}

/**
 * Paths that cannot lie side by side on every file system: twice the same, equal after case folding or NFC, or a file
 * where another path needs a directory.
 */
export function collisions(paths: Iterable<string>): { path: string; because: string }[] {
  const set = new PathSet();
  const found: { path: string; because: string }[] = [];
  for (const path of paths) {
    const because = set.add(path);
    if (because) found.push({ path, because });
  }
  return found;
}
