import { type Descriptor, MEDIA } from '../bundle/oci.ts';
import { REFERRERS, type Referrer } from '../bundle/referrer.ts';
import { isProblem } from '../bundle/refusal.ts';
import { SameError } from '../errors/same-error.ts';

/** Names of types have 127 characters on each side of the slash at most (RFC 6838, 4.2). */
const LONGEST_TYPE = 255;
const NAMED_VERSIONS = 10;
const WITHOUT_RUNS = 'get the program without runs: --history none';

/** @throws SAME1306 a manifest is of something else than a program (spec SAME-REG-016) */
export function refuseOtherThings(bytes: Buffer, label: string): void {
  const artifactType = artifactTypeOf(bytes);
  const kind = REFERRERS.find((type) => type.artifactType === artifactType)?.kind;
  if (kind === undefined && artifactType?.startsWith('application/vnd.same.')) return;
  const other =
    artifactType === undefined ? 'a container image or an index' : JSON.stringify(shortType(artifactType));
  const [what, hint] = kind
    ? [`the ${kind} of one`, 'name the program that it belongs to, and it comes along']
    : [other, 'a program is put there with: same push NAME:VERSION'];
  const message = `${label} is no program, but ${what}`;
  throw new SameError({ code: 'SAME1306', message, place: label, hint, clause: 'SAME-REG-016' });
}

/** What a registry says of a type, short enough to be shown: a manifest may have megabytes of it. */
export function shortType(artifactType: string): string {
  return artifactType.length > LONGEST_TYPE ? `${artifactType.slice(0, LONGEST_TYPE)}…` : artifactType;
}

/** The highest of some versions, which come lowest first, for an error that names them. */
export function highestOf(versions: readonly string[]): string {
  if (versions.length <= NAMED_VERSIONS) return versions.join(', ');
  return `${versions.slice(-NAMED_VERSIONS).join(', ')}, and ${versions.length - NAMED_VERSIONS} lower ones`;
}

/** What a manifest says it is of; undefined when it says nothing. */
export function artifactTypeOf(bytes: Buffer): string | undefined {
  try {
    const { artifactType } = JSON.parse(bytes.toString()) as { artifactType?: unknown };
    return typeof artifactType === 'string' ? artifactType : undefined;
  } catch {
    return undefined;
  }
}

/** What anybody with access may have put there is no reason to do without the program. */
export function brokenObject(error: unknown, artifactType: string | undefined): unknown {
  if (!isProblem(error)) return error;
  const hint = artifactType === MEDIA.run ? WITHOUT_RUNS : 'whoever may write there can remove it';
  return new SameError(
    error.findings.map((finding) => ({ hint, ...finding })),
    { cause: error.cause, details: error.details },
  );
}

/** What is wrong with a run is no reason to do without the program (spec SAME-REG-019). */
export async function hintingAtRuns<T>(
  referrers: readonly ({ self: Descriptor } & Referrer)[],
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isProblem(error)) throw error;
    const runs = referrers.filter(({ kind }) => kind === 'run');
    const theirs = runs.flatMap(({ self, manifest }) => [self, ...manifest.layers]);
    const isOfRun = (text = '') => theirs.some(({ digest }) => text.includes(digest.slice('sha256:'.length)));
    throw new SameError(
      error.findings.map((finding) => ({
        ...finding,
        ...(isOfRun(finding.place) || isOfRun(finding.message) ? { hint: WITHOUT_RUNS } : {}),
      })),
      { cause: error.cause, details: error.details },
    );
  }
}
