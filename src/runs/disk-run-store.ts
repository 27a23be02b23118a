import { canonicalJson } from '../bundle/canonical-json.ts';
import type { EngineEvent, StepResult } from '../engines/engine.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import {
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
import { JournalWriter, readJournal } from './journal.ts';
import { killLeftProcesses } from './left-processes.ts';
import { isMap, isRecordShaped } from './record-shape.ts';
import { isRunId, monthOf } from './run-id.ts';
import type { RunRecord } from './run-record.ts';
import type { RunJournal, RunStore, StoredRun } from './run-store.ts';
import { resultOf, StepRecords } from './step-outcome.ts';

/** Directories of these names are runs that were deleted and are on their way out. */
const DELETED = '.deleted-';

interface Begun {
  type: 'run-begun';
  record: RunRecord;
  owner: ProcessIdentity;
}

/**
 * Runs as files: `YYYY/MM/ID/` holds `journal.jsonl` while it runs and `run.json` once it is final.
 * @param directory `$SAME_HOME/runs`
 * @param onDamaged told of each run that a listing leaves out because its files are damaged
 */
export function openDiskRunStore(
  directory: string,
  onDamaged: (finding: Finding) => void = () => {},
): RunStore {
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

  const load = (id: string): StoredRun | undefined => {
    const path = pathOf(id);
    const final = readIfThere(join(path, 'run.json'));
    if (final) return { record: parseRecord(final, id, path), own: true };
    const { events, damaged } = readJournal(join(path, 'journal.jsonl'));
    const [begun, ...following] = events;
    const foreign = events.findIndex(
      (event, index) => !(index === 0 ? isBegun(event, id) : isStepEvent(event)),
    );
    const wrong = damaged ?? (foreign < 0 ? undefined : foreign + 1);
    if (wrong !== undefined) throw damagedJournal(id, path, `at line ${wrong}`);
    // The process died before its first line was whole: nothing of the run had begun.
    if (begun === undefined) return undefined;
    const { record: first, owner } = begun as Begun;
    const state = processState(owner);
    const record = replay(first, following as EngineEvent[]);
    if (!isRecordShaped(record)) throw damagedJournal(id, path, 'where steps ended');
    record.status = state === 'dead' ? 'interrupted' : 'running';
    return { record, own: true, ...(state === 'elsewhere' ? { elsewhere: true } : {}) };
  };

  /** As {@link load}, for looks at many runs: one damaged run does not hide the others. */
  const loadAmongOthers = (id: string, told = onDamaged): StoredRun | undefined => {
    try {
      return load(id);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      told(error.findings[0]!);
      return undefined;
    }
  };

  const find = (text: string): string => {
    const wanted = text.toLowerCase();
    if (isRunId(wanted) && ids().includes(wanted)) return wanted;
    const all = ids();
    const known = all.filter((id) => id.startsWith(wanted) || id.endsWith(wanted));
    const found = known.length > 0 ? known : all.filter((id) => loadAmongOthers(id)?.record.display === text);
    if (found.length === 1) return found[0]!;
    throw new SameError({
      code: 'SAME1608',
      message:
        found.length === 0
          ? `there is no run "${text}"`
          : `"${text}" names ${found.length} runs: ${found.slice(0, 4).join(', ')}`,
      hint: 'list them with: same list runs',
    });
  };

  /** What its journal says as far as it can be read: one damaged line costs no more than what follows it. */
  const resultsOf = (id: string, forOthers = false): StepResult[] =>
    readJournal(join(pathOf(id), 'journal.jsonl')).events.flatMap((event) =>
      isStepEvent(event) && !(forOthers && isForItselfOnly(event as EngineEvent))
        ? (resultOf(event as EngineEvent, id) ?? [])
        : [],
    );

  return {
    begin(record) {
      const path = pathOf(record.id);
      try {
        removeDeleted(directory);
        makeDirectories(join(path, 'logs'));
        const journal = new JournalWriter(join(path, 'journal.jsonl'));
        journal.append([{ type: 'run-begun', record, owner: thisProcess() } satisfies Begun], false);
        return openJournal(record.id, path, journal);
      } catch (error) {
        throw fromErrno(error, 'starting a run', directory);
      }
    },
    list: () => ids().flatMap((id) => loadAmongOthers(id) ?? []),
    *newest() {
      for (const id of ids()) {
        const run = loadAmongOthers(id);
        if (run) yield run;
      }
    },
    survey() {
      const findings: Finding[] = [];
      const runs = ids().flatMap((id) => loadAmongOthers(id, (finding) => findings.push(finding)) ?? []);
      return { runs, findings };
    },
    get(id) {
      const run = load(find(id));
      if (run) return run;
      throw new SameError({
        code: 'SAME1608',
        message: `there is no run "${id}"`,
        hint: 'list them with: same list runs',
      });
    },
    results: (text) => resultsOf(find(text)),
    *allResults() {
      for (const id of ids()) yield* resultsOf(id, true);
    },
    logs(text) {
      const id = find(text);
      const logs = join(pathOf(id), 'logs');
      const order = loadAmongOthers(id)?.record.steps.map(({ name }) => name) ?? [];
      return namesIn(logs)
        .flatMap((name) => {
          const match = /^(.+)\.([0-9]+)\.(stdout|stderr)$/.exec(name);
          if (!match) return [];
          return [
            {
              step: match[1]!,
              attempt: Number(match[2]),
              stream: match[3] as 'stdout' | 'stderr',
              path: join(logs, name),
            },
          ];
        })
        .sort((a, b) => order.indexOf(a.step) - order.indexOf(b.step) || a.attempt - b.attempt);
    },
    async endLeft(text) {
      const id = find(text);
      const [begun, ...following] = readJournal(join(pathOf(id), 'journal.jsonl')).events;
      if (!isBegun(begun, id)) return;
      await killLeftProcesses(id, begun.owner, following.filter(isStepEvent) as EngineEvent[]);
    },
    remove(text) {
      const id = find(text);
      if (loadAmongOthers(id)?.record.status === 'running') {
        throw new SameError({
          code: 'SAME1609',
          message: `run ${id} is still going`,
          hint: 'stop it first, then delete it',
        });
      }
      // Out of the listing in one step, so that an interrupted removal leaves no half run.
      const gone = join(directory, `${DELETED}${id}`);
      renameSync(pathOf(id), gone);
      removeTree(gone);
      removeDeleted(directory);
    },
  };
}

