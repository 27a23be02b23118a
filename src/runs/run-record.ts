import type { Artifact, StepStatus } from '../engines/engine.ts';
import type { LoggedStep } from '../engines/intake.ts';
import type { PlannedParameter } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';

/** States of a run; the last five are final. */
export type RunStatus =
  | 'pending'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'timeout'
  | 'interrupted';

/** One step of a run record. */
export interface StepRecord {
  /** Of a step with several cells `STEP.NUMBER`. */
  name: string;
  /** Of a cell: the step's name and the cell's values. */
  of?: string;
  matrix?: JsonObject;
  status: StepStatus | 'skipped' | 'pending';
  attempts: number;
  exitCode?: number;
  signal?: string;
  /** Whether a stored result stood in for it. */
  cached: boolean;
  /** The run that computed it, where it was cached. */
  cachedFrom?: string;
  /** The key it was computed under, where somebody accepted it for another one. */
  acceptedFrom?: string;
  cacheKey?: string;
  /** The author's `run`, unexpanded. */
  command: string | string[];
  environment: string;
  inputs: Record<string, Artifact>;
  outputs: Record<string, Artifact>;
  /** What it logged through MLflow's protocol; its figures are among {@link RunRecord.metrics}. */
  logged?: LoggedStep;
  logs?: { stdout: Artifact; stderr: Artifact };
  startedAt?: string;
  finishedAt?: string;
  usage?: { durationMs: number; cpuSeconds?: number; peakMemoryBytes?: number };
  because?: string;
}

/** One figure of a run. */
export interface MetricRecord {
  name: string;
  step: string;
  /** The values of the cell that reported it. */
  matrix?: JsonObject;
  value: number;
  unit?: string;
  direction?: 'lower' | 'higher';
  /** True when the manifest's `metrics` names it; its name then wins over equal reported ones. */
  declared?: true;
  /** Finite points of the series it is the last of. */
  count?: number;
  /** Points after it that are not finite: the series ends in none, and this is no result. */
  lost?: number;
  series?: string;
}

/** What became of one claim in one run. */
export interface ClaimRecord {
  id: string;
  metric: string;
  expect: number;
  got?: number;
  delta?: number;
  /** The allowed difference, absolute. */
  allowed?: number;
  outcome: 'within' | 'outside' | 'not-run' | 'error';
  because?: string;
  cite?: string;
}

/** What a run ran on; never its name or user. */
export interface MachineRecord {
  os: string;
  arch: string;
  cpu: number;
  memoryBytes: number;
  gpu: string[];
}

/** One need of a program, beside what this machine has. */
export interface RequirementRecord {
  what: string;
  want: string;
  have: string;
  met: boolean;
  optional: boolean;
  step?: string;
  hint?: string;
}

/** The immutable account of a run (spec chapter run-record). */
export interface RunRecord {
  apiVersion: 'same/v1';
  kind: 'Run';
  id: string;
  display: string;
  program: { name: string; version: string; digest: string; pinned: boolean };
  status: RunStatus;
  parent?: string;
  /** Of a run that another tool kept: how that called it, and what users said of it there. */
  imported?: {
    from: 'mlflow' | 'tensorboard';
    id: string;
    name?: string;
    group: string;
    tags?: Record<string, string>;
    note?: string;
  };
  /** The run whose finished steps this one went on from. */
  resumes?: string;
  /** What the run was restricted to. */
  selection?: { steps?: string[]; from?: string; until?: string };
  profile?: string;
  target: string;
  engine: string;
  parameters: Record<string, PlannedParameter>;
  data: Record<string, Artifact & { uri: string }>;
  code: {
    digest: string;
    repository?: string;
    revision?: string;
    path?: string;
    dirty?: boolean;
    diff?: string;
  };
  environments: Record<
    string,
    { key: string; locked: boolean; variables: Record<string, string>; resolved: JsonObject }
  >;
  machine: MachineRecord;
  startedAt: string;
  finishedAt?: string;
  usage?: { durationMs: number; cpuSeconds?: number; peakMemoryBytes?: number };
  steps: StepRecord[];
  outputs: Record<string, Artifact>;
  metrics: MetricRecord[];
  claims: ClaimRecord[];
  /** Unmet requirements that were allowed by --allow-unmet. */
  waivers: { what: string; want: string; have: string }[];
  services: Record<string, string>;
  warnings: string[];
  error?: { code: string; message: string; step?: string };
  runtime: string;
  redactions: string[];
}
