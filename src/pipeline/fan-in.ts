import { type JsonObject, stableText } from '../program/json.ts';
import { dimensionsOf, hasCells, type StepCells } from './matrix.ts';
import type { Plan, PlannedCell, PlannedInput } from './plan.ts';

/** One cell that a step reads from; its artifact's entry in the directory is called by its number. */
export interface SourceCell {
  number: number;
  cell: PlannedCell;
}

/** What an input is made of. */
export interface SourceCells {
  /** The artifact of the one cell is the input itself; otherwise a directory with an entry for each. */
  itself: boolean;
  /** In the order of their numbers. Those that were skipped are among them. */
  cells: readonly SourceCell[];
}

/**
 * Which cells of a step each cell of another reads from by an input (spec SAME-PIP-040). What many cells share is found
 * once, and they are given the same list.
 * @param source with its cells; those of a `foreach` as they are known by now
 * @returns a function of the cell that reads; where none matches, `cells` is empty
 */
export function fanIn(
  input: Pick<PlannedInput, 'cells'>,
  source: StepCells,
): (cell: Pick<PlannedCell, 'matrix'>) => SourceCells {
  const all = source.cells.map((cell, number): SourceCell => ({ number, cell }));
  if (!hasCells(source)) return () => ({ itself: true, cells: all });
  if (input.cells !== 'matching') return () => ({ itself: false, cells: all });
  const dimensions = dimensionsOf(source);
  let shared: string[] | undefined;
  let groups: Map<string, SourceCell[]> | undefined;
  return ({ matrix }) => {
    shared ??= dimensions.filter((name) => Object.hasOwn(matrix, name));
    const names = shared;
    const textOf = (values: JsonObject) => stableText(names.map((name) => values[name]!));
    groups ??= Map.groupBy(all, ({ cell }) => textOf(cell.matrix));
    return { itself: names.length === dimensions.length, cells: groups.get(textOf(matrix)) ?? [] };
  };
}

/** What an output of the program is made of: one artifact, or a directory with an entry a cell. */
export type ProgramOutput =
  /** The artifact `output` of the cell called `cell`. */
  | { output: string; cell: string }
  /** A directory: `entry` is the name in it. Cells that were skipped have no artifact and no entry. */
  | { output: string; entries: { entry: string; cell: string }[] };

/**
 * Says which cells make an output of the program (spec SAME-PIP-040).
 * @param expanded cells of steps with `foreach`, by step, as far as they became known
 * @returns undefined where the plan has no such output or step
 */
export function programOutput(
  plan: Pick<Plan, 'outputs' | 'steps'>,
  name: string,
  expanded: ReadonlyMap<string, PlannedCell[]> = new Map(),
): ProgramOutput | undefined {
  const from = plan.outputs[name];
  const step = from && plan.steps.find((known) => known.name === from.step);
  if (!step) return undefined;
  const { itself, cells } = fanIn(
    {},
    { ...step, cells: expanded.get(step.name) ?? step.cells },
  )({ matrix: {} });
  if (itself) return { output: from.output, cell: cells[0]!.cell.name };
  return {
    output: from.output,
    entries: cells.map(({ number, cell }) => ({ entry: String(number), cell: cell.name })),
  };
}
