const LONGEST_PATH = 1024;

/**
 * Why a path may not stand in a manifest; undefined when it may: relative to the program (or to the step's workdir),
 * `/`-separated, without `..`, NFC, of at most 1024 bytes and 255 in a segment, so that it means the same on every
 * machine.
 */
export function pathProblem(path: string): string | undefined {
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'is absolute';
  if (path.includes('\\')) return 'has a backslash: separate with /';
  if (/[\0-\x1f\x7f]/.test(path)) return 'has a control character';
  if (!path.isWellFormed() || path.normalize('NFC') !== path) return 'is not in Unicode normal form C';
  const segments = path.split('/');
  if (segments.includes('..')) return 'has ".."';
  if (segments.slice(0, -1).includes('')) return 'has an empty segment';
  if (segments.some((segment) => new TextEncoder().encode(segment).length > 255))
    return 'has a segment over 255 bytes';
  if (new TextEncoder().encode(path).length > LONGEST_PATH) return `is over ${LONGEST_PATH} bytes`;
  return undefined;
}

/** A path without `.` segments and without a slash at its end; the empty text is the root. */
export function normalPath(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}
