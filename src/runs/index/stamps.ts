import { epochMs } from '../../host/clock.ts';
import { join, statSync } from '../../host/files.ts';
import type { RunFiles } from '../run-files.ts';

/** A directory that was changed so shortly before it was read may change again without a sign of it. */
const RACY_MS = 2000;
/** What stands for a stamp that cannot be relied on. */
export const UNSURE = '';

/** What changes with the content of a directory or a file; nothing where there is none. */
export function stampOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** A stamp to keep: none where what it is of may change again without a sign of it. */
export function sureStamp(stamp: string): string {
  const changedMs = Number(BigInt(stamp.split(':')[2]!) / 1_000_000n);
  return epochMs() - changedMs > RACY_MS ? stamp : UNSURE;
}

/** A stamp of a run's files: undefined without a directory, `final…` once there is a record. */
export function runStamp(files: RunFiles, id: string): string | undefined {
  const path = files.pathOf(id);
  const record = stampOf(join(path, 'run.json'));
  if (record !== undefined) return `final ${record}`;
  const journal = stampOf(join(path, 'journal.jsonl'));
  return journal === undefined && stampOf(path) === undefined ? undefined : `going ${journal ?? ''}`;
}
