import type { ReadyEnvironment } from '../environments/environment.ts';
import type { Finding } from '../errors/same-error.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';

/** A stored artifact: a file's or a directory's content. */
export interface Artifact {
  /** `sha256:…` of a file, `tree:sha256:…` of a directory. */
  digest: string;
  sizeBytes: number;
  /** Only of a file: the owner's x bit. */
  executable?: boolean;
}

/** How a step attempt ended. */
export type StepStatus = 'succeeded' | 'failed' | 'canceled' | 'timeout';

/** A figure a step reported. */
export interface ReportedMetric {
  name: string;
  value: number;
  /** Steps of the series it is the last value of, when it came from one. */
  count?: number;
}

/** What an engine tells while it runs: stored first, then shown. */
export type EngineEvent =
  | { type: 'step-started'; step: string; attempt: number; at: string; command: string; pid?: number }
  | { type: 'step-output'; step: string; attempt: number; lines: string[] }
  | {
      type: 'step-finished';
      step: string;
      attempt: number;
      at: string;
      status: StepStatus;
      exitCode?: number;
      signal?: string;
      /** True when another attempt follows. */
      retrying: boolean;
      durationMs: number;
      cpuSeconds?: number;
      peakMemoryBytes?: number;
      key: string;
      inputs: Record<string, Artifact>;
      outputs: Record<string, Artifact>;
      metrics: ReportedMetric[];
      /** Digest of the metrics.jsonl the step wrote, when it did. */
      series?: string;
      logs: { stdout: Artifact; stderr: Artifact };
      problems: Finding[];
      /** Things to know that do not make it fail. */
      warnings: string[];
    }
  | { type: 'step-skipped'; step: string; because: string };

/** What an engine needs from the rest of the product to run a plan. */
export interface EngineContext {
  runId: string;
  /** A private directory of this run; removed by the caller. */
  workDirectory: string;
  /** Files of the program that a step may see, ready to be put into a directory. */
  placeCode(step: PlannedStep, directory: string): Promise<void>;
  /** Digest of what {@link placeCode} would put there. */
  codeDigest(step: PlannedStep): string;
  environment(name: string): Promise<ReadyEnvironment>;
  /** A folder that runs in the same environment share and nothing hashes: `{{scratch}}`. */
  scratch(environmentKey: string): string;
  /** Declared data, already in the store. */
  data: Record<string, Artifact>;
  secrets: Record<string, string>;
  /** Hides secret values in a text that is shown. */
  mask(text: string): string;
  /** Where an attempt's output goes. */
  logPaths(step: string, attempt: number): { stdout: string; stderr: string };
  /** Stores a finished log, secrets masked; the file stays where it is for people. */
  keepLog(path: string): Promise<Artifact>;
  /** Aborted once: stop politely. */
  cancel: AbortSignal;
  /** Aborted: kill now. */
  kill: AbortSignal;
  /** Milliseconds between TERM and KILL; ten seconds (spec SAME-STP-023) unless a test says otherwise. */
  graceMs?: number;
}

/** Runs plans. Implementations pass `test/contract/engine.ts`. */
export interface Engine {
  readonly name: string;
  /** Names what this engine cannot honour in a plan, before anything runs (code SAME1016). */
  refusals(plan: Plan): Finding[];
  /** Runs the plan; a failed step is an event, not an exception. */
  run(plan: Plan, context: EngineContext): AsyncIterable<EngineEvent>;
}
