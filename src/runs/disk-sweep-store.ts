import { canonicalJson } from '../bundle/canonical-json.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import {
  createExclusively,
  fromErrno,
  join,
  makeDirectories,
  namesIn,
  readIfThere,
  removeTree,
  renameSync,
  writeAtomically,
} from '../host/files.ts';
import { type ProcessIdentity, processState, thisProcess } from '../host/process-identity.ts';
import type { JsonValue } from '../program/json.ts';
import type { SweepRecord, TrialRecord } from '../sweeps/sweep.ts';
import type { StoredSweep, SweepJournal, SweepStore } from '../sweeps/sweep-store.ts';
import { findByText } from './find-by-text.ts';
import { JournalWriter, readJournal } from './journal.ts';
import { isMap } from './record-shape.ts';
import { isRunId, monthOf } from './run-id.ts';

const OWNER = /^owner\.([1-9][0-9]*)\.json$/;

type SweepEvent =
  | { type: 'sweep-begun'; sweep: SweepRecord }
  | { type: 'trial-started' | 'trial-ended'; trial: TrialRecord };

/**
 * Sweeps as files: `YYYY/MM/ID/` holds `sweep.json` once every trial ended, and for each process that was at it, one
 * after the other, `owner.1.json` and `journal.1.jsonl`, `owner.2.json` and `journal.2.jsonl`, … (spec SAME-SWP-018).
 * @param directory `$SAME_HOME/sweeps`
 */
export function openDiskSweepStore(directory: string): SweepStore {
  const pathOf = (id: string) => {
    const { year, month } = monthOf(id);
    return join(directory, year, month, id);
  };
  const ids = (): string[] =>
    namesIn(directory)
      .filter((name) => /^[0-9]{4}$/.test(name))
      .flatMap((year) =>
        namesIn(join(directory, year)).flatMap((month) => namesIn(join(directory, year, month))),
      )
      .filter(isRunId)
      .sort()
      .reverse();
  const load = (id: string) => loadSweep(id, pathOf(id));

  /** @returns nothing of one that is damaged: whoever wrote it is not known */
  const statusOf = (id: string) => {
    try {
      return load(id)?.record.status;
    } catch (error) {
      if (error instanceof SameError) return undefined;
      throw error;
    }
  };

  const find = (text: string): string => {
    const wanted = text.toLowerCase();
    const all = ids();
    if (wanted === 'latest' && all.length > 0) return all[0]!;
    return findByText(text, all, { what: 'sweep', code: 'SAME1620' });
  };

  return {
    begin(record) {
      const path = pathOf(record.id);
      try {
        makeDirectories(path);
        createExclusively(join(path, 'owner.1.json'), JSON.stringify(thisProcess()));
        const { writer, journal } = openJournal(path, 1);
        writer.append([{ type: 'sweep-begun', sweep: record } satisfies SweepEvent], true);
        return journal;
      } catch (error) {
        throw fromErrno(error, 'starting a sweep', directory);
      }
    },
    resume(text) {
      const id = find(text);
      const path = pathOf(id);
      const refuse = (message: string, hint: string) =>
        new SameError({ code: 'SAME1622', message: `sweep ${id} ${message}`, hint });
      const loaded = load(id);
      if (!loaded) throw new SameError({ code: 'SAME1620', message: `there is no sweep "${text}"` });
      const { record, owners, elsewhere } = loaded;
      if (record.status === 'running') {
        throw refuse(
          `is still going${elsewhere ? ' on another machine' : ''}`,
          'let it end, or stop it first',
        );
      }
      if (record.status !== 'interrupted')
        throw refuse('has ended', `look at it with: same show sweep ${id}`);
      try {
        // Of several commands at once one makes this file, and it is whole from the start.
        const mine = createExclusively(join(path, `owner.${owners + 1}.json`), JSON.stringify(thisProcess()));
        if (!mine) throw refuse('is being gone on with by another command', 'let that one end');
        const { journal } = openJournal(path, owners + 1);
        return { record: { ...record, status: 'running' }, journal };
      } catch (error) {
        throw fromErrno(error, 'going on with a sweep', directory);
      }
    },
    remove(text) {
      const id = find(text);
      if (statusOf(id) === 'running')
        throw new SameError({
          code: 'SAME1622',
          message: `sweep ${id} is still going`,
          hint: 'stop it first, then delete it',
        });
      try {
        // Out of the listing in one step, so that an interrupted removal leaves no half sweep.
        const gone = join(directory, `.deleted-${id}`);
        renameSync(pathOf(id), gone);
        removeTree(gone);
      } catch (error) {
        throw fromErrno(error, 'deleting a sweep', directory);
      }
      return id;
    },
    survey() {
      const findings: Finding[] = [];
      const sweeps = ids().flatMap((id): StoredSweep[] => {
        try {
          const sweep = load(id);
          return sweep ? [sweep] : [];
        } catch (error) {
          if (!(error instanceof SameError)) throw error;
          findings.push(error.findings[0]!);
          return [];
        }
      });
      return { sweeps, findings };
    },
    get(text) {
      const sweep = load(find(text));
      if (sweep) return sweep;
      throw new SameError({
        code: 'SAME1620',
        message: `there is no sweep "${text}"`,
        hint: 'list them with: same list sweeps',
      });
    },
  };
}

