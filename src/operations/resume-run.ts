import type { RunPlace, StepResult } from '../engines/engine.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { StepSelection } from '../pipeline/selection.ts';
import { parseReference } from '../program/reference.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { NAMED, notOne } from './find-run.ts';
import type { Ports } from './ports.ts';

/** A run that another goes on from. */
export interface ResumedRun {
  record: RunRecord;
  /** What its steps left that succeeded, and those of the runs it went on with, also what is not kept for other runs. */
  results: StepResult[];
}

/**
 * The run that `--resume` means: the one that is named, else the newest of this home, of a program when one is given.
 * @param text what names a run; empty for the newest
 * @param options.reference of the program, or its name alone
 * @param options.takeOver also one that may go on elsewhere
 * @throws SAME1608 there is none · SAME1615 it succeeded, or goes on, here or elsewhere
 */
export async function resumedRun(
  ports: Ports,
  text: string,
  { reference, takeOver = false }: { reference?: string | undefined; takeOver?: boolean | undefined } = {},
): Promise<ResumedRun> {
  const { run, newer } =
    text === ''
      ? newestOf(ports, reference, takeOver)
      : { run: await namedRun(ports, text), newer: undefined };
  const { record } = run;
  const why = run.elsewhere && takeOver ? undefined : notResumable(run);
  // What became of an older one is not what was asked.
  if (why !== undefined && newer) throw goesOn(newer);
  if (why !== undefined) {
    throw new SameError({
      code: 'SAME1615',
      message: `run ${record.id} of ${record.program.name}:${record.program.version} ${why}`,
      hint: hintFor(run),
    });
  }
  if (newer)
    ports.progress(
      `run ${newer.record.id}, which is newer, still goes on: this goes on from run ${record.id}`,
    );
  return { record, results: resultsUpTo(ports, record) };
}

/** What a run left and those that it went on with, later ones last: it may have been killed before it took anything. */
function resultsUpTo(ports: Ports, { id, resumes }: RunRecord): StepResult[] {
  let before: StepResult[] = [];
  try {
    if (resumes !== undefined) before = resultsUpTo(ports, ports.runs.get(resumes).record);
  } catch (error) {
    // It was deleted, or is damaged: then only what its results are found by is left of it.
    if (!(error instanceof SameError)) throw error;
  }
  return [...before, ...ports.runs.results(id)];
}

/** The id of the run that a chain of runs began with that go on with each other. */
export function firstOf(ports: Ports, { id, resumes }: RunRecord): string {
  if (resumes === undefined) return id;
  try {
    return firstOf(ports, ports.runs.get(resumes).record);
  } catch (error) {
    // It was deleted: its own id is all that is left of it.
    if (!(error instanceof SameError)) throw error;
    return resumes;
  }
}

/** Where the last of the runs that go on with each other has anything that it submitted. */
export function placeBefore({ runs }: Ports, last: string): RunPlace | undefined {
  try {
    for (let id: string | undefined = last; id !== undefined; id = runs.get(id).record.resumes) {
      const place = runs.placeOf(id);
      if (place !== undefined) return place === 'nowhere' ? undefined : place;
    }
  } catch (error) {
    // It was deleted, or is damaged: of those before it nothing is known.
    if (!(error instanceof SameError)) throw error;
  }
  return undefined;
}

/** What stands against choosing steps again: the run that goes on has decided that (SAME1902). */
export function chosenAgain({ record }: ResumedRun, { steps, from, until }: StepSelection): Finding[] {
  if (record.selection === undefined) return [];
  const given = { '--step': steps, '--from': from, '--until': until };
  return Object.entries(given).flatMap(([option, value]) =>
    value === undefined
      ? []
      : [
          {
            code: 'SAME1902' as const,
            message: `--resume goes on with the steps that run ${record.id} was restricted to, and takes no ${option}`,
            hint: 'run it anew to choose others: what has not changed is reused',
          },
        ],
  );
}

/** What stands against going on elsewhere: a run is of one engine from beginning to end (SAME1902). */
export function otherEngine({ record }: ResumedRun, target: { name: string; engine: string }): Finding[] {
  const before = record.engine;
  if (target.engine === before) return [];
  return [
    {
      code: 'SAME1902',
      message: `run ${record.id} is of engine ${before}, and cannot go on with ${target.engine} (target ${target.name})`,
      place: '--resume',
      hint: `leave out --engine and --target, or run it anew on ${target.engine}: what has not changed is reused`,
    },
  ];
}

/** Characters of ids; those for people have others too. */
const PART_OF_ID = /^[0-9a-f-]+$/i;

/** By its id, a part of that, or what it is displayed as, which only the index knows without reading every record. */
async function namedRun(ports: Ports, text: string): Promise<StoredRun> {
  try {
    return ports.runs.get(text);
  } catch (error) {
    if (!(error instanceof SameError) || error.code !== 'SAME1608' || PART_OF_ID.test(text)) throw error;
    const { rows } = (await ports.openRunIndex()).named(text, NAMED);
    const ids = rows.filter(({ own }) => own).map(({ id }) => id);
    if (ids.length === 1) return ports.runs.get(ids[0]!);
    throw new SameError(notOne(text, { ids, total: ids.length }));
  }
}

/** @returns the newest that does not go on, and the newest of those before it that do */
function newestOf(
  ports: Ports,
  reference: string | undefined,
  takeOver: boolean,
): { run: StoredRun; newer: StoredRun | undefined } {
  const wanted = reference === undefined ? undefined : parseReference(reference);
  let newer: StoredRun | undefined;
  for (const run of ports.runs.newest()) {
    const { name, version, digest } = run.record.program;
    const isIt =
      !wanted ||
      (name === wanted.name &&
        (wanted.version === undefined || version === wanted.version) &&
        (wanted.digest === undefined || digest === wanted.digest));
    // Another that still goes on is nobody's to go on with.
    if (isIt && (run.record.status !== 'running' || (takeOver && run.elsewhere))) return { run, newer };
    if (isIt) newer ??= run;
  }
  if (newer) throw goesOn(newer);
  throw new SameError({
    code: 'SAME1608',
    message: `there is no run${reference === undefined ? '' : ` of ${reference}`} to go on with`,
    hint: 'list them with: same list runs',
  });
}

function goesOn(run: StoredRun): SameError {
  const { id, program } = run.record;
  return new SameError({
    code: 'SAME1615',
    message: `run ${id} of ${program.name}:${program.version}, the newest, ${notResumable(run)}`,
    hint: `${hintFor(run)}; an older one is named by its id: same run --resume=ID`,
  });
}

function hintFor({ record: { id, status }, elsewhere }: StoredRun): string {
  if (status === 'succeeded') return `there is nothing to go on with; to see it: same show run ${id}`;
  if (elsewhere) return `where its process is surely dead: same run --resume=${id} --take-over`;
  return `see: same show run ${id}`;
}

function notResumable({ record, elsewhere }: StoredRun): string | undefined {
  if (record.status === 'succeeded') return 'succeeded';
  if (elsewhere) return 'goes on elsewhere, on another machine or in another container';
  return record.status === 'running' ? 'still goes on' : undefined;
}
