import { parseReferrer } from '../bundle/referrer.ts';
import { isProblem } from '../bundle/refusal.ts';
import type { Ports } from './ports.ts';
import { warnOfDamaged } from './stored-runs.ts';

/** Digests of the verifications and signatures in this home of some objects, and of the signatures of the former. */
export async function recordsOf(ports: Ports, objects: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const subjects = [...objects];
  for (const subject of subjects) {
    for (const digest of ports.referrers.list(subject)) {
      if (found.has(digest) || !(await isRecord(ports, digest))) continue;
      found.add(digest);
      subjects.push(digest);
    }
  }
  return [...found];
}

/** Whether a referrer is a verification or a signature; one that is damaged is named and passed over. */
async function isRecord(ports: Ports, digest: string): Promise<boolean> {
  try {
    const { kind, record } = parseReferrer(await ports.content.read(digest), `artifact ${digest}`);
    if (kind !== 'verification' && kind !== 'signature') return false;
    await ports.content.read(record.digest, record.size);
    return true;
  } catch (error) {
    if (!isProblem(error)) throw error;
    warnOfDamaged(ports, error);
    return false;
  }
}
