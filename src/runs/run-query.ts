import type { JsonObject, JsonValue } from '../program/json.ts';
import type { RunStatus } from './run-record.ts';

/** What is asked of a run: a field of it, one of its parameters, figures or tags. */
export interface RunField {
  of: 'run' | 'parameters' | 'metrics' | 'tags';
  /** For `run` one of {@link runFields}. */
  name: string;
}

/** Fields of a run itself that a listing can ask for, in the order in which they are told of. */
export const runFields = [
  'id',
  'display',
  'program',
  'version',
  'digest',
  'status',
  'startedAt',
  'finishedAt',
  'durationMs',
  'engine',
  'target',
  'profile',
  'parent',
  'own',
] as const;

/**
 * How a field is compared (spec SAME-RUN-071). `like` takes `%` for any text and `_` for any character, letters A to Z in
 * either case; like `<` and the others of order it is met by values of the kind that it is given only.
 */
export type RunComparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like';

/**
 * Which runs are meant. A run that lacks a field meets no comparison with it, not even `!=`; text is never equal to a
 * number.
 */
export type RunCondition =
  | { field: RunField; operator: RunComparison; value: JsonValue }
  | { field: RunField; in: JsonValue[] }
  | { and: RunCondition[] }
  | { or: RunCondition[] }
  | { not: RunCondition };

/** A question to the runs of a home, its own and those that came along with bundles. */
export interface RunQuery {
  where?: RunCondition;
  /** Only runs of this program, however its name is spelled in capitals. */
  program?: { name: string; version?: string; digest?: string };
  /**
   * The first decides; runs without the field come last either way; then newest first. Numbers come before texts, which
   * are ordered by code points, and those before all else, which is ordered by its JSON; descending it is the other way
   * round.
   */
  sort?: { field: RunField; descending: boolean }[];
  /** Most rows. */
  limit?: number;
  /** Whether not all have to be counted where some are found without looking at each run. */
  uncounted?: true;
}

/** A run as a listing shows it; everything else is in its record. */
export interface RunRow {
  id: string;
  own: boolean;
  display: string;
  program: string;
  version: string;
  digest: string;
  status: RunStatus;
  /** Where another live process on another host writes it. */
  elsewhere?: boolean;
  startedAt: string;
  finishedAt?: string;
  durationMs?: number;
  engine: string;
  target: string;
  profile?: string;
  parent?: string;
  /** Values by name. */
  parameters: JsonObject;
  /** By {@link figuresByName}: the figure that its name alone means; those of several cells as `NAME@STEP.NUMBER`. */
  metrics: Record<string, number>;
  tags: Record<string, string>;
}

/** Rows, and how many there would be without a limit. */
export interface RunRows {
  rows: RunRow[];
  /** Where {@link uncounted} of more than the limit one more than that. */
  total: number;
  /** True where there may be more than the total: the question allowed not to count. */
  uncounted?: true;
}

/** What answers questions to runs: those of a home at once, those of a team when their store has answered. */
export interface RunSearch {
  search(query: RunQuery): RunRows | Promise<RunRows>;
}

/** Finds runs without reading each of them. Derived from the files, made anew when it is missing or damaged. */
export interface RunIndex {
  /** Answers for what the files say at this moment. */
  search(query: RunQuery): RunRows;
  /**
   * The runs that a text names: the one of this id, else those whose ids begin or end with it, or whose display id it is.
   * Newest first, at most so many, and how many there are.
   */
  named(text: string, limit: number): RunRows;
  /** What it has of one run; the files are not looked at. */
  row(id: string): RunRow | undefined;
  /**
   * Ids of runs of which it does not find what it shows; one that is empty where that is so of no run, or of several. The
   * files are not looked at.
   */
  odd(): string[];
  /** False where nothing is kept, and every run is looked at instead. */
  readonly kept: boolean;
  /** Makes it anew from the files. @returns how many runs it holds */
  rebuild(): number;
}
