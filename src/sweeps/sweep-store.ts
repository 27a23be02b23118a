import type { Finding } from '../errors/same-error.ts';
import type { SweepRecord, TrialRecord } from './sweep.ts';

/** A sweep being written: its journal has one writer, this process. */
export interface SweepJournal {
  /** A trial's run has begun. */
  started(trial: TrialRecord): void;
  /** A trial is over; it is on the disk when this returns. */
  ended(trial: TrialRecord): void;
  /** Writes the record; afterwards the sweep is final. */
  finish(record: SweepRecord): void;
  /** Nothing more will be written: what is not over can be gone on with. */
  close(): void;
}

/** A sweep as it is known: the final record, or what its journals say so far. */
export interface StoredSweep {
  record: SweepRecord;
  /** Where another live process on another host writes it. */
  elsewhere?: boolean;
}

/** The sweeps of a home. Files are the truth. */
export interface SweepStore {
  /** Starts a sweep's journal. */
  begin(record: SweepRecord): SweepJournal;
  /** Goes on with one that did not end. @throws SAME1622 it goes on, or has ended · SAME1623 */
  resume(id: string): { record: SweepRecord; journal: SweepJournal };
  /** Newest first, and what is wrong with those that cannot be read. */
  survey(): { sweeps: StoredSweep[]; findings: Finding[] };
  /** Removes one that does not go on, damaged ones too; its runs stay. @returns its id @throws SAME1620 · SAME1622 */
  remove(id: string): string;
  /** By id, a part of its beginning or end, or `latest`. @throws SAME1620 none or several · SAME1623 */
  get(id: string): StoredSweep;
}
