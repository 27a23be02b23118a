import { SameError } from '../errors/same-error.ts';
import type { RunRecord, StepRecord } from '../runs/run-record.ts';

/** More names than these are no help. */
const NAMED = 20;

/**
 * The steps of a run that a word names: one cell by its own name, all cells of a step by that of the step, all steps
 * without a word.
 * @throws SAME1902 the run has none of that name
 */
export function chosenSteps({ id, steps }: RunRecord, word: string | undefined): StepRecord[] {
  if (word === undefined) return steps;
  const chosen = steps.filter(({ name, of }) => name === word || of === word);
  if (chosen.length > 0) return chosen;
  const names = [...new Set(steps.map(({ name, of }) => of ?? name))];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  throw new SameError({
    code: 'SAME1902',
    message: `run ${id} has no step "${word}" (steps: ${names.slice(0, NAMED).join(', ')}${more})`,
  });
}
