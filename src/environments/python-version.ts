/** A version as PEP 440 has it, as far as interpreters and bounds on them need it. */
interface Version {
  epoch: number;
  release: number[];
  /** `[phase, number]`; a final release sorts after all of its pre-releases. */
  pre?: [string, number];
  post?: number;
  dev?: number;
}

const VERSION =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|alpha|b|beta|c|rc|pre|preview)[-_.]?(\d*))?(?:[-_.]?(?:post|rev|r)[-_.]?(\d*)|-(\d+))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+[a-z0-9._-]+)?$/i;
const PHASES: Record<string, string> = { alpha: 'a', beta: 'b', c: 'rc', pre: 'rc', preview: 'rc' };

/**
 * Whether a version is as one bound says: `>=3.10`, `==3.11.*`, `~=3.9`.
 * @returns undefined when one of them is no version
 */
export function satisfiesBound(version: string, operator: string, bound: string): boolean | undefined {
  if (operator === '===') return version.toLowerCase() === bound.toLowerCase();
  const isPrefix = bound.endsWith('.*') && (operator === '==' || operator === '!=');
  const have = parseVersion(version);
  const want = parseVersion(isPrefix ? bound.slice(0, -2) : bound);
  if (!have || !want) return undefined;
  if (isPrefix) return hasPrefix(have, want) === (operator === '==');
  const order = compareVersions(have, want);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>=':
      return order >= 0;
    case '<=':
      return order <= 0;
    case '<':
      // A pre-release of the bound is none of what comes before it.
      return order < 0 && (isPre(want) || !isPre(have) || !sameRelease(have, want));
    case '>':
      return order > 0 && (want.post !== undefined || have.post === undefined || !sameRelease(have, want));
    case '~=':
      return want.release.length < 2
        ? undefined
        : order >= 0 && hasPrefix(have, { epoch: want.epoch, release: want.release.slice(0, -1) });
    default:
      return undefined;
  }
}

/** Whether a version is as all of a comma-separated list of bounds say; an empty list holds for all. */
export function satisfiesBounds(version: string, bounds: string): boolean {
  return bounds
    .split(',')
    .map((bound) => /^\s*(===|~=|==|!=|<=|>=|<|>)\s*(\S+)\s*$/.exec(bound))
    .every((match) => match === null || satisfiesBound(version, match[1]!, match[2]!) === true);
}

function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text.trim());
  if (!match) return undefined;
  const [, epoch, release, phase, number, post, bare, dev] = match;
  const lower = phase?.toLowerCase();
  return {
    epoch: Number(epoch ?? 0),
    release: release!.split('.').map(Number),
    ...(lower === undefined ? {} : { pre: [PHASES[lower] ?? lower, Number(number || 0)] }),
    ...(post === undefined && bare === undefined ? {} : { post: Number(post || bare || 0) }),
    ...(dev === undefined ? {} : { dev: Number(dev || 0) }),
  };
}

function isPre({ pre, dev }: Version): boolean {
  return pre !== undefined || dev !== undefined;
}

function sameRelease(a: Version, b: Version): boolean {
  return a.epoch === b.epoch && compareNumbers(a.release, b.release) === 0;
}

function hasPrefix(version: Version, prefix: Version): boolean {
  const padded = [...version.release, ...prefix.release.map(() => 0)];
  return version.epoch === prefix.epoch && prefix.release.every((part, index) => padded[index] === part);
}

function compareVersions(a: Version, b: Version): number {
  const order = a.epoch - b.epoch || compareNumbers(a.release, b.release);
  if (order !== 0) return order;
  const [left, right] = [rank(a), rank(b)];
  for (let index = 0; index < left.length; index++) {
    if (left[index]! !== right[index]!) return left[index]! < right[index]! ? -1 : 1;
  }
  return 0;
}

/** A development release sorts before its pre-release, that before the release, that before what came after it. */
function rank({ pre, post, dev }: Version): (string | number)[] {
  const phase = pre ? pre[0] : dev !== undefined && post === undefined ? '' : 'z';
  return [phase, pre?.[1] ?? 0, post ?? -1, dev ?? Number.POSITIVE_INFINITY];
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
