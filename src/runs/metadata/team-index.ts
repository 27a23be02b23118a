import type { Annotations } from '../annotations.ts';
import type { RunQuery, RunRows } from '../run-query.ts';
import type { StoredRun } from '../run-store.ts';

/** Which runs of a team are those of the home that asks. */
export interface OwnRuns {
  has(id: string): boolean;
  /** All of them; asked for only where a question is about them. */
  ids(): readonly string[];
}

/** A run as a store was told it, with what is said of it. */
export interface KeptRun extends StoredRun, Annotations {}

/** Finds runs of all who tell theirs to one store. */
export interface TeamIndex extends AsyncDisposable {
  /** Answers as the index of a home does (spec SAME-RUN-071, SAME-RUN-072), for what the store has at one moment. */
  search(query: RunQuery): Promise<RunRows>;
  /** The runs with these ids, in their order, as far as they are there. */
  records(ids: readonly string[]): Promise<KeptRun[]>;
}
