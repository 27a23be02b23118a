import type { JsonObject } from '../program/json.ts';
import type { ResolvedParameter } from '../program/parameters.ts';
import type { Claim, MetricSource, Resources } from '../program/schema.ts';

/** One parameter of a run: what it is and why. */
export type PlannedParameter = ResolvedParameter;

/**
 * A part of a command: literal text, or a place the engine fills in with a path or a value of the cell.
 * An input is `$SAME_IN/NAME` or its `at` path, an output its `path` or `$SAME_OUT/NAME`.
 */
export type CommandPart =
  | string
  | { input: string }
  | { output: string }
  | { matrix: string }
  | { scratch: true };

/** `exec` runs an argument list without a shell; `shell` runs one string, every place quoted. */
export type PlannedCommand = { exec: CommandPart[][] } | { shell: CommandPart[] };

/** Where a step's input comes from. */
export type PlannedInput = {
  from: { step: string; output: string } | { data: string };
  /**
   * Only where the step it comes from has several cells: `all` is a directory with one entry a cell, called by its
   * number; `matching` takes those cells whose values of the dimensions both steps have are the same, and where these
   * are all dimensions of the step it comes from, that is the one artifact itself.
   */
  cells?: 'all' | 'matching';
  at?: string;
  mode: 'link' | 'copy';
};

/** One instance of a step: one combination of its matrix, or one item of its list. */
export interface PlannedCell {
  /** The step's name; of a step with several cells `STEP.NUMBER`, counted from 0. Logs, records and events use it. */
  name: string;
  /** The value of each dimension; of a step without matrix nothing. An item of a list is the dimension `item`. */
  matrix: JsonObject;
  /** Why the step's `when` leaves it out. */
  skipped?: string;
}

/** One step, ready for an engine: plain JSON, no defaults left to fill in. */
export interface PlannedStep {
  name: string;
  /** Steps of `finally` start after all others have ended, whatever became of them. */
  group: 'steps' | 'finally';
  /** In order; one for a step without matrix. Those of a step with `foreach` are known when its list is. */
  cells: PlannedCell[];
  /** The output, a JSON list, whose items make the cells. */
  foreach?: { step: string; output: string };
  /** The author's condition, where it cannot be decided before the list is known. */
  when?: string;
  /** At most so many of its cells at a time. */
  parallel?: number;
  /** Names that no two attempts of one run have at the same time. */
  mutex: string[];
  /** Whether a stored result may stand in for it; `portable`: also one of another platform. */
  cache: boolean | 'portable';
  /** `reuse`: it was left out by `--step` or `--from`, and a stored result must stand in for it. */
  selected: 'run' | 'reuse';
  /** The author's `run`, unexpanded: what is shown and what the cache key holds. */
  template: string | string[];
  command: PlannedCommand;
  /** Names of the steps whose outputs it reads, sorted. */
  after: string[];
  environment: string;
  /** Relative to the program's root; `.` is the root. */
  workdir: string;
  inputs: Record<string, PlannedInput>;
  outputs: Record<string, { path?: string; kind: string }>;
  /** The parameters the step may see. */
  parameters: JsonObject;
  /** Globs over the program's files, or undefined for all of them. */
  code?: string[];
  secrets: string[];
  services: string[];
  /** Whether it is given the network where an engine can take that away. */
  network?: boolean;
  timeoutMs?: number;
  retries: { max: number; backoffMs: number; codes?: number[] };
  resources: Resources;
}

/** What would run, with which values from where. Pure data: printing it is `run --plan`. */
export interface Plan {
  apiVersion: 'same/v1';
  kind: 'Plan';
  program: { name: string; version: string; digest: string };
  target: string;
  engine: string;
  profile?: string;
  parameters: Record<string, PlannedParameter>;
  /** In an order in which each step comes after those it reads from. */
  steps: PlannedStep[];
  environments: Record<string, JsonObject>;
  data: Record<string, { path: string; digest?: string }>;
  outputs: Record<string, { step: string; output: string }>;
  metrics: Record<string, MetricSource>;
  claims: Claim[];
  /** Steps of the program that are not in the plan, because `--step`, `--from` or `--until` left them out. */
  leftOut?: string[];
}
