import type { JsonObject } from '../program/json.ts';
import type { ResolvedParameter } from '../program/parameters.ts';
import type { Claim, MetricSource, Resources } from '../program/schema.ts';

/** One parameter of a run: what it is and why. */
export type PlannedParameter = ResolvedParameter;

/**
 * A part of a command: literal text, or a place the engine fills in with a path.
 * An input is `$SAME_IN/NAME` or its `at` path, an output its `path` or `$SAME_OUT/NAME`.
 */
export type CommandPart = string | { input: string } | { output: string } | { scratch: true };

/** `exec` runs an argument list without a shell; `shell` runs one string, every place quoted. */
export type PlannedCommand = { exec: CommandPart[][] } | { shell: CommandPart[] };

/** Where a step's input comes from. */
export type PlannedInput = {
  from: { step: string; output: string } | { data: string };
  at?: string;
  mode: 'link' | 'copy';
};

/** One step instance, ready for an engine: plain JSON, no defaults left to fill in. */
export interface PlannedStep {
  name: string;
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
}
