import { SameError } from '../../errors/same-error.ts';
import { topologicalOrder } from '../../program/graph.ts';
import type { Program } from '../../program/schema.ts';
import { renderCommandTemplate } from './command.ts';

type Step = Program['pipeline']['steps'][string];

/**
 * The steps of a program for people, each after those that it reads from and those of `finally` last: what each waits for,
 * its command, its cells, what it writes.
 */
export function stepRows(program: Program): string[][] {
  const { steps, finally: last = {} } = program.pipeline;
  return [
    ...orderOf(program, 'steps').flatMap((name) => rowsOf(name, steps[name]!, false)),
    ...orderOf(program, 'finally').flatMap((name) => rowsOf(name, last[name]!, true)),
  ];
}

function orderOf(program: Program, group: 'steps' | 'finally'): string[] {
  try {
    return topologicalOrder(program, group);
  } catch (error) {
    // What somebody else packed may wait for itself; it is looked at all the same.
    if (!(error instanceof SameError)) throw error;
    return Object.keys(program.pipeline[group] ?? {});
  }
}

function rowsOf(name: string, step: Step, isLast: boolean): string[][] {
  const sources = [...Object.values(step.inputs ?? {}).map(({ from }) => from), step.foreach];
  const after = new Set(sources.flatMap((source) => source?.split('.')[0] ?? []));
  const waits = [isLast ? 'finally' : '', after.size > 0 ? `after ${[...after].join(', ')}` : ''];
  const writes = Object.entries(step.outputs ?? {}).map(([output, { path, kind, description }]) =>
    [`writes ${output}`, path && `to ${path}`, kind && `(${kind})`, description && `· ${description}`]
      .filter(Boolean)
      .join(' '),
  );
  const lines = [...(step.description ? [step.description] : []), ...cellLines(step), ...writes];
  return [
    [name, waits.filter(Boolean).join(', '), renderCommandTemplate(step.run)],
    ...lines.map((line) => ['', '', `  ${line}`]),
  ];
}

/** More values than these are counted. */
const FEW_VALUES = 12;

/** What makes many cells of a step, or none. */
function cellLines({ matrix, foreach, when }: Step): string[] {
  const dimensions = Object.entries(matrix ?? {}).map(([name, values]) => {
    const first = values.slice(0, FEW_VALUES).map((value) => JSON.stringify(value));
    const more = values.length > FEW_VALUES ? ` … (${values.length})` : '';
    return `for each ${name} of ${first.join(', ')}${more}`;
  });
  return [
    ...dimensions,
    ...(foreach === undefined ? [] : [`for each of the list ${foreach}`]),
    ...(when === undefined ? [] : [`when ${when}`]),
  ];
}
