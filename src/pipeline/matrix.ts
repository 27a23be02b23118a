import { type Finding, SameError } from '../errors/same-error.ts';
import { ITEM, MOST_CELLS } from '../program/cells.ts';
import { type Condition, parseCondition } from '../program/condition.ts';
import { type JsonObject, type JsonValue, stableText, unportable } from '../program/json.ts';
import { shown } from '../program/value.ts';
import { holds } from './condition.ts';
import type { PlannedCell, PlannedStep } from './plan.ts';

/** The part of a planned step that says which cells it has. */
export type StepCells = Pick<PlannedStep, 'name' | 'cells' | 'foreach'>;

/** The names of a step's dimensions, sorted; none for a step that runs once. */
export function dimensionsOf({ foreach, cells }: StepCells): string[] {
  return foreach === undefined ? Object.keys(cells[0]?.matrix ?? {}) : [ITEM];
}

/** Whether a step has numbered cells, be it one: then what it writes is read as a directory of them. */
export function hasCells(step: StepCells): boolean {
  if (step.foreach !== undefined) return true;
  for (const _ in step.cells[0]?.matrix) return true;
  return false;
}

/** Every combination of a matrix: dimensions in the order of their names, the last varying fastest. */
export function combinationsOf(matrix: Record<string, readonly JsonValue[]>): JsonObject[] {
  const names = Object.keys(matrix).sort();
  let found: JsonObject[] = [{}];
  for (const name of names) {
    found = found.flatMap((before) => matrix[name]!.map((value) => ({ ...before, [name]: value })));
  }
  return found;
}

/**
 * The cells of a step whose dimensions are known.
 * @param parameters values of all parameters of the program, for the condition
 * @throws {SameError} SAME1010 where the condition has no answer
 */
export function plannedCells(
  name: string,
  matrix: Record<string, JsonValue[]> | undefined,
  when: string | undefined,
  parameters: JsonObject,
): PlannedCell[] {
  const numbered = matrix !== undefined;
  const values = numbered ? combinationsOf(matrix) : [{}];
  return conditional(
    values.map((each, number) => ({ name: numbered ? `${name}.${number}` : name, matrix: each })),
    when,
    parameters,
  );
}

/**
 * The cells of a step with `foreach`, once its list is there: one for each item, in order.
 * @param list what the file holds as JSON
 * @param parameters values of all parameters of the program, for the condition
 * @returns the cells, or why there can be none (SAME1613): then the step has failed
 */
export function cellsOfList(
  step: Pick<PlannedStep, 'name' | 'foreach' | 'when'>,
  list: JsonValue,
  parameters: JsonObject,
): PlannedCell[] | Finding {
  const problem = listProblem(list);
  if (problem !== undefined) return unusable(step, problem);
  const cells = (list as JsonValue[]).map((item, number) => ({
    name: `${step.name}.${number}`,
    matrix: { [ITEM]: item },
  }));
  try {
    return conditional(cells, step.when, parameters);
  } catch (error) {
    if (error instanceof SameError) return unusable(step, `when: ${error.findings[0]!.message}`);
    throw error;
  }
}

/** The finding for a `foreach` whose list cannot be used (SAME1613), also where it is no JSON at all. */
export function unusable({ name, foreach }: Pick<PlannedStep, 'name' | 'foreach'>, problem: string): Finding {
  const source = foreach === undefined ? 'its list' : `${foreach.step}.${foreach.output}`;
  return {
    code: 'SAME1613',
    message: `step ${name} has no cells from ${source}: ${problem}`,
    hint: `step ${foreach?.step ?? name} writes a JSON list, such as [1, 2, 3], of different items`,
  };
}

function listProblem(list: JsonValue): string | undefined {
  if (!Array.isArray(list)) return `it is ${shown(list)}, not a list`;
  if (list.length > MOST_CELLS) return `it has ${list.length} items, more than ${MOST_CELLS}`;
  const seen = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const why = unportable(item) ?? (hasNul(item) ? 'it holds a NUL' : undefined);
    if (why !== undefined) return `item ${index} cannot be passed on: ${why}`;
    const text = stableText(item);
    const twin = seen.get(text);
    if (twin !== undefined) return `items ${twin} and ${index} are the same: ${shown(item)}`;
    seen.set(text, index);
  }
  return undefined;
}

/** Only texts can hold one: everything else is passed on as JSON, which escapes it. */
function hasNul(value: JsonValue): boolean {
  return typeof value === 'string' && value.includes('\0');
}

function conditional(cells: PlannedCell[], when: string | undefined, parameters: JsonObject): PlannedCell[] {
  if (when === undefined) return cells;
  const condition = conditionOf(when);
  const skipped = `its condition is false: ${when}`;
  return cells.map((cell) =>
    holds(condition, { parameters, matrix: cell.matrix }) ? cell : { ...cell, skipped },
  );
}

function conditionOf(when: string): Condition {
  const parsed = parseCondition(when);
  if ('condition' in parsed) return parsed.condition;
  // The manifest's rules refuse it before anything is planned.
  throw new SameError({ code: 'SAME1010', ...parsed.problem });
}
