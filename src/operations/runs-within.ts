import { SameError } from '../errors/same-error.ts';
import { openScannedIndex } from '../runs/index/scanned-index.ts';
import type { RunIndex, RunRow, RunRows } from '../runs/run-query.ts';
import { rowOf } from '../runs/run-row.ts';
import { runsWithin } from '../runs/run-within.ts';
import { findIn } from './find-runs.ts';
import type { Ports } from './ports.ts';
import type { RunQuestion } from './run-question.ts';
import { showRunOrWithin } from './show-run.ts';

/** As `findRuns`, among the runs within one. @throws SAME1608 it is none */
export async function findRunsWithin(ports: Ports, question: RunQuestion, within: string): Promise<RunRows> {
  return findIn(await indexWithin(ports, within), question, ports.warn);
}

/**
 * What finds the runs within one: those that have it as their parent, and those that its steps began by MLflow's protocol,
 * however deep (spec SAME-RUN-096).
 * @param text names a run, one within a run, or a sweep by its whole id
 * @throws SAME1608 it is none
 */
async function indexWithin(ports: Ports, text: string): Promise<RunIndex> {
  const index = await ports.openRunIndex();
  const partsOf = (id: string): RunRow[] =>
    index.search({ where: { field: { of: 'run', name: 'parent' }, operator: '=', value: id } }).rows;
  const run = await showRunOrWithin(ports, text).catch((error: unknown) => {
    if (!(error instanceof SameError) || error.code !== 'SAME1608') throw error;
    const trials = partsOf(text);
    if (trials.length > 0) return trials;
    throw error;
  });
  if (Array.isArray(run)) return openScannedIndex(() => run);
  const { id } = run.record;
  const above = id.includes('/') ? (await showRunOrWithin(ports, id.split('/')[0]!)).record : run.record;
  const begun = runsWithin(above).map((record) => rowOf({ record, own: run.own }));
  const rows = [...partsOf(id), ...(above === run.record ? begun : below(begun, id))];
  return openScannedIndex(() => rows);
}

/** Those that are parts of one, or of its parts. */
function below(rows: readonly RunRow[], id: string): RunRow[] {
  const found = rows.filter(({ parent }) => parent === id);
  return found.flatMap((row) => [row, ...below(rows, row.id)]);
}
