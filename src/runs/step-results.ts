import type { StepResult } from '../engines/engine.ts';

/** Results of steps of this home's own runs, by key. Made from the runs, and made again from them when it is gone. */
export interface StepResults {
  find(key: string): StepResult | undefined;
  /** Called once what the result names is stored and the journal says so. */
  keep(result: StepResult): void;
}
