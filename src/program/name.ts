const NAME = /^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*(\/[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)*$/;
const LONGEST = 128;

/** True for a program name: segments of letters and digits joined by `.`, `_`, `-`, segments joined by `/`, at most 128 bytes. */
export function isName(name: string): boolean {
  return name.length <= LONGEST && NAME.test(name);
}

/** The name as repositories and file names know it: ASCII lower-case. Names equal after folding are one name. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The directory of a name's pins: folded, `/` as `~` (which no name has, so two names never share one). */
export function pinDirectory(name: string): string {
  return foldName(name).replaceAll('/', '~');
}
