import type { Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import type { ScriptCell } from '../step-script.ts';

/** An output of a cell that a task reads. */
export interface TaskSource {
  /** As the component that reads it calls it. */
  name: string;
  step: string;
  slot: number;
  output: string;
}

/** One task of a step: of all its cells where they are told by their number alone, else of one of them. */
export interface StepTask {
  /** Tells it from every other of the pipeline. */
  name: string;
  slots: number[];
  /** Tasks that have to succeed before it, sorted. */
  after: string[];
  sources: TaskSource[];
}

/** A step and its tasks. */
export interface TaskGroup {
  compiled: CompiledStep;
  /** The step's. */
  name: string;
  /** One task goes through all the cells. */
  isLoop: boolean;
  tasks: StepTask[];
}

/**
 * The tasks of a plan. Cells that nobody reads from and that all read the same are the rounds of a loop. What a loop
 * leaves, a container could read no more of than the first: cells that others read from are tasks of their own. Of a run
 * that its client watches they wait for one another alone: what they read is on its volume.
 */
export function taskGroups({ steps, runId, watched }: Compilation): TaskGroup[] {
  const read = new Set(steps.flatMap(({ after }) => after));
  const tasks = new Map<string, string[]>();
  return steps.map((compiled) => {
    const { step, cells } = compiled;
    const numbers = new Map<unknown, number>();
    const ways = new Map<string, TaskSource[]>();
    const ofCells = cells.map((cell) => {
      // Inputs that are the same thing are read the same way, however many sources they have.
      const way = Object.values(cell.inputs)
        .map((input) => numberOf(numbers, input))
        .join();
      const known = ways.get(way) ?? sourcesOf(cell);
      ways.set(way, known);
      return known;
    });
    const readsAlike = new Set([...ways.values()].map((sources) => JSON.stringify(sources))).size < 2;
    const isLoop = cells.length > 1 && !read.has(step.name) && readsAlike;
    const plain = plainName(runId, step.name);
    const names =
      isLoop || cells.length === 1
        ? [plain]
        : cells.map((_, slot) => plainName(runId, `${step.name}.${slot}`));
    tasks.set(step.name, names);
    const before = (of: readonly TaskSource[]) => of.map(({ step: from, slot }) => tasks.get(from)![slot]!);
    const { parallel = cells.length } = step;
    return {
      compiled,
      name: plain,
      isLoop,
      tasks: names.map((name, slot) => ({
        name,
        slots: isLoop ? cells.map((_, number) => number) : [slot],
        // So many at a time, where they are tasks: each waits for the one so many before it.
        after: [
          ...new Set([...before(ofCells[slot]!), ...(slot < parallel ? [] : [names[slot - parallel]!])]),
        ].sort(),
        sources: watched ? [] : ofCells[slot]!,
      })),
    };
  });
}

function sourcesOf({ inputs }: ScriptCell): TaskSource[] {
  const found = new Map<string, TaskSource>();
  for (const [input, { sources }] of Object.entries(inputs)) {
    for (const { source } of sources) {
      if ('archive' in source) continue;
      const key = `${source.step} ${source.slot} ${source.output}`;
      if (!found.has(key)) found.set(key, { ...source, name: `${input}-${found.size}` });
    }
  }
  return [...found.values()];
}

function numberOf(numbers: Map<unknown, number>, thing: unknown): number {
  const number = numbers.get(thing) ?? numbers.size;
  numbers.set(thing, number);
  return number;
}

/** A name of letters, digits and dashes that is another one for every other text. */
function plainName(runId: string, text: string): string {
  return objectName(runId, text).slice(`same-${runId}-`.length);
}
