import { canonicalJson } from '../bundle/canonical-json.ts';
import type { EngineEvent, StepResult } from '../engines/engine.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import {
  createExclusively,
  fromErrno,
  isErrno,
  join,
  makeDirectories,
  removeTree,
  renameSync,
  writeAtomically,
} from '../host/files.ts';
import { askToEnd, thisProcess } from '../host/process-identity.ts';
import { isOfCluster } from '../program/engines.ts';
import type { JsonValue } from '../program/json.ts';
import { findByText } from './find-by-text.ts';
import { JournalWriter } from './journal.ts';
import { killLeftProcesses } from './left-processes.ts';
import { type Begun, isBegun, isStepEvent } from './run-events.ts';
import { DELETED, RunFiles } from './run-files.ts';
import { isRunId } from './run-id.ts';
import { REMOVED } from './run-packs.ts';
import { notePlace } from './run-place.ts';
import type { RunJournal, RunStore, StoredRun } from './run-store.ts';
import { resultOf } from './step-outcome.ts';
import { refuseTakenOver, takeOver } from './taken-over.ts';

/**
 * Runs as files: `YYYY/MM/ID/` holds `journal.jsonl` while it runs and `run.json` once it is final; later a pack may.
 * @param directory `$SAME_HOME/runs`
 * @param onDamaged told of each run that a listing leaves out because its files are damaged
 */
export function openDiskRunStore(
  directory: string,
  onDamaged: (finding: Finding) => void = () => {},
): RunStore {
  const files = new RunFiles(directory);
  const ids = (told = onDamaged) => files.ids(({ findings }) => told(findings[0]!));
  /** For looks at many runs: one damaged run does not hide the others. */
  const loadAmongOthers = (id: string, told = onDamaged): StoredRun | undefined => {
    try {
      return files.load(id);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      told(error.findings[0]!);
      return undefined;
    }
  };

  const find = (text: string): string => {
    const wanted = text.toLowerCase();
    if (isRunId(wanted) && files.has(wanted)) return wanted;
    return findByText(text, isRunId(wanted) ? [] : [...ids()], { what: 'run', code: 'SAME1608' });
  };

  /** What its journal says as far as it can be read: one damaged line costs no more than what follows it. */
  const resultsOf = (id: string, forOthers = false): StepResult[] =>
    files
      .events(id)
      .flatMap((event) =>
        isStepEvent(event) && !(forOthers && isForItselfOnly(event as EngineEvent))
          ? (resultOf(event as EngineEvent, id) ?? [])
          : [],
      );

  return {
    begin(record) {
      const path = files.pathOf(record.id);
      try {
        files.removeDeleted();
        makeDirectories(join(path, 'logs'));
        const journal = new JournalWriter(join(path, 'journal.jsonl'));
        journal.append([{ type: 'run-begun', record, owner: thisProcess() } satisfies Begun], false);
        return openJournal(record.id, path, journal);
      } catch (error) {
        throw fromErrno(error, 'starting a run', directory);
      }
    },
    list: () => [...ids()].flatMap((id) => loadAmongOthers(id) ?? []),
    *newest() {
      for (const id of ids()) {
        const run = loadAmongOthers(id);
        if (run) yield run;
      }
    },
    survey() {
      const findings: Finding[] = [];
      const told = (finding: Finding) => findings.push(finding);
      function* runs() {
        for (const id of ids(told)) {
          const run = loadAmongOthers(id, told);
          if (run) yield run;
        }
      }
      return { runs: runs(), findings };
    },
    replayed: (id) => files.replayed(id),
    get(id) {
      const run = files.load(find(id));
      if (run) return run;
      throw noRun(id);
    },
    results: (text) => resultsOf(find(text)),
    *allResults() {
      for (const id of ids()) yield* resultsOf(id, true);
    },
    placeOf: (text) => files.place(find(text)),
    logs(text) {
      const id = find(text);
      const order = loadAmongOthers(id)?.record.steps.map(({ name }) => name) ?? [];
      return files
        .logs(id)
        .sort((a, b) => order.indexOf(a.step) - order.indexOf(b.step) || a.attempt - b.attempt);
    },
    async endLeft(text) {
      const id = find(text);
      const [begun, ...following] = files.events(id);
      // What runs in a cluster is gone on with there, also where its node is this machine.
      if (!isBegun(begun, id) || isOfCluster(begun.record.engine))
        return { steps: [], processes: 0, spared: 0 };
      return killLeftProcesses(id, begun.owner, following.filter(isStepEvent) as EngineEvent[]);
    },
    takeOver(text) {
      const id = find(text);
      if (!files.load(id)?.elsewhere) return;
      takeOver(files.pathOf(id));
      // It may have ended in between, and what it wrote of its end counts.
      const status = files.load(id)?.record.status;
      if (status === 'interrupted') return;
      throw new SameError({
        code: 'SAME1615',
        message: `run ${id} has just ended: ${status}`,
        hint: `see: same show run ${id}`,
        clause: 'SAME-RUN-125',
      });
    },
    askToEnd(text) {
      const id = find(text);
      const [begun] = files.events(id);
      return isBegun(begun, id) ? askToEnd(begun.owner) : 'gone';
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
      let isHere = true;
      try {
        renameSync(files.pathOf(id), gone);
      } catch (error) {
        // It is packed, perhaps just now, or another command has deleted it.
        if (!isErrno(error, 'ENOENT')) throw error;
        isHere = false;
      }
      // Looked for afterwards: another command may have packed it meanwhile.
      const month = files.monthPath(id);
      const isPacked = files.isPacked(id);
      const isFirst = files.packs.mayHave(month, id) && createExclusively(join(month, `${REMOVED}${id}`), '');
      if (!isHere && !(isPacked && isFirst)) throw noRun(id);
      removeTree(gone);
      files.removeDeleted();
    },
  };
}

function noRun(id: string): SameError {
  return new SameError({
    code: 'SAME1608',
    message: `there is no run "${id}"`,
    hint: 'list them with: same list runs',
  });
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

function openJournal(id: string, path: string, journal: JournalWriter): RunJournal {
  return {
    id,
    append(events) {
      const told = events.filter(({ type }) => type !== 'step-output');
      if (told.length === 0) return;
      refuseTakenOver(id, path);
      journal.append(told, told.some(isEnd));
    },
    settle() {
      refuseTakenOver(id, path);
      journal.append([], true);
    },
    notePlace(place) {
      refuseTakenOver(id, path);
      notePlace(path, place);
    },
    logPaths: (step, attempt) => ({
      stdout: join(path, 'logs', `${step}.${attempt}.stdout`),
      stderr: join(path, 'logs', `${step}.${attempt}.stderr`),
    }),
    finish(record) {
      refuseTakenOver(id, path);
      writeAtomically(join(path, 'run.json'), `${canonicalJson(record as unknown as JsonValue)}\n`, {
        sync: true,
      });
      journal.close();
    },
  };
}
