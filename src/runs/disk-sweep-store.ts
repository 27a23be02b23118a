import { canonicalJson } from '../bundle/canonical-json.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { fromErrno, isErrno, join, makeDirectories, namesIn, readIfThere, writeAtomically } from '../host/files.ts';
import { type ProcessIdentity, processState, thisProcess } from '../host/process-identity.ts';
import type { JsonValue } from '../program/json.ts';
import type { SweepRecord, TrialRecord } from '../sweeps/sweep.ts';
import type { StoredSweep, SweepJournal, SweepStore } from '../sweeps/sweep-store.ts';
import { JournalWriter, readJournal } from './journal.ts';
import { isMap } from './record-shape.ts';
import { isRunId, monthOf } from './run-id.ts';

const JOURNAL = /^journal\.([1-9][0-9]*)\.jsonl$/;

type SweepEvent =
  | { type: 'sweep-begun'; sweep: SweepRecord; owner: ProcessIdentity }
  | { type: 'sweep-resumed'; id: string; owner: ProcessIdentity }
  | { type: 'trial-started' | 'trial-ended'; trial: TrialRecord };

/**
 * Sweeps as files: `YYYY/MM/ID/` holds `sweep.json` once every trial ended, and a journal for each process that was at
 * it, `journal.1.jsonl`, `journal.2.jsonl`, …, each with one writer (spec SAME-SWP-018).
 * @param directory `$SAME_HOME/sweeps`
 */
export function openDiskSweepStore(directory: string): SweepStore {
  const pathOf = (id: string) => {
    const { year, month } = monthOf(id);
    return join(directory, year, month, id);
  };
  const ids = (): string[] =>
    namesIn(directory)
      .flatMap((year) => namesIn(join(directory, year)).flatMap((month) => namesIn(join(directory, year, month))))
      .filter(isRunId)
      .sort()
      .reverse();
  const load = (id: string) => loadSweep(id, pathOf(id));

  const find = (text: string): string => {
    const wanted = text.toLowerCase();
    const all = ids();
    if (wanted === 'latest' && all.length > 0) return all[0]!;
    const found = wanted === '' ? [] : all.filter((id) => id.startsWith(wanted) || id.endsWith(wanted));
    if (found.length === 1) return found[0]!;
    throw new SameError({
      code: 'SAME1620',
      message:
        found.length === 0
          ? `there is no sweep "${text}"`
          : `"${text}" names ${found.length} sweeps: ${found.slice(0, 4).join(', ')}`,
      hint: 'list them with: same list sweeps',
    });
  };

  return {
    begin(record) {
      const path = pathOf(record.id);
      try {
        makeDirectories(path);
        return openJournal(path, 1, { type: 'sweep-begun', sweep: record, owner: thisProcess() });
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
      const { record, journals, elsewhere } = loaded;
      if (record.status === 'running') {
        throw refuse(
          `is still going${elsewhere ? ' on another machine' : ''}`,
          'let it end, or stop it first',
        );
      }
      if (record.status !== 'interrupted') throw refuse('has ended', `look at it with: same show sweep ${id}`);
      try {
        const event: SweepEvent = { type: 'sweep-resumed', id, owner: thisProcess() };
        return { record: { ...record, status: 'running' }, journal: openJournal(path, journals + 1, event) };
      } catch (error) {
        if (isErrno(error, 'EEXIST')) throw refuse('was gone on with by another command', 'let that one end');
        throw fromErrno(error, 'going on with a sweep', directory);
      }
    },
    survey() {
      const findings: Finding[] = [];
      const sweeps = ids().flatMap((id): StoredSweep[] => {
        try {
          return load(id) ?? [];
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

function openJournal(path: string, number: number, first: SweepEvent): SweepJournal {
  const journal = new JournalWriter(join(path, `journal.${number}.jsonl`));
  journal.append([first], true);
  return {
    started: (trial) => journal.append([{ type: 'trial-started', trial } satisfies SweepEvent], false),
    ended: (trial) => journal.append([{ type: 'trial-ended', trial } satisfies SweepEvent], true),
    finish(record) {
      writeAtomically(join(path, 'sweep.json'), `${canonicalJson(record as unknown as JsonValue)}\n`, {
        sync: true,
      });
      journal.close();
    },
    close: () => journal.close(),
  };
}

/** @returns nothing where the process died before its first line was whole: nothing of the sweep had begun */
function loadSweep(id: string, path: string): (StoredSweep & { journals: number }) | undefined {
  const numbers = namesIn(path).flatMap((name) => {
    const match = JOURNAL.exec(name);
    return match ? [Number(match[1])] : [];
  });
  const journals = Math.max(0, ...numbers);
  const final = readIfThere(join(path, 'sweep.json'));
  if (final) return { record: parseFinal(final, id, path), journals };
  let record: SweepRecord | undefined;
  let owner: ProcessIdentity | undefined;
  const trials = new Map<number, TrialRecord>();
  for (const number of numbers.sort((a, b) => a - b)) {
    const file = join(path, `journal.${number}.jsonl`);
    const { events, damaged } = readJournal(file);
    const foreign = events.findIndex((event) => !isSweepEvent(event));
    const wrong = damaged ?? (foreign < 0 ? undefined : foreign + 1);
    if (wrong !== undefined) throw damage(id, file, `journal is damaged at line ${wrong}`);
    for (const event of events as SweepEvent[]) {
      if (event.type === 'sweep-begun') record = event.sweep;
      if ('owner' in event) owner = event.owner;
      else trials.set(event.trial.number, event.trial);
    }
  }
  if (record === undefined || owner === undefined) return undefined;
  if (record.id !== id) throw damage(id, path, 'what is there is another sweep');
  const state = processState(owner);
  const status = state === 'dead' ? 'interrupted' : 'running';
  const results = [...trials.values()]
    .sort((a, b) => a.number - b.number)
    .map((trial) => (trial.status === 'running' ? { ...trial, status: status as TrialRecord['status'] } : trial));
  return {
    record: { ...record, status, results },
    journals,
    ...(state === 'elsewhere' ? { elsewhere: true } : {}),
  };
}

function parseFinal(bytes: Buffer, id: string, path: string): SweepRecord {
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damage(id, join(path, 'sweep.json'), 'record is not JSON');
  }
  if (isSweep(record) && record.id === id) return record;
  throw damage(id, join(path, 'sweep.json'), 'what is there is no record of it');
}

function damage(id: string, place: string, message: string): SameError {
  return new SameError({
    code: 'SAME1623',
    message: `sweep ${id}: ${message}`,
    place,
    hint: 'its runs are not harmed: same list runs; move the directory away to be rid of it',
  });
}

function isSweepEvent(event: unknown): event is SweepEvent {
  if (!isMap(event)) return false;
  if (event.type === 'sweep-begun') return isSweep(event.sweep) && isOwner(event.owner);
  if (event.type === 'sweep-resumed') return isOwner(event.owner);
  return (event.type === 'trial-started' || event.type === 'trial-ended') && isTrial(event.trial);
}

function isOwner(owner: unknown): boolean {
  return isMap(owner) && Number.isSafeInteger(owner.pid);
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
