import { parseReferrer } from '../bundle/referrer.ts';
import { openRun } from '../bundle/run-artifact.ts';
import { SameError } from '../errors/same-error.ts';
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
      if (!(error instanceof SameError)) throw error;
      for (const finding of error.findings) {
        ports.warn({
          hint: 'import its bundle again',
          ...finding,
          message: `passed over: ${finding.message}`,
        });
      }
    }
  }
  return runs;
}
