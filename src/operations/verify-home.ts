import { checkStored } from '../bundle/archive-reader.ts';
import { NO_LIMITS } from '../bundle/limits.ts';
import type { Descriptor } from '../bundle/oci.ts';
import { MEDIA } from '../bundle/oci.ts';
import { parseManifest } from '../bundle/oci-manifest.ts';
import { REFERRERS } from '../bundle/referrer.ts';
import { isProblem, placed } from '../bundle/refusal.ts';
import type { Pin } from '../content/content-store.ts';
import type { Finding } from '../errors/same-error.ts';
import { storeFindings } from './check-store.ts';
import { bundleRules } from './import-bundle.ts';
import type { Ports } from './ports.ts';
import type { Verified } from './verify-integrity.ts';

/** Checks a stored program and what refers to it. */
export async function verifyProgram(ports: Ports, { digest }: Pin): Promise<Verified> {
  return { what: 'program', findings: await programFindings(ports, digest, new Set()) };
}

/**
 * Checks everything in the home: the digest of every blob, what every pin and referrer leads to, every run and the index of
 * runs. Nothing is changed, not even a damaged blob moved.
 */
export async function verifyHome(ports: Ports): Promise<Verified> {
  const findings: Finding[] = [];
  const damaged = new Set<string>();
  for (const digest of ports.content.digests()) {
    if (await ports.content.isWhole(digest)) continue;
    damaged.add(digest);
    findings.push({
      code: 'SAME1301',
      message: `${digest} is damaged in the store`,
      place: ports.content.pathOf(digest),
      hint: 'remove the file, then import or create again what it belongs to',
      clause: 'SAME-BND-031',
    });
  }
  const pins = ports.pins.list((problem) => findings.push(...problem.findings));
  const programs = new Set(pins.map(({ digest }) => digest));
  for (const subject of ports.referrers.subjects()) {
    if (!damaged.has(subject) && (await isProgram(ports, subject))) programs.add(subject);
  }
  for (const digest of programs) findings.push(...(await programFindings(ports, digest, damaged)));
  findings.push(...(await storeFindings(ports)));
  return { what: 'home', findings: unique(findings) };
}

async function programFindings(
  ports: Ports,
  program: string,
  damaged: ReadonlySet<string>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const entries: Descriptor[] = [];
  const add = async (digest: string): Promise<void> => {
    if (damaged.has(digest) || entries.some((entry) => entry.digest === digest)) return;
    try {
      const bytes = await ports.content.read(digest);
      const { artifactType } = parseManifest(bytes, `artifact ${digest}`);
      entries.push({ mediaType: MEDIA.ociManifest, artifactType, digest, size: bytes.length });
    } catch (error) {
      if (!isProblem(error)) throw error;
      findings.push(...placed(error, { place: digest, clause: 'SAME-BND-032' }).findings);
      return;
    }
    for (const referrer of ports.referrers.list(digest)) await add(referrer);
  };
  await add(program);
  const [self, ...referrers] = entries;
  if (self?.digest !== program) return findings;
  const rank = ({ artifactType }: Descriptor) =>
    REFERRERS.findIndex((type) => type.artifactType === artifactType);
  referrers.sort((a, b) => rank(a) - rank(b) || (a.digest < b.digest ? -1 : 1));
  using scratch = ports.files.scratch();
  const rules = { ...bundleRules(ports, NO_LIMITS), keepLayers: false };
  const store = ports.openContent(scratch.path);
  return [...findings, ...(await checkStored(ports.content, [self, ...referrers], damaged, store, rules))];
}

async function isProgram(ports: Ports, digest: string): Promise<boolean> {
  try {
    return parseManifest(await ports.content.read(digest), digest).artifactType === MEDIA.program;
  } catch (error) {
    if (!isProblem(error)) throw error;
    return false;
  }
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = JSON.stringify(finding);
    return !seen.has(key) && seen.add(key);
  });
}
