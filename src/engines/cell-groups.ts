import { fanIn } from '../pipeline/fan-in.ts';
import { hasCells } from '../pipeline/matrix.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { Artifact } from './engine.ts';
import type { CellState, Outcome, StepState } from './run-graph.ts';

/** Cells of one step that others read from together: known to have ended without a look at each. */
export interface Group {
  step: string;
  cells: { number: number; state: CellState }[];
  notEnded: number;
  succeeded: number;
  /** The first failure among them, or why the step never got any cells. */
  failed?: Outcome & { as: 'failed' };
  waiting: CellState[];
  /** The directories made of their outputs, by output. */
  directories?: Map<string, Promise<Artifact>>;
}

/** A group of cells as far as they have ended. */
export function newGroup(step: string, cells: Group['cells']): Group {
  const group: Group = { step, cells, notEnded: 0, succeeded: 0, waiting: [] };
  for (const { state } of cells) {
    if (!state.outcome) group.notEnded++;
    else if (state.outcome.as === 'succeeded') group.succeeded++;
    else if (state.outcome.as === 'failed') group.failed ??= state.outcome;
  }
  return group;
}

/** The groups that the cells of one step read from by one input. */
export function groupsOf(
  input: PlannedStep['inputs'][string],
  name: string,
  source: StepState | undefined,
): (cell: PlannedCell) => { group: Group; itself: boolean } {
  const states = source?.cells ?? [];
  const instead: Outcome | undefined = source ? source.outcome : { as: 'failed', root: name };
  const groupOf = (cells: Group['cells']): Group => {
    const group = newGroup(name, cells);
    if (instead?.as === 'failed') group.failed = instead;
    for (const { state } of group.cells) if (!state.outcome) state.readBy.push(group);
    return group;
  };
  if (source && states.length === 1 && !hasCells(source.step)) {
    // Most steps have one cell, whoever reads from it.
    let group: Group | undefined;
    return () => {
      group ??= groupOf([{ number: 0, state: states[0]! }]);
      return { group, itself: true };
    };
  }
  const cellsOf = source
    ? fanIn(input, { ...source.step, cells: states.map(({ cell }) => cell) })
    : () => ({ itself: true, cells: [] });
  const groups = new Map<readonly unknown[], Group>();
  return (reader) => {
    const { itself, cells } = cellsOf(reader);
    let group = groups.get(cells);
    if (!group) {
      group = groupOf(cells.map(({ number }) => ({ number, state: states[number]! })));
      groups.set(cells, group);
    }
    return { group, itself };
  };
}
