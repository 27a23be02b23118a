import { parseReferrer } from '../bundle/referrer.ts';
import { isProblem } from '../bundle/refusal.ts';
import { openRun } from '../bundle/run-artifact.ts';
import type { SameError } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';

/** A run that is stored as an artifact of a program: it came along with a bundle. */
export interface StoredRunArtifact {
  /** Digest of its OCI manifest. */
  digest: string;
  record: RunRecord;
}

/** The runs among a program's referrers. One that is damaged is warned of and passed over: it hides no other. */
export async function storedRuns(ports: Ports, program: string): Promise<StoredRunArtifact[]> {
  const runs: StoredRunArtifact[] = [];
  for (const digest of ports.referrers.list(program)) {
    try {
      const { kind } = parseReferrer(await ports.content.read(digest), `artifact ${digest}`);
      if (kind === 'run') runs.push({ digest, record: (await openRun(digest, ports.content)).record });
    } catch (error) {
      if (!isProblem(error)) throw error;
      warnOfDamaged(ports, error);
    }
  }
  return runs;
}

/** Names, once, what came along with a bundle and is passed over since it is damaged. */
export function warnOfDamaged(ports: Ports, { findings }: SameError): void {
  for (const finding of findings) {
    const message = `passed over: ${finding.message}`;
    if (ports.warnings.some((warning) => warning.message === message)) continue;
    ports.warn({ hint: 'import its bundle again', ...finding, message });
  }
}
