const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,126}$/;

/** True for a version: a letter or digit, then letters, digits, `.`, `+`, `-`, at most 127 in all. `latest` is none. */
export function isVersion(version: string): boolean {
  return VERSION.test(version) && version !== 'latest';
}

/** True when the version has a pre-release part: a `-` before any `+`. */
export function isPrerelease(version: string): boolean {
  return withoutBuild(version).includes('-');
}

/**
 * Order of two versions as relaxed semver: missing parts are 0, a pre-release is below its release, build is ignored,
 * a first part that is no number is below every number.
 * @returns negative, 0 or positive. Versions of equal order may be spelt differently: identity is the exact string.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  return compareCores(left.core, right.core) || comparePrereleases(left.prerelease, right.prerelease);
}

/**
 * Where versions stand in a list: by order, and by code unit where they are equal in order (spec SAME-REF-006).
 * @returns negative or positive; 0 for the same text only
 */
export function compareInLists(a: string, b: string): number {
  return compareVersions(a, b) || compareText(a, b);
}

/** The highest version that is no pre-release; only when there is none, the highest pre-release (spec SAME-REF-006). */
export function highestVersion(versions: Iterable<string>): string | undefined {
  const all = [...versions];
  const released = all.filter((version) => !isPrerelease(version));
  return (released.length > 0 ? released : all).reduce<string | undefined>(
    (best, version) => (best === undefined || compareInLists(version, best) > 0 ? version : best),
    undefined,
  );
}

/** The OCI tag of a version: `+` written `_`, which no version has. */
export function tagOf(version: string): string {
  return version.replaceAll('+', '_');
}

/** The version of an OCI tag: the inverse of {@link tagOf}. */
export function versionOfTag(tag: string): string {
  return tag.replaceAll('_', '+');
}

/**
 * Whether a tag lists what refers to a digest (`sha256-HEX…`, OCI distribution specification, referrers tag schema), or
 * is a signature kept beside it. Such a tag is never a version.
 */
export function isReferrersTag(tag: string): boolean {
  return /^sha(256|512)-[0-9a-f]{64}/.test(tag);
}

function withoutBuild(version: string): string {
  const plus = version.indexOf('+');
  return plus < 0 ? version : version.slice(0, plus);
}

function partsOf(version: string): { core: string[]; prerelease?: string[] } {
  const text = withoutBuild(version);
  const dash = text.indexOf('-');
  if (dash < 0) return { core: text.split('.') };
  return { core: text.slice(0, dash).split('.'), prerelease: text.slice(dash + 1).split('.') };
}

function compareCores(a: string[], b: string[]): number {
  const numbers = Number(isNumber(a[0]!)) - Number(isNumber(b[0]!));
  if (numbers !== 0) return numbers;
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compareParts(a[i] ?? '0', b[i] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

function comparePrereleases(a: string[] | undefined, b: string[] | undefined): number {
  if (!a || !b) return Number(b !== undefined) - Number(a !== undefined);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers by value and below words, words by code unit: semver's rule for identifiers, for numbers of any length. */
function compareParts(a: string, b: string): number {
  if (!isNumber(a) || !isNumber(b)) {
    return Number(isNumber(b)) - Number(isNumber(a)) || compareText(a, b);
  }
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isNumber(part: string): boolean {
  return /^[0-9]+$/.test(part);
}