function openJournal(path: string, number: number): { writer: JournalWriter; journal: SweepJournal } {
  const writer = new JournalWriter(join(path, `journal.${number}.jsonl`));
  const journal: SweepJournal = {
    started: (trial) => writer.append([{ type: 'trial-started', trial } satisfies SweepEvent], false),
    ended: (trial) => writer.append([{ type: 'trial-ended', trial } satisfies SweepEvent], true),
    finish(record) {
      writeAtomically(join(path, 'sweep.json'), `${canonicalJson(record as unknown as JsonValue)}\n`, {
        sync: true,
      });
      writer.close();
    },
    close: () => writer.close(),
  };
  return { writer, journal };
}

/** @returns nothing where the process died before its first line was whole: nothing of the sweep had begun */
function loadSweep(id: string, path: string): (StoredSweep & { owners: number }) | undefined {
  const numbers = namesIn(path)
    .flatMap((name) => OWNER.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const owners = numbers.at(-1) ?? 0;
  const final = readIfThere(join(path, 'sweep.json'));
  if (final) return { record: parseFinal(final, id, path), owners };
  const events = numbers.flatMap((number) => eventsOf(id, join(path, `journal.${number}.jsonl`)));
  const [begun] = events;
  if (begun === undefined) return undefined;
  if (begun.type !== 'sweep-begun' || begun.sweep.id !== id)
    throw damage(id, path, 'its first journal does not begin it');
  const state = processState(ownerOf(id, join(path, `owner.${owners}.json`)));
  const status = state === 'dead' ? 'interrupted' : 'running';
  const trials = new Map<number, TrialRecord>();
  for (const event of events) if ('trial' in event) trials.set(event.trial.number, event.trial);
  const results = [...trials.values()]
    .sort((a, b) => a.number - b.number)
    .map((trial): TrialRecord => (trial.status === 'running' ? { ...trial, status } : trial));
  const record: SweepRecord = { ...begun.sweep, status, results };
  return { record, owners, ...(state === 'elsewhere' ? { elsewhere: true } : {}) };
}

function eventsOf(id: string, file: string): SweepEvent[] {
  const { events, damaged } = readJournal(file);
  const foreign = events.findIndex((event) => !isSweepEvent(event));
  const wrong = damaged ?? (foreign < 0 ? undefined : foreign + 1);
  if (wrong !== undefined) throw damage(id, file, `journal is damaged at line ${wrong}`);
  return events as SweepEvent[];
}

function ownerOf(id: string, file: string): ProcessIdentity {
  const owner = parsed(readIfThere(file));
  if (isMap(owner) && Number.isSafeInteger(owner.pid) && typeof owner.host === 'string')
    return owner as unknown as ProcessIdentity;
  throw damage(id, file, 'owner is not named');
}

function parseFinal(bytes: Buffer, id: string, path: string): SweepRecord {
  const record = parsed(bytes);
  if (isSweep(record) && record.id === id) return record;
  throw damage(id, join(path, 'sweep.json'), 'what is there is no record of it');
}

/** JSON, or nothing where it is none. */
function parsed(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

function damage(id: string, place: string, message: string): SameError {
  return new SameError({
    code: 'SAME1623',
    message: `sweep ${id}: ${message}`,
    place,
    hint: `its runs are not harmed: same list runs; to be rid of it: same delete sweep ${id}`,
  });
}

function isSweepEvent(event: unknown): event is SweepEvent {
  if (!isMap(event)) return false;
  if (event.type === 'sweep-begun') return isSweep(event.sweep);
  return (event.type === 'trial-started' || event.type === 'trial-ended') && isTrial(event.trial);
}

function isTrial(trial: unknown): boolean {
  return (
    isMap(trial) &&
    Number.isSafeInteger(trial.number) &&
    isMap(trial.values) &&
    typeof trial.status === 'string'
  );
}

/** Whether a value has what every look at a sweep goes by. */
function isSweep(value: unknown): value is SweepRecord {
  return (
    isMap(value) &&
    value.kind === 'Sweep' &&
    typeof value.id === 'string' &&
    typeof value.status === 'string' &&
    typeof value.startedAt === 'string' &&
    typeof value.algorithm === 'string' &&
    Number.isSafeInteger(value.trials) &&
    Array.isArray(value.space) &&
    value.space.every((dimension) => isMap(dimension) && typeof dimension.name === 'string') &&
    isMap(value.program) &&
    isMap(value.parameters) &&
    Array.isArray(value.results) &&
    value.results.every(isTrial)
  );
}
