import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Annotations } from '../runs/annotations.ts';
import { fieldOf } from '../runs/index/scanned-index.ts';
import type { RunField, RunIndex, RunQuery, RunRow, RunRows, RunSearch } from '../runs/run-query.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { runsWithin } from '../runs/run-within.ts';
import { foreignRuns } from './list-runs.ts';
import type { Ports } from './ports.ts';
import type { RunQuestion } from './run-question.ts';
import { storedRuns } from './stored-runs.ts';
import { meantProgram, unmetComparisons } from './unmet-comparisons.ts';

/** What finds runs of this home, own ones and those that came with bundles. */
export function runIndex(ports: Ports): Promise<RunIndex> {
  return ports.openRunIndex();
}

/**
 * The runs that a question is about. Of a parameter, figure or tag that it names and no run has, the user is warned: the
 * name may be a slip; where no run meets a filter, of what in it no run can meet.
 */
export async function findRuns(ports: Ports, question: RunQuestion): Promise<RunRows> {
  return findIn(await runIndex(ports), question, ports.warn);
}

/** {@link findRuns} among the runs that something else knows. @param warn is told of what may be a slip */
export async function findIn(
  index: RunSearch,
  { query, named }: RunQuestion,
  warn: Ports['warn'],
): Promise<RunRows> {
  const found = await index.search(query);
  for (const field of named) {
    if (found.rows.some((row) => fieldOf(row, field) !== undefined)) continue;
    const meant = await nowhere(index, field);
    if (meant === undefined) continue;
    warn({
      code: 'SAME1902',
      message: `no run here has ${shown(field)}`,
      ...(meant === '' ? {} : { hint: `did you mean ${shown({ ...field, name: meant })}?` }),
    });
  }
  if (query.program !== undefined && found.total === 0)
    for (const finding of await meantProgram(index, query.program.name)) warn(finding);
  if (query.where !== undefined && found.total === 0)
    for (const finding of await unmetComparisons(index, query.where)) warn(finding);
  return found;
}

/** A run with all that is said of it. */
export interface ToldRun extends StoredRun, Annotations {}

/** The records of rows, in their order, with what is said of them. */
export async function recordsOf(ports: Ports, rows: readonly RunRow[]): Promise<ToldRun[]> {
  const annotations = await ports.openAnnotations();
  const others = rows.every(({ own }) => own) ? new Map<string, StoredRun>() : await foreignRuns(ports);
  const found: ToldRun[] = [];
  for (const { id, own } of rows) {
    const [above] = id.split('/');
    const run = own ? ownRun(ports, above!) : others.get(above!);
    if (!run) continue;
    if (above === id) found.push({ ...run, ...annotations.of(id) });
    else
      for (const record of runsWithin(run.record))
        if (record.id === id) found.push({ record, own, tags: {} });
  }
  return found;
}

/** The run of a row; nothing where it was deleted since it was found. */
export async function storedRun(ports: Ports, { id, own, digest }: RunRow): Promise<StoredRun | undefined> {
  if (own) return ownRun(ports, id);
  // It came with its program, as nearly all do, or with another, which only a look at all of them tells.
  const isThere = ports.referrers.subjects().includes(digest);
  const beside = isThere && (await storedRuns(ports, digest)).find(({ record }) => record.id === id);
  return beside ? { record: beside.record, own: false } : (await foreignRuns(ports)).get(id);
}

/** A run of this home; nothing where it was deleted since it was listed. */
export function ownRun(ports: Ports, id: string): StoredRun | undefined {
  try {
    return ports.runs.get(id);
  } catch (error) {
    if (error instanceof SameError) return undefined;
    throw error;
  }
}

/** Runs that are looked at for a name that may be meant. */
const LOOKED_AT = 200;

/** Whether no run has a field; then the name that may be meant, or nothing. */
async function nowhere(index: RunSearch, field: RunField): Promise<string | undefined> {
  if (field.of === 'run') return undefined;
  const has: RunQuery['where'] = {
    or: [
      { field, operator: '=', value: null },
      { field, operator: '!=', value: null },
    ],
  };
  if ((await index.search({ where: has, limit: 1 })).total > 0) return undefined;
  const { of } = field;
  const newest = await index.search({ limit: LOOKED_AT });
  if (newest.total === 0) return undefined;
  return nearest(field.name, new Set(newest.rows.flatMap((row) => Object.keys(row[of])))) ?? '';
}

function shown({ of, name }: RunField): string {
  return of === 'run' ? name : `${of}.${name}`;
}
