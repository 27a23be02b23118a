import type { StepResult } from '../engines/engine.ts';
import type { CarriedArchive, CompiledStep, KnownPlan } from '../engines/kubernetes/compilation.ts';
import type { ScriptCell, ScriptInput } from '../engines/step-script.ts';
import { fanIn, type SourceCells } from '../pipeline/fan-in.ts';
import type { PlannedCell, PlannedStep } from '../pipeline/plan.ts';

/** One cell as it is known: it runs, in this slot, or its result is there; of one that is left out there is nothing. */
type State = { slot: number } | { result: StepResult };

/**
 * The steps of which cells have to run, and where each of their inputs comes from.
 * @returns also the steps whose list another step has yet to write
 */
export async function compiledSteps(
  known: KnownPlan,
): Promise<{ steps: CompiledStep[]; unknownLists: PlannedStep[] }> {
  const { plan, told } = known;
  const results = new Map<string, StepResult>();
  const skipped = new Set<string>();
  const lists = new Map<string, PlannedCell[]>();
  for (const event of told) {
    if (event.type === 'step-cached') results.set(event.step, event.result);
    if (event.type === 'step-skipped' && event.cause !== 'failure') skipped.add(event.step);
    if (event.type === 'step-expanded') lists.set(event.step, event.cells);
  }
  const states = new Map<string, { step: PlannedStep; states: (State | undefined)[] }>();
  const compiled: CompiledStep[] = [];
  const unknownLists: PlannedStep[] = [];
  for (const planned of plan.steps) {
    const isUnknown = planned.foreach && !lists.has(planned.name) && !skipped.has(planned.name);
    if (isUnknown) unknownLists.push(planned);
    const step = { ...planned, cells: lists.get(planned.name) ?? planned.cells };
    const cellsOf = sourcesOf(step, states);
    const running: { cell: PlannedCell; sources: Record<string, SourceCells> }[] = [];
    const own = step.cells.map((cell): State | undefined => {
      if (skipped.has(cell.name) || cell.skipped !== undefined) return undefined;
      const result = results.get(cell.name);
      if (result) return { result };
      const sources = cellsOf(cell);
      // What it reads from was left out altogether, and so is it.
      if (Object.entries(sources).some(([name, of]) => !remains(step, name, of, states))) return undefined;
      running.push({ cell, sources });
      return { slot: running.length - 1 };
    });
    states.set(step.name, { step, states: own });
    if (running.length > 0) compiled.push(await compiledStep(known, step, running, states));
  }
  return { steps: compiled, unknownLists };
}

type States = Map<string, { step: PlannedStep; states: (State | undefined)[] }>;

function sourcesOf(step: PlannedStep, states: States): (cell: PlannedCell) => Record<string, SourceCells> {
  const ways = Object.entries(step.inputs).flatMap(([name, input]) => {
    const source = 'step' in input.from ? states.get(input.from.step) : undefined;
    return source ? [[name, fanIn(input, source.step)] as const] : [];
  });
  return (cell) => Object.fromEntries(ways.map(([name, of]) => [name, of(cell)]));
}

function remains(step: PlannedStep, input: string, { cells }: SourceCells, states: States): boolean {
  const { from } = step.inputs[input]!;
  if (!('step' in from)) return true;
  return cells.some(({ number }) => states.get(from.step)?.states[number] !== undefined);
}

async function compiledStep(
  known: KnownPlan,
  step: PlannedStep,
  running: { cell: PlannedCell; sources: Record<string, SourceCells> }[],
  states: States,
): Promise<CompiledStep> {
  const archives = new Map<string, CarriedArchive>();
  const after = new Set<string>();
  const packed = (archive: CarriedArchive) => {
    archives.set(archive.name, archive);
    return { archive: `${known.packed}/${archive.name}` };
  };
  // Cells that read the same way share one way.
  const ways = new Map<string, Map<unknown, ScriptInput>>();
  const cells: ScriptCell[] = [];
  for (const { cell, sources } of running) {
    const inputs: Record<string, ScriptInput> = {};
    for (const [name, { from }] of Object.entries(step.inputs)) {
      const of = sources[name];
      const known_ = ways.get(name) ?? new Map<unknown, ScriptInput>();
      ways.set(name, known_);
      const way = of?.cells ?? name;
      let input = known_.get(way);
      if (!input) {
        const field = `pipeline.${step.group}.${step.name}.inputs.${name}`;
        input = { sources: [] };
        if (!('step' in from)) input.sources.push({ source: packed(await known.data[from.data]!(field)) });
        for (const { number } of of?.cells ?? []) {
          if (!('step' in from)) break;
          const state = states.get(from.step)!.states[number];
          if (!state) continue;
          const entry = of!.itself ? {} : { entry: String(number) };
          if ('slot' in state) {
            after.add(from.step);
            input.sources.push({
              ...entry,
              source: { step: from.step, slot: state.slot, output: from.output },
            });
          } else {
            const archive = await known.archive(state.result.outputs[from.output]!, field);
            input.sources.push({ ...entry, source: packed(archive) });
          }
        }
        known_.set(way, input);
      }
      inputs[name] = input;
    }
    cells.push({ name: cell.name, matrix: cell.matrix, inputs });
  }
  for (const [name, { mode, at }] of Object.entries(step.inputs)) {
    const [input, ...others] = ways.get(name)!.values();
    const [first] = input!.sources;
    const isPlain = others.length === 0 && input!.sources.length === 1 && first!.entry === undefined;
    // What all cells read alike is mounted; everything else is copied into place by the cell, and so is what lies where
    // a mount cannot be, or where an engine would read a template of its own.
    const isOddPlace = /:|\{\{|\$\(/.test(at ?? '');
    if (isPlain && mode === 'link' && 'step' in first!.source && !isOddPlace) input!.isMounted = true;
  }
  const { container, variables } = known.environment(step.environment);
  const code = await known.code(step);
  return {
    step,
    cells,
    image: container && 'image' in container ? container.image : '',
    variables,
    ...(code ? { code } : {}),
    archives: [...archives.values()],
    after: [...after].sort(),
  };
}
