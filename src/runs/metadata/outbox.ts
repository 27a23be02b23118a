import type { Finding } from '../../errors/same-error.ts';
import type { ToldProgram } from './metadata-store.ts';

/** What is to be told to a store: a run by its id, which its record is read by when it is told. */
export type Telling = { kind: 'run'; id: string } | ({ kind: 'program' } & ToldProgram);

/** Something that waits. */
export interface Queued {
  /** What it is called in the queue: the same for the same run or program. */
  key: string;
  /** Another one each time that it is put. */
  put: string;
  telling: Telling;
  /** Why the store took it not, of what is kept apart. */
  refused?: Finding[];
}

/** What was in the way when a store was told something last. */
export interface LastProblem {
  /** Its address. */
  store: string;
  finding: Finding;
}

/** What waits to be told to a store, whatever becomes of the process that wrote it (spec SAME-RUN-112). */
export interface Outbox {
  /** On the disk when this returns; once however often it is put. */
  put(telling: Telling): void;
  /** How many wait, without a look at what they are. */
  count(): number;
  /** What waits: programs first, then runs, oldest first. */
  waiting(): Queued[];
  /** What was refused and is kept apart. */
  refused(): Queued[];
  /** Takes out what was told, unless it was put again since it was read: then it is to be told again. */
  told(queued: Queued): void;
  /** Keeps apart what the store takes not. */
  refuse(queued: Queued, findings: readonly Finding[]): void;
  /** Lets what is kept apart wait again. @returns how many */
  tryRefusedAgain(): number;
  /** Undefined once all went well. */
  problem: LastProblem | undefined;
  /** Keeps other tellers out. @returns what lets them in again, or undefined while there is one */
  lock(): (() => void) | undefined;
}
