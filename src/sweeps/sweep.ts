import type { Finding } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import type { RunStatus } from '../runs/run-record.ts';
import type { Dimension } from './search-space.ts';

/** How the values of trials are chosen. */
export const algorithms = ['grid', 'random', 'sobol', 'tpe'] as const;

/** One of {@link algorithms}. */
export type Algorithm = (typeof algorithms)[number];

/** Which figure of a run says how good its values were. */
export interface Objective {
  direction: 'min' | 'max';
  /** NAME or STEP.NAME, as in claims. */
  metric: string;
}

/** What is searched, and how: two sweeps with equal searches try the same values (spec SAME-SWP-009). */
export interface Search {
  space: Dimension[];
  algorithm: Algorithm;
  /** How many trials. */
  trials: number;
  /** Not of a grid, which draws nothing. */
  samplerSeed?: number;
  objective?: Objective;
  /** Trials at a time; tpe knows the results of all but this many less one before a trial, however fast they end. */
  jobs: number;
}

/** One trial: the values that were tried and what became of the run that tried them. */
export interface TrialRecord {
  /** From 0. */
  number: number;
  values: JsonObject;
  /** `succeeded` where the run did and its objective, if one is asked for, is a figure. */
  status: RunStatus;
  /** The run, once it has begun. */
  run?: string;
  /** The figure of the objective. */
  objective?: number;
  durationMs?: number;
  /** Why it did not succeed. */
  error?: { code: string; message: string };
}

/** The account of a sweep (spec chapter sweeps). Final once every trial ended. */
export interface SweepRecord extends Search {
  apiVersion: 'same/v1';
  kind: 'Sweep';
  id: string;
  program: { name: string; version: string; digest: string };
  status: 'running' | 'interrupted' | 'succeeded' | 'failed';
  profile?: string;
  target: string;
  allowUnmet?: true;
  noCache?: true;
  /** Values of the parameters that are given and the same in all trials. */
  parameters: JsonObject;
  startedAt: string;
  finishedAt?: string;
  results: TrialRecord[];
  /** Number of the best trial. */
  best?: number;
  /** Why it ended before all its trials had begun. */
  error?: { code: string; message: string };
  /** Version of the tool. */
  runtime: string;
}

/** Whether a trial is over: one that was stopped, or whose process died, is not. */
export function hasEnded({ status }: TrialRecord): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'timeout';
}

/** The number of the best trial: of equal ones the first. */
export function bestTrial(
  objective: Objective | undefined,
  results: readonly TrialRecord[],
): number | undefined {
  if (!objective) return undefined;
  const sign = objective.direction === 'min' ? 1 : -1;
  let best: TrialRecord | undefined;
  for (const trial of results) {
    if (trial.status !== 'succeeded' || trial.objective === undefined) continue;
    const difference = best === undefined ? -1 : sign * (trial.objective - best.objective!);
    if (difference < 0 || (difference === 0 && trial.number < best!.number)) best = trial;
  }
  return best?.number;
}

/** Reads `min:METRIC` or `max:METRIC`. */
export function parseObjective(text: string): Objective | Finding {
  const match = /^(min|max):(.+)$/s.exec(text);
  if (match) return { direction: match[1] as 'min' | 'max', metric: match[2]! };
  return {
    code: 'SAME1902',
    message: `--objective takes min:METRIC or max:METRIC, got "${text}"`,
    hint: 'write it like --objective=min:loss, or min:train.loss for the one that step train reports',
  };
}
