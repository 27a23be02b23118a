import type { StepResult } from '../engines/engine.ts';
import {
  dirname,
  existsSync,
  isErrno,
  join,
  makeDirectories,
  removeTree,
  renameSync,
  rmSync,
  sep,
  temporaryBeside,
  textIfThere,
  writeFileSync,
} from '../host/files.ts';
import { ownName } from '../host/process-identity.ts';
import { isMap } from './record-shape.ts';
import type { StepResults } from './step-results.ts';

/** Results that are kept in memory beside their files. */
const MOST_NOTED = 4096;

/**
 * Results as files, `<2 digits>/<62 digits>.json` by key. One that cannot be read is no result: it is made again by
 * running the step.
 * @param directory `$SAME_HOME/cache/results`
 * @param ofRuns the results of all runs, newest first: read when there is no directory yet
 */
export function openDiskStepResults(directory: string, ofRuns: () => Iterable<StepResult>): StepResults {
  let isOpen = false;
  /** Steps that are made alike ask for the same ones. */
  const found = new Map<string, StepResult>();
  const note = (result: StepResult) => {
    if (found.size >= MOST_NOTED) found.clear();
    found.set(result.key, result);
  };
  const pathOf = (key: string, at = directory) => {
    const hex = key.slice('sha256:'.length);
    return `${at}${sep}${hex.slice(0, 2)}${sep}${hex.slice(2)}.json`;
  };
  /** Where it cannot be kept the step runs again: nothing that a run has to fail for. */
  const tryTo = (doing: () => void) => {
    try {
      doing();
    } catch (error) {
      if (!isErrno(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS')) throw error;
    }
  };
  const ownFile = ownName();
  /** Beside it first: another command may be reading, and what is cut short is no result. */
  const write = (result: StepResult, at = directory) => {
    const path = pathOf(result.key, at);
    const temporary = join(at, ownFile);
    const put = () => {
      writeFileSync(temporary, JSON.stringify(result));
      renameSync(temporary, path);
    };
    try {
      try {
        put();
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
        makeDirectories(dirname(path));
        put();
      }
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  };
  const open = () => {
    if (isOpen) return;
    isOpen = true;
    if (existsSync(directory)) return;
    // There at once: half of it would be taken for all of it, by another command and after a kill.
    const made = temporaryBeside(directory);
    makeDirectories(made);
    const seen = new Set<string>();
    for (const result of ofRuns()) {
      if (seen.has(result.key)) continue;
      seen.add(result.key);
      write(result, made);
    }
    try {
      renameSync(made, directory);
    } catch (error) {
      removeTree(made);
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  };
  return {
    find(key) {
      const known = found.get(key);
      if (known) return known;
      tryTo(open);
      const text = textIfThere(pathOf(key));
      const result = text === undefined ? undefined : parseResult(text, key);
      if (result) note(result);
      return result;
    },
    keep(result) {
      tryTo(() => {
        open();
        write(result);
        note(result);
      });
    },
  };
}

function parseResult(text: string, key: string): StepResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Torn by a crash.
    return undefined;
  }
  const isResult =
    isMap(value) &&
    value.key === key &&
    typeof value.run === 'string' &&
    typeof value.step === 'string' &&
    isMap(value.outputs) &&
    Array.isArray(value.metrics) &&
    isMap(value.logs) &&
    isMap(value.logs.stdout) &&
    isMap(value.logs.stderr);
  return isResult ? (value as unknown as StepResult) : undefined;
}
