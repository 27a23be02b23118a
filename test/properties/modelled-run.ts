import {
  commandOf,
  type Input,
  isDirectory,
  isVisible,
  type Step,
  type Study,
  shared,
  stepOf,
  valuesOf,
} from './modelled-study.ts';

/** A cell as the model has it after a run. */
export interface ModelledCell {
  name: string;
  status: 'succeeded' | 'failed' | 'skipped';
  output?: string;
  /** Whether its command runs. */
  runs: boolean;
}

interface Ended {
  matrix: Record<string, number>;
  number: number;
  status: 'succeeded' | 'failed' | 'left-out' | 'dropped';
  output: string;
}

/**
 * What a run of a study comes to.
 * @param known what each result of this home was made from; what this run makes is added
 */
export function modelledRun(study: Study, log: string, known: Set<string>): ModelledCell[] {
  const values = valuesOf(study);
  const ended = new Map<number, Ended[]>();
  const result: ModelledCell[] = [];
  for (const step of study.steps) {
    const cells: Ended[] = [];
    ended.set(step.id, cells);
    for (const [number, matrix] of combinations(study, step).entries()) {
      const name = step.dimensions.length === 0 ? step.name : `${step.name}.${number}`;
      const end = (status: Ended['status'], output = '', runs = false) => {
        cells.push({ matrix, number, status, output });
        const recorded = status === 'left-out' || status === 'dropped' ? 'skipped' : status;
        result.push({ name, status: recorded, runs, ...(status === 'succeeded' ? { output } : {}) });
      };
      if (step.when !== undefined && !holdsFor(step, matrix, values)) {
        end('left-out');
        continue;
      }
      const read = step.inputs.map((input) => ({ input, ...readBy(study, step, matrix, input, ended) }));
      if (read.some(({ failed }) => failed)) end('dropped');
      else if (read.some(({ texts }) => texts.length === 0)) end('left-out');
      else {
        const visible = Object.entries(values).filter(([name]) => step.parameters?.includes(name) ?? true);
        const files = Object.entries(study.files).filter(([name]) => isVisible(step, name));
        const view = JSON.stringify([
          commandOf(study, step, log),
          visible,
          files,
          matrix,
          read
            .map(({ input: { name, at, mode }, texts }) => [name, at ?? null, mode, texts])
            .sort(([one], [two]) => (one! < two! ? -1 : 1)),
          [step.path ?? null, step.kind],
          study.variables[step.environment],
          step.cache === 'portable',
        ]);
        const fails =
          step.failsAt !== undefined &&
          visible.some(([name, value]) => name === 'p0' && value === step.failsAt);
        const isReused = step.cache !== false && known.has(view) && !study.force.includes(step.name);
        if (fails) end('failed', '', true);
        else {
          if (step.cache !== false) known.add(view);
          const shown = {
            all: [
              ...visible.map(([name, value]) => `${name} ${value}`),
              ...step.dimensions.map((name) => `${name} ${matrix[name]}`),
              `variable ${study.variables[step.environment]}`,
              ...files.map(([name, text]) => `${name} ${text}`),
              ...read.flatMap(({ input, texts }) =>
                texts.flatMap(({ entry, text }) => [
                  entry === undefined ? input.name : `${input.name} ${entry}`,
                  text.replace(/\n$/, ''),
                ]),
              ),
            ],
            parameter: visible.slice(0, 1).map(([, value]) => `first ${value}`),
            constant: [],
          }[step.style];
          end('succeeded', `${[`step ${step.id} ${step.version}`, ...shown].join('\n')}\n`, !isReused);
        }
      }
    }
  }
  return result;
}

function readBy(
  study: Study,
  step: Step,
  matrix: Record<string, number>,
  input: Input,
  ended: Map<number, Ended[]>,
): { failed: boolean; texts: { entry?: number; text: string }[] } {
  if (input.from === 'data') return { failed: false, texts: [{ text: `${study.data}\n` }] };
  const source = stepOf(study, input.from);
  const names = shared(step, source);
  const isMatching = names.length > 0 && input.cells === 'matching';
  const cells = ended
    .get(source.id)!
    .filter((cell) => !isMatching || names.every((name) => cell.matrix[name] === matrix[name]));
  const directory = isDirectory(study, step, input);
  return {
    failed: cells.some(({ status }) => status === 'failed' || status === 'dropped'),
    texts: cells
      .filter(({ status }) => status === 'succeeded')
      .map(({ number, output }) => (directory ? { entry: number, text: output } : { text: output })),
  };
}

function combinations(study: Study, { dimensions }: Step): Record<string, number>[] {
  let all: Record<string, number>[] = [{}];
  for (const name of dimensions)
    all = all.flatMap((values) => study.dimensions[name]!.map((value) => ({ ...values, [name]: value })));
  return all;
}

function holdsFor(
  { when, dimensions }: Step,
  matrix: Record<string, number>,
  values: Record<string, number>,
): boolean {
  if (dimensions.length === 0) return values.p0 !== when;
  return matrix[dimensions[0]!] !== when! % 2 || values.p1 === when;
}
