import type { LocalContentStore } from '../../content/content-store.ts';
import type { ReadyEnvironment } from '../../environments/environment.ts';
import type { Finding } from '../../errors/same-error.ts';
import type { PlannedCell, PlannedStep } from '../../pipeline/plan.ts';
import type { StepKey } from '../../pipeline/step-key.ts';
import type { Artifact, EngineContext, EngineEvent, StepStatus } from '../engine.ts';
import type { LoggedReading } from '../intake.ts';

/** One attempt of a step, with everything that it is given. */
export interface StepAttempt {
  step: PlannedStep;
  cell: PlannedCell;
  key: StepKey;
  attempt: number;
  inputs: Record<string, Artifact>;
  environment: ReadyEnvironment;
  /** Numbers of the GPUs that are its own while it runs. */
  gpus: string[];
  context: EngineContext;
  content: LocalContentStore;
  /** Aborted: this attempt is to stop politely, be it that the run was canceled or that another step failed. */
  cancel: AbortSignal;
  /** Aborted: kill it now. */
  kill: AbortSignal;
}

/** The directories of one step attempt (spec chapter step-contract). */
export interface Workspace {
  /** Holds {@link Workspace.root} and nothing else: what is beside that was written by this attempt. */
  berth: string;
  /** Everything below is this attempt's own. */
  root: string;
  /** The program's files; the step's `workdir` is below it. */
  work: string;
  /** Where the command starts. */
  workdir: string;
  in: string;
  out: string;
  home: string;
  temporary: string;
  scratch: string;
  parameters: string;
}

/** A file the engine put into the workspace, as it was when the step began. */
export interface PlacedInput {
  input: string;
  /** Where the whole input is: the file itself, or the directory it is in. */
  root: string;
  path: string;
  digest: string;
  linked: boolean;
  ino: bigint;
  ctimeNs: bigint;
}

/** How a command ended. */
export interface AttemptEnd {
  status: StepStatus;
  exitCode?: number;
  signal?: string;
  durationMs: number;
  cpuSeconds?: number;
  peakMemoryBytes?: number;
  /** Why it did not start at all. */
  startError?: string;
  /** Whether there was a bash for the command, where that is not seen by its PATH on this machine. */
  hasBash?: boolean;
  /** The system ended it because it wanted more memory than the step may have. */
  isOutOfMemory?: boolean;
  /** Why it failed, where that is for no command to say. */
  problem?: Finding;
}

/** A command that has ended, with all it was given. */
export interface EndedAttempt extends StepAttempt {
  workspace: Workspace;
  placed: PlacedInput[];
  logs: { stdout: string; stderr: string };
  end: AttemptEnd;
  /** Stores what it logged through MLflow's protocol, when it did. */
  logged?: (hasSucceeded: boolean) => Promise<LoggedReading>;
}

/** How an attempt is told of. */
export type Finished = Extract<EngineEvent, { type: 'step-finished' }>;
