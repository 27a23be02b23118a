import { tagOf } from '../program/version.ts';
import { CREATED, REF_NAME } from './layout.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { REFERRERS } from './referrer.ts';
import { type Report, refusal } from './refusal.ts';

const PLACE = 'index.json';

/**
 * Checks what `index.json` lists and in which order (SAME-BND-020, SAME-BND-021).
 * @returns the programs, then all others; of two entries of one digest the first
 */
export function checkIndex(
  manifests: readonly Descriptor[],
  report: Report,
): { programs: Descriptor[]; referrers: Descriptor[] } {
  const programs: Descriptor[] = [];
  const referrers: Descriptor[] = [];
  const listed = new Set<string>();
  let last = '';
  for (const [at, self] of manifests.entries()) {
    const { artifactType, digest } = self;
    const members = Object.keys(self).filter((name) => name !== 'annotations' || at > 0);
    if (members.length !== 4) {
      const message = `the descriptor of ${digest} has other members than mediaType, artifactType, digest and size`;
      report(refusal('SAME-BND-021', `bundle: index.json: ${message}`, { place: PLACE }));
    }
    const rank =
      artifactType === MEDIA.program
        ? 0
        : 1 + REFERRERS.findIndex((type) => type.artifactType === artifactType);
    if (listed.has(digest)) {
      report(refusal('SAME-BND-021', `bundle: index.json lists ${digest} twice`, { place: PLACE }));
      continue;
    }
    listed.add(digest);
    if (rank === 0 && artifactType !== MEDIA.program) {
      // Its manifest says whether that is of a later version or simply not so.
      (at === 0 ? programs : referrers).push(self);
      continue;
    }
    // Programs are in the order of their chain, which their manifests say.
    const key = rank === 0 ? '0' : `${rank} ${digest}`;
    if (key < last || (at === 0 && rank > 0)) {
      const message =
        'bundle: index.json does not list its program, ancestors, runs, origins, data, verifications and signatures in that order, each by digest';
      report(refusal('SAME-BND-020', message, { place: PLACE }));
    } else last = key;
    (rank === 0 ? programs : referrers).push(self);
  }
  return { programs, referrers };
}

/** Checks the annotations of the first entry: the version's tag, and perhaps a time (SAME-BND-020, SAME-BND-045). */
export function checkTag({ annotations = {} }: Descriptor, version: string, report: Report): void {
  const refuse = (clause: string, message: string) =>
    report(refusal(clause, `bundle: ${message}`, { place: PLACE }));
  const { [REF_NAME]: tag, [CREATED]: created, ...others } = annotations;
  if (tag !== tagOf(version))
    refuse('SAME-BND-020', `index.json does not name its program ${tagOf(version)}`);
  if (created !== undefined && !isTime(created))
    refuse('SAME-BND-045', `index.json has ${JSON.stringify(created)} for a time`);
  const [other] = Object.keys(others);
  if (other !== undefined) refuse('SAME-BND-020', `index.json has the annotation ${JSON.stringify(other)}`);
}

function isTime(text: string): boolean {
  if (!/^(19[7-9]|[2-9][0-9]{2})[0-9]-/.test(text)) return false;
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toISOString().replace('.000Z', 'Z') === text;
}
