import type { ReadyEnvironment } from '../environments/environment.ts';
import type { Finding } from '../errors/same-error.ts';
import type { Plan, PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { StepKey } from '../pipeline/step-key.ts';
import type { Intake, LoggedStep } from './intake.ts';

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
  /** Finite points of the series it is the last one of, when it came from one. */
  count?: number;
  /** Points after it that are not finite, where there are any: what the step came to is no number then. */
  lost?: number;
  /** Digest of that series, where it is not the metrics.jsonl that the step wrote. */
  series?: string;
}

/** What a step that succeeded left, under the key of everything it was made from: enough to stand in for running it. */
export interface StepResult {
  /** `sha256:…`, the digest of the stored key document. */
  key: string;
  /** The run that computed it. */
  run: string;
  /** Name of the cell in that run. */
  step: string;
  outputs: Record<string, Artifact>;
  metrics: ReportedMetric[];
  /** Digest of the metrics.jsonl the step wrote, when it did. */
  series?: string;
  logged?: LoggedStep;
  logs: { stdout: Artifact; stderr: Artifact };
  durationMs: number;
  /** The key it was computed under, where somebody accepted it for this one (`--accept`). */
  acceptedFrom?: string;
}

/** Why a cell did not start. */
export type SkipCause =
  /** Its `when`, or its list is empty: the run may succeed all the same. */
  | 'condition'
  /** A step it reads from was left out by its `when`. */
  | 'upstream'
  /** A step it reads from did not succeed, or another step failed and nothing further starts. */
  | 'failure'
  | 'canceled'
  /** `--step` or `--from` left it out, and there is no stored result. */
  | 'not-stored';

/**
 * What an engine tells while it runs: stored first, then shown. `step` is the name of the cell (of a step without matrix
 * the step's own).
 */
export type EngineEvent =
  /** The list of a step with `foreach` is known: these are its cells. */
  | { type: 'step-expanded'; step: string; cells: PlannedCell[] }
  | {
      type: 'step-started';
      step: string;
      attempt: number;
      at: string;
      command: string;
      pid?: number;
      /** When that process began, in ticks since boot: with the number and the boot it names it for ever. */
      pidStart?: string;
    }
  /** A stored result stands in for it. */
  | { type: 'step-cached'; step: string; at: string; inputs: Record<string, Artifact>; result: StepResult }
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
      /** Whether its result may stand in for later steps, as far as the step says so; it may where this is absent. */
      kept?: false;
      durationMs: number;
      cpuSeconds?: number;
      peakMemoryBytes?: number;
      key: string;
      inputs: Record<string, Artifact>;
      outputs: Record<string, Artifact>;
      metrics: ReportedMetric[];
      /** Digest of the metrics.jsonl the step wrote, when it did. */
      series?: string;
      logged?: LoggedStep;
      logs: { stdout: Artifact; stderr: Artifact };
      problems: Finding[];
      /** Things to know that do not make it fail. */
      warnings: string[];
    }
  /** Files that it read and was not given, absolute, sorted; only where {@link EngineContext.trace} is. */
  | { type: 'step-traced'; step: string; attempt: number; reads: string[] }
  | { type: 'step-skipped'; step: string; because: string; cause: SkipCause; problems?: Finding[] };

/** What an engine needs from the rest of the product to run a plan. */
export interface EngineContext {
  runId: string;
  /**
   * Of a run that goes on with another the id of the first of them: what is submitted elsewhere is named by it, so that
   * it is found again.
   */
  firstRunId?: string;
  /**
   * Where it is: of one that goes on with others where the last of them was that has anything anywhere. Noted is where it is
   * before anything is submitted, and that it has nothing anywhere once everything of it is removed.
   */
  place?: { before?: RunPlace | undefined; note(place: RunPlace | 'nowhere'): void };
  /** Makes durable what was told so far: before anything is submitted elsewhere. */
  settle?(): void;
  /** Steps at a time, beside what cpu, memory and GPUs allow. */
  jobs: number;
  /**
   * After a step failed for good: `finish` lets what runs end and starts nothing, `fail-fast` stops what runs,
   * `keep-going` starts everything that does not need it.
   */
  onFailure: 'finish' | 'fail-fast' | 'keep-going';
  /** What the machine has for steps to share. */
  machine: {
    cpu: number;
    memoryBytes: number;
    gpus: number;
    /** What the GPUs are called where they are not numbered from 0, as in CUDA_VISIBLE_DEVICES. */
    gpuIds?: string[];
  };
  /**
   * Looks for a result that may stand in for a cell; the engine tells `step-cached` and does not run it. Asked for every
   * cell: whether the step may be reused at all is decided here.
   */
  reuse(step: PlannedStep, cell: PlannedCell, key: StepKey): Promise<StepResult | undefined>;
  /** A private directory of this run; removed by the caller. */
  workDirectory: string;
  /** Files of the program that a step may see, ready to be put into a directory. */
  placeCode(step: PlannedStep, directory: string): Promise<void>;
  /** Digest of what {@link placeCode} would put there. */
  codeDigest(step: PlannedStep): string;
  /** The list of those files (`treeList`), which is stored beside the key document, so that keys can be compared. */
  codeTree?(step: PlannedStep): Uint8Array;
  environment(name: string): Promise<ReadyEnvironment>;
  /** A folder that runs in the same environment share and nothing hashes: `{{scratch}}`. */
  scratch(environmentKey: string): string;
  /** Declared data, already in the store. */
  data: Record<string, Artifact>;
  secrets: Record<string, string>;
  /** Hides secret values in a text that is shown. */
  mask(text: string): string;
  /** Takes what steps log through MLflow's protocol; without it they are told of none. */
  intake?: Intake;
  /** Notes which files steps read; the directory is the engine's to write into meanwhile. */
  trace?: { directory: string };
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

/** Where a run is that is submitted elsewhere. */
export interface RunPlace {
  /** What is of one cluster and one namespace there: the uid of its volume, as far as that is known. */
  volume?: string;
  /** For people: `namespace studies of context lab`. */
  called: string;
}

/** Runs plans. Implementations pass `test/contract/engine.ts`. */
export interface Engine {
  readonly name: string;
  /** Steps run in containers: an environment that has an image is that image. */
  readonly containers?: boolean;
  /** Steps at a time where nobody says how many; the machine's cores without it. */
  readonly jobs?: number;
  /** Nor can anybody say it: it starts all that can run. */
  readonly takesNoJobs?: true;
  /** What it can be told of failures, where that is not everything; the first is what it does by itself. */
  readonly onFailure?: readonly EngineContext['onFailure'][];
  /** Names what this engine cannot honour in a plan, before anything runs (code SAME1016). */
  refusals(plan: Plan): Finding[];
  /**
   * Runs the plan; a failed step is an event, not an exception. Events come in batches: what one batch says is on the
   * disk before the next is asked for, and nothing is built on what is not (spec SAME-RUN-014).
   */
  run(plan: Plan, context: EngineContext): AsyncIterable<EngineEvent[]>;
}