/** Whether others build on what an event says. */
function isEnd(event: EngineEvent): boolean {
  return (event.type === 'step-finished' && !event.retrying) || event.type === 'step-cached';
}

/** Whether a result is for no other run, or is told by the run that made it. */
function isForItselfOnly(event: EngineEvent): boolean {
  if (event.type === 'step-finished') return event.kept === false;
  return event.type === 'step-cached' && event.result.acceptedFrom === undefined;
}

/** Removes what was deleted by a command that was killed before it had removed all. */
function removeDeleted(directory: string): void {
  for (const name of namesIn(directory)) {
    if (!name.startsWith(DELETED)) continue;
    try {
      removeTree(join(directory, name));
    } catch {
      // Another command is at it too, or it is another user's: then it is not this command's to fail for.
    }
  }
}

function openJournal(id: string, path: string, journal: JournalWriter): RunJournal {
  return {
    id,
    append(events) {
      const told = events.filter(({ type }) => type !== 'step-output');
      if (told.length > 0) journal.append(told, told.some(isEnd));
    },
    logPaths: (step, attempt) => ({
      stdout: join(path, 'logs', `${step}.${attempt}.stdout`),
      stderr: join(path, 'logs', `${step}.${attempt}.stderr`),
    }),
    finish(record) {
      writeAtomically(join(path, 'run.json'), `${canonicalJson(record as unknown as JsonValue)}\n`, {
        sync: true,
      });
      journal.close();
    },
  };
}

function parseRecord(bytes: Buffer, id: string, path: string): RunRecord {
  const refused = (message: string, cause?: unknown) =>
    new SameError(
      {
        code: 'SAME1612',
        message,
        place: join(path, 'run.json'),
        hint: `remove it with: same delete run ${id}`,
      },
      { cause },
    );
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw refused('run record is not JSON', error);
  }
  if (!isRecordShaped(record) || record.id !== id) throw refused(`what is there is no record of run ${id}`);
  return record;
}

function damagedJournal(id: string, path: string, where: string): SameError {
  return new SameError({
    code: 'SAME1612',
    message: `journal of run ${id} is damaged ${where}`,
    place: join(path, 'journal.jsonl'),
    hint: `remove it with: same delete run ${id}`,
  });
}

function isBegun(event: unknown, id: string): event is Begun {
  return (
    isMap(event) &&
    event.type === 'run-begun' &&
    isRecordShaped(event.record) &&
    event.record.id === id &&
    isMap(event.owner) &&
    Number.isSafeInteger(event.owner.pid)
  );
}

function isStepEvent(event: unknown): boolean {
  return isMap(event) && typeof event.type === 'string' && typeof event.step === 'string';
}

/** What a journal says of a run that has no record yet. */
function replay(record: RunRecord, events: readonly EngineEvent[]): RunRecord {
  const replayed = { ...record, steps: record.steps.map((step) => ({ ...step })) };
  const steps = new StepRecords(replayed);
  for (const event of events) steps.apply(event);
  return replayed;
}
