import type { LocalContentStore } from '../content/content-store.ts';
import type { Finished, StepAttempt } from './attempt/step-attempt.ts';
import type { EngineEvent } from './engine.ts';

/** What is told of an attempt before it has ended. */
export type AttemptNews = Extract<EngineEvent, { type: 'step-started' | 'step-output' | 'step-traced' }>;

/** What an engine brings to the scheduler: how one attempt of a cell is run. */
export interface Attempts {
  /** Where inputs come from and outputs go. */
  readonly content: LocalContentStore;
  /** Whether another attempt follows is decided by what runs them, and said by `retrying` of how one ended. */
  readonly decideRetries?: boolean;
  /**
   * Runs one attempt to its end: directories, command, outputs, and nothing of it left afterwards, neither files nor
   * processes. Many run at the same time.
   * @param tell is told `step-started` once, as soon as the command runs, and what it prints
   * @returns how it ended, `retrying` false where that is the scheduler's to say. What the step did is never an exception
   * @throws what makes going on impossible, such as a full disk; everything else is stopped then
   */
  run(task: StepAttempt, tell: (news: AttemptNews) => void): Promise<Finished>;
}
