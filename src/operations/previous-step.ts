import type { StepResult } from '../engines/engine.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import { equalJson } from '../program/json.ts';
import type { RunRecord, StepRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';

/** A cell as it succeeded last, in a run of this home. */
export interface PreviousStep {
  record: RunRecord;
  step: StepRecord;
}

/**
 * The last time that a cell of a program succeeded here, whatever it was made from then: its step's name and values are
 * the same, and the program's name.
 * @param name of the program, any version
 */
export function previousStep(
  ports: Ports,
  name: string,
  { name: of }: Pick<PlannedStep, 'name'>,
  { matrix }: Pick<PlannedCell, 'matrix'>,
): PreviousStep | undefined {
  for (const { record } of ports.runs.newest()) {
    if (record.program.name !== name) continue;
    const step = record.steps.find(
      (known) =>
        (known.of ?? known.name) === of &&
        known.status === 'succeeded' &&
        known.cacheKey !== undefined &&
        equalJson(known.matrix ?? {}, matrix),
    );
    if (step) return { record, step };
  }
  return undefined;
}

/** What it left then, to stand in for it now. */
export function previousResult(ports: Ports, { record, step }: PreviousStep): StepResult | undefined {
  return ports.runs.results(record.id).findLast((result) => result.key === step.cacheKey);
}
