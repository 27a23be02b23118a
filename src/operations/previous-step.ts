import type { StepResult } from '../engines/engine.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';
import type { RunRecord, StepRecord } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';

/** A cell as it succeeded last, in a run of this home. */
export interface PreviousStep {
  record: RunRecord;
  step: StepRecord;
}

/** The run in which it ran then, rather than was reused. */
export function runOf({ record, step }: PreviousStep): string {
  return step.cachedFrom ?? record.id;
}

/** A cell that is looked for. */
export interface WantedCell {
  step: Pick<PlannedStep, 'name'>;
  cell: Pick<PlannedCell, 'name' | 'matrix'>;
}

/**
 * The last time that each of some cells of a program succeeded here, whatever it was made from then: its step's name and
 * values are the same, and the program's name.
 * @param name of the program, any version
 * @returns by name of the cell, as far as there are any
 */
export function previousSteps(
  ports: Ports,
  name: string,
  wanted: readonly WantedCell[],
): Map<string, PreviousStep> {
  const found = new Map<string, PreviousStep>();
  const names = new Map(wanted.map(({ step, cell }) => [identityOf(step.name, cell.matrix), cell.name]));
  if (names.size === 0) return found;
  for (const { record } of ports.runs.newest()) {
    if (record.program.name !== name) continue;
    for (const step of record.steps) {
      if (step.status !== 'succeeded' || step.cacheKey === undefined) continue;
      const cell = names.get(identityOf(step.of ?? step.name, step.matrix ?? {}));
      if (cell !== undefined && !found.has(cell)) found.set(cell, { record, step });
    }
    if (found.size === names.size) break;
  }
  return found;
}

function identityOf(step: string, matrix: JsonObject): string {
  const entries = Object.entries(matrix).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([step, entries]);
}

/** What it left then, to stand in for it now. */
export function previousResult(ports: Ports, { record, step }: PreviousStep): StepResult | undefined {
  return ports.runs.results(record.id).findLast((result) => result.key === step.cacheKey);
}
