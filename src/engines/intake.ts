import type { JsonObject } from '../program/json.ts';
import type { Artifact, ReportedMetric } from './engine.ts';

/** A model that was logged through MLflow's protocol: its files are among the artifacts. */
export interface LoggedModel {
  name: string;
  /** The directory of its files below the artifacts, when it has any. */
  path?: string;
  type?: string;
  parameters?: Record<string, string>;
  tags?: Record<string, string>;
}

/** What was logged through MLflow's protocol under one of its runs; figures are elsewhere. Texts as the protocol has them. */
export interface Logged {
  parameters?: Record<string, string>;
  /** The other values that a parameter was given: by the program, or logged later. The first that was logged counts. */
  drift?: Record<string, string[]>;
  tags?: Record<string, string>;
  /** Always a directory. */
  artifacts?: Artifact;
  models?: LoggedModel[];
  /** Data sets that were said to be read. */
  inputs?: { name: string; digest: string; context?: string }[];
}

/** A run that a step began within its own. */
export interface LoggedRun extends Logged {
  id: string;
  name?: string;
  /** The run of this step that it was begun in; the step itself where this is absent. */
  parent?: string;
  status: 'running' | 'scheduled' | 'finished' | 'failed' | 'killed';
  startedAt: string;
  finishedAt?: string;
  metrics: ReportedMetric[];
}

/** What one attempt of a step logged. */
export interface LoggedStep extends Logged {
  runs?: LoggedRun[];
}

/** Takes what an attempt logs through MLflow's protocol while its command runs. */
export interface AttemptIntake {
  /** Tell the command where to log to. */
  variables: Record<string, string>;
  /**
   * Takes nothing more; once is enough, a second time does nothing.
   * @returns what can store it all, told whether the step succeeded; or undefined when nothing was logged
   */
  close(): ((hasSucceeded: boolean) => Promise<LoggedReading>) | undefined;
}

/** What an attempt logged, once it is stored. */
export interface LoggedReading {
  logged?: LoggedStep;
  metrics: ReportedMetric[];
  warnings: string[];
}

/** What an intake is told of an attempt. */
export interface IntakeRequest {
  runId: string;
  /** Name of the cell. */
  step: string;
  /** What the step sees, to tell drift. */
  parameters: JsonObject;
  /** Directories of the attempt, longest first, which are cut off where a text begins with them. */
  places: readonly string[];
  /** Where points of series lie meanwhile: the intake's own, and no attempt's. */
  spool: string;
  mask(text: string): string;
}

/** Where steps log to through MLflow's protocol. */
export interface Intake {
  /** @returns undefined where this machine cannot listen */
  open(request: IntakeRequest): Promise<AttemptIntake | undefined>;
}
