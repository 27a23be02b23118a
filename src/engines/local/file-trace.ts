import {
  dirname,
  isErrno,
  join,
  makeDirectories,
  namesIn,
  readIfThere,
  realpathSync,
  removeTree,
} from '../../host/files.ts';

/** Where what is installed lies: not the program's to declare, as its environment says it. */
const SYSTEM = [
  '/usr',
  '/lib',
  '/lib32',
  '/lib64',
  '/bin',
  '/sbin',
  '/etc',
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/nix',
];

/** The words that run a command under strace, which then writes one file a process into a directory. */
export function traced(argv: readonly string[], directory: string): string[] {
  makeDirectories(directory);
  const calls = ['-e', 'trace=open,openat,openat2,execve', '-e', 'signal=none', '--status=successful'];
  // With -y the answer names the file that was opened, whatever it was called in the call.
  return ['strace', '-ff', '-qq', '-y', '-s', '4096', ...calls, '-o', join(directory, 'process'), ...argv];
}

/**
 * Takes what strace wrote: files that were read and lie neither below what the attempt was given nor in what is installed.
 * @param given directories of the attempt, of its environment and of stored content
 * @returns absolute paths, sorted
 */
export function takeReads(directory: string, given: readonly string[]): string[] {
  const texts = namesIn(directory).map(
    (name) => readIfThere(join(directory, name))?.toString('latin1') ?? '',
  );
  removeTree(directory);
  const lines = texts.flatMap((text) => text.split('\n'));
  const started = lines.flatMap((line) => /^execve\("((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? []).map(decoded);
  // An interpreter brings its library along: /opt/python/bin/python3 and /opt/python/lib.
  const installed = started
    .map((path) => dirname(reallyAt(path)))
    .flatMap((place) => (/\/(bin|libexec)$/.test(place) ? [dirname(place)] : []));
  const known = [...SYSTEM, ...given.map(reallyAt), ...installed].filter(
    (path) => path !== '/' && path !== '',
  );
  const read = lines.flatMap((line) => {
    const match = /^open(?:at2?)?\(.*?(O_RDONLY|O_RDWR).*\) = [0-9]+<(.*)>$/.exec(line);
    return match && !line.includes('O_DIRECTORY') ? [decoded(match[2]!)] : [];
  });
  const isKnown = (path: string) => known.some((root) => path === root || path.startsWith(`${root}/`));
  return [...new Set([...read, ...started])].filter((path) => path.startsWith('/') && !isKnown(path)).sort();
}

/** Where a path leads, as the kernel tells it. */
function reallyAt(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // What the step has removed since.
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return path;
    throw error;
  }
}

/** A path as strace prints it: what is no printable ASCII in octal, three digits where a digit follows. */
function decoded(printed: string): string {
  const bytes = printed.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };
