import type { EngineEvent, RunPlace, StepResult } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import type { LeftProcesses } from './left-processes.ts';
import type { RunRecord } from './run-record.ts';

/** A run being written: its journal has one writer, this process. */
export interface RunJournal {
  readonly id: string;
  /** Appends events; state changes are on the disk when this returns. */
  append(events: readonly EngineEvent[]): void;
  /** Puts all that was appended on the disk, state change or not: before anything is submitted elsewhere. */
  settle(): void;
  /** Says durably where it is submitted, or that nothing of it is left there. */
  notePlace(place: RunPlace | 'nowhere'): void;
  logPaths(step: string, attempt: number): { stdout: string; stderr: string };
  /** Writes the immutable record; afterwards the run is final. */
  finish(record: RunRecord): void;
}

/** A run as it is known: the final record, or what its journal says so far. */
export interface StoredRun {
  record: RunRecord;
  /** True when it ran here (not imported or pulled). */
  own: boolean;
  /** Where another live process on another host writes it. */
  elsewhere?: boolean;
}

/** What a step printed in one attempt: a file, bytes, or what the content has under a digest. */
export interface RunLog {
  step: string;
  attempt: number;
  stream: 'stdout' | 'stderr';
  path?: string;
  bytes?: Buffer;
  stored?: { digest: string; sizeBytes: number };
}

/** The runs of a home. Files are the truth; nothing here is a cache. */
export interface RunStore {
  /** Starts a run's journal with the record as far as it is known. */
  begin(record: RunRecord): RunJournal;
  /** Newest first. */
  list(): StoredRun[];
  /** The same, each read when it is asked for. */
  newest(): Iterable<StoredRun>;
  /**
   * Every run, newest first, each read when it is asked for, and what is wrong with those that cannot be read, which
   * nothing is said of elsewhere: all of it once the last was asked for.
   */
  survey(): { runs: Iterable<StoredRun>; findings: readonly Finding[] };
  /**
   * What a run's journal alone says of it. @returns nothing where there is none
   * @throws SAME1612 it is damaged
   */
  replayed(id: string): RunRecord | undefined;
  /**
   * By id, or a unique beginning or end of it. Display ids are the index's to know: here every record would be read.
   * @throws SAME1608 none or several · SAME1612 it is damaged
   */
  get(id: string): StoredRun;
  /** What the steps of one run of this home left that succeeded in it, in the order in which they ended. */
  results(id: string): StepResult[];
  /** {@link RunStore.results} of every run, newest first. */
  allResults(): Iterable<StepResult>;
  /** Where a run of this home was submitted, if it was. */
  placeOf(id: string): RunPlace | 'nowhere' | undefined;
  /** What a run's steps printed, by step and attempt, in step order. */
  logs(id: string): RunLog[];
  /** Ends what the steps of a run of this home left that was killed. @returns what that was */
  endLeft(id: string): Promise<LeftProcesses>;
  /**
   * Takes a run over from a writer that cannot be asked whether it lives; of one that is surely dead there is nothing to
   * take. Afterwards it is interrupted, here and wherever else its files are.
   * @throws SAME1615 it has just ended
   */
  takeOver(id: string): void;
  /** Asks the process that writes a run of this home to end, as Ctrl-C does. */
  askToEnd(id: string): 'asked' | 'gone' | 'elsewhere';
  /** Removes a run's files. @throws SAME1609 it is still going */
  remove(id: string): void;
}
