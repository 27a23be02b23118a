import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { RunRow } from '../runs/run-query.ts';
import { deleteRun } from './delete.ts';
import { findRuns } from './find-runs.ts';
import type { Ports } from './ports.ts';
import { readRunQuestion } from './run-question.ts';
import { findStoredRun } from './show-run.ts';

/**
 * `same delete run` of several: all of them, or none where one cannot be (spec SAME-RUN-078).
 * @throws SAME1608 · SAME1609 for each run that is not here, goes on, or is the author's
 */
export async function deleteRuns(ports: Ports, texts: readonly string[]): Promise<{ id: string }[]> {
  const findings: Finding[] = [];
  const ids = new Set<string>();
  for (const text of texts) {
    try {
      const { record, own } = await findStoredRun(ports, text);
      ids.add(record.id);
      const { name, version } = record.program;
      const last = `it goes with its program, once nothing else needs that: same delete program ${name}:${version}, then same gc`;
      if (!own) findings.push(kept(record.id, 'came with a program: it is the author’s, read-only', last));
      else if (record.status === 'running')
        findings.push(kept(record.id, 'is still going', `stop it first: same stop run ${record.id}`));
    } catch (error) {
      // One run alone may be so damaged that it is in no listing: deleting it is the way to be rid of it.
      if (!(error instanceof SameError)) throw error;
      if (texts.length === 1) return [await deleteRun(ports, text)];
      findings.push(...error.findings);
    }
  }
  throwFindings(findings);
  const deleted: { id: string }[] = [];
  for (const id of ids) {
    try {
      deleted.push(await deleteRun(ports, id));
    } catch (error) {
      // Another command was faster, which of several keeps none of the others.
      if (!(error instanceof SameError) || error.code !== 'SAME1608' || ids.size === 1) throw error;
      ports.progress(`run ${id} was deleted by another command`);
    }
  }
  return deleted;
}

/** What a filter would delete, and what of it stays. */
export interface DeletableRuns {
  rows: RunRow[];
  /** Runs that meet the filter and go on. */
  running: number;
  /** Runs that meet it and came with programs. */
  foreign: number;
}

/** The runs that meet a filter, as far as they can be deleted. @throws SAME1902 */
export async function deletableRuns(ports: Ports, where: string): Promise<DeletableRuns> {
  const { rows } = await findRuns(ports, readRunQuestion({ where }));
  const own = rows.filter((row) => row.own);
  const ended = own.filter(({ status }) => status !== 'running' && status !== 'pending');
  return { rows: ended, running: own.length - ended.length, foreign: rows.length - own.length };
}

function kept(id: string, why: string, hint?: string): Finding {
  return { code: 'SAME1609', message: `run ${id} ${why}`, ...(hint ? { hint } : {}), clause: 'SAME-RUN-078' };
}
