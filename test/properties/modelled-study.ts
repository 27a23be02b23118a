/** The model of a study that is edited: what its author wrote, and what each step sees of it. */

/** One edit: what it does, and three numbers that say where and to what, taken modulo what there is. */
export interface Edit {
  kind: EditKind;
  a: number;
  b: number;
  c: number;
}

export const editKinds = [
  'add-step',
  'remove-step',
  'rename-step',
  'rewrite-command',
  'change-style',
  'wire-input',
  'drop-input',
  'move-input',
  'change-mode',
  'change-cells',
  'edit-file',
  'add-file',
  'edit-data',
  'edit-document',
  'choose-code',
  'choose-parameters',
  'set-parameter',
  'change-default',
  'add-parameter',
  'change-dimensions',
  'add-value',
  'change-condition',
  'change-environment',
  'edit-variable',
  'change-cache',
  'change-patience',
  'move-output',
  'change-kind',
  'change-claim',
  'fail-at',
  'go-back',
  'force',
] as const;
export type EditKind = (typeof editKinds)[number];

/** An input of a step: the data of the study, or what another step wrote. */
export interface Input {
  name: string;
  /** Identity of a step, or the name of data. */
  from: number | 'data';
  cells: 'all' | 'matching';
  at?: string;
  mode: 'link' | 'copy';
}

/** A step as its author wrote it. */
export interface Step {
  /** For ever its own; its name may change. */
  id: number;
  name: string;
  version: number;
  /** What of what it sees its output shows: everything, only its first parameter, or nothing. */
  style: 'all' | 'parameter' | 'constant';
  inputs: Input[];
  dimensions: string[];
  when?: number;
  code?: string[];
  parameters?: string[];
  environment: 'default' | 'other';
  cache?: boolean | 'portable';
  patience: number;
  path?: string;
  kind: 'file' | 'dataset';
  failsAt?: number;
}

/** Everything an author can edit. */
export interface Study {
  steps: Step[];
  parameters: Record<string, number>;
  set: Record<string, number>;
  files: Record<string, string>;
  data: string;
  document: number;
  dimensions: Record<string, number[]>;
  variables: Record<'default' | 'other', number>;
  claim: number;
  nextId: number;
  /** Names that are forced in the next run only. */
  force: string[];
}

export const emptyStudy = (): Study => ({
  steps: [],
  parameters: { p0: 0, p1: 1 },
  set: {},
  files: { f0: 'a', f1: 'b' },
  data: 'd',
  document: 0,
  dimensions: { x: [0, 1], y: [0, 1] },
  variables: { default: 0, other: 1 },
  claim: 0,
  nextId: 0,
  force: [],
});

const KINDS = ['file', 'dataset'] as const;
const STYLES = ['all', 'parameter', 'constant'] as const;
const CACHES = [undefined, true, false, 'portable'] as const;

/** What an edit makes of a study; where it does not apply, the same. */
export function edited(given: Study, { kind, a, b, c }: Edit, history: readonly Study[]): Study {
  const study = structuredClone(given);
  study.force = [];
  const { steps } = study;
  const step = steps[a % Math.max(1, steps.length)];
  const input = step?.inputs[b % Math.max(1, step.inputs.length)];
  const files = Object.keys(study.files);
  const parameters = Object.keys(study.parameters);
  const subset = (names: string[], bits: number) => names.filter((_, index) => (bits >> index) & 1);
  if (kind === 'add-step' && steps.length < 7) steps.push(newStep(study, a, b, c));
  else if (kind === 'set-parameter') study.set[parameters[a % parameters.length]!] = b % 4;
  else if (kind === 'change-default') study.parameters[parameters[a % parameters.length]!] = b % 4;
  else if (kind === 'add-parameter' && parameters.length < 4)
    study.parameters[`p${parameters.length}`] = b % 4;
  else if (kind === 'edit-file') study.files[files[a % files.length]!] = 'abcd'[b % 4]!;
  else if (kind === 'add-file' && files.length < 4) study.files[`f${files.length}`] = 'abcd'[b % 4]!;
  else if (kind === 'edit-data') study.data = 'defg'[b % 4]!;
  else if (kind === 'edit-document') study.document++;
  else if (kind === 'edit-variable') study.variables[a % 2 ? 'default' : 'other'] = b % 3;
  else if (kind === 'change-claim') study.claim = b % 5;
  else if (kind === 'add-value')
    study.dimensions[a % 2 ? 'x' : 'y']!.splice(b % 3, 1, ...[b % 3, 7].slice(0, 1 + (c % 2)));
  else if (kind === 'go-back')
    Object.assign(study, structuredClone(history[a % history.length] ?? given), {
      nextId: study.nextId,
      force: [],
    });
  if (kind === 'add-value') dedupe(study);
  if (!step) return study;
  if (kind === 'remove-step') {
    study.steps = steps.filter((other) => other !== step);
    for (const other of steps) other.inputs = other.inputs.filter(({ from }) => from !== step.id);
  } else if (kind === 'rename-step') step.name = `s${step.id}-${b % 3}`;
  else if (kind === 'rewrite-command') step.version = b % 3;
  else if (kind === 'change-style') step.style = STYLES[b % 3]!;
  else if (kind === 'wire-input') wire(study, step, b, c);
  else if (kind === 'drop-input') step.inputs = step.inputs.filter((other) => other !== input);
  else if (kind === 'move-input' && input)
    input.at = input.at === undefined || c % 2 ? `place/${c % 2}/${input.name}` : undefined;
  else if (kind === 'change-mode' && input) input.mode = input.mode === 'link' ? 'copy' : 'link';
  else if (kind === 'change-cells' && input) input.cells = c % 2 ? 'all' : 'matching';
  else if (kind === 'choose-code') step.code = c % 3 ? subset(files, b) : undefined;
  else if (kind === 'choose-parameters') step.parameters = c % 3 ? subset(parameters, b) : undefined;
  else if (kind === 'change-dimensions') step.dimensions = subset(['x', 'y'], b);
  else if (kind === 'change-condition') step.when = c % 3 ? b % 4 : undefined;
  else if (kind === 'change-environment')
    step.environment = step.environment === 'default' ? 'other' : 'default';
  else if (kind === 'change-cache') step.cache = CACHES[b % 4];
  else if (kind === 'change-patience') step.patience = b % 5;
  else if (kind === 'move-output') step.path = c % 3 ? `left/${b % 2}.txt` : undefined;
  else if (kind === 'change-kind') step.kind = KINDS[b % 2]!;
  else if (kind === 'fail-at') step.failsAt = c % 3 ? b % 4 : undefined;
  else if (kind === 'force') study.force = [step.name];
  return study;
}

function dedupe(study: Study): void {
  for (const name of Object.keys(study.dimensions))
    study.dimensions[name] = [...new Set(study.dimensions[name])];
}

function newStep(study: Study, a: number, b: number, c: number): Step {
  const id = study.nextId++;
  const step: Step = {
    id,
    name: `s${id}`,
    version: 0,
    style: a % 4 === 0 ? STYLES[1 + (b % 2)]! : 'all',
    inputs: [],
    dimensions: [[], [], ['x'], ['y'], ['x', 'y']][c % 5]!,
    environment: a % 3 ? 'default' : 'other',
    patience: 0,
    kind: 'file',
  };
  if (b % 3 === 1) step.parameters = ['p0'];
  if (c % 3 === 1) step.code = ['f0'];
  wire(study, step, a, b);
  wire(study, step, b, c);
  return step;
}

/** Lets a step read from data or one of those that come before it. */
function wire({ steps }: Study, step: Step, a: number, b: number): void {
  if (step.inputs.length >= 3) return;
  const at = steps.indexOf(step);
  const before = at < 0 ? steps : steps.slice(0, at);
  const from = before.length === 0 || b % 7 === 0 ? 'data' : before[a % before.length]!.id;
  const number = [0, 1, 2].find((free) => !step.inputs.some(({ name }) => name === `i${free}`))!;
  step.inputs.push({ name: `i${number}`, from, cells: b % 2 ? 'all' : 'matching', mode: 'link' });
}

/** The values of the parameters that a run has. */
export const valuesOf = ({ parameters, set }: Study): Record<string, number> => ({ ...parameters, ...set });
/** A step by its id. */
export const stepOf = ({ steps }: Study, id: number): Step => steps.find((step) => step.id === id)!;
/** Dimensions that two steps have both. */
export const shared = (step: Step, other: Step): string[] =>
  step.dimensions.filter((name) => other.dimensions.includes(name));
/** Whether a step sees a file of the program. */
export const isVisible = (step: Step, file: string): boolean => step.code?.includes(file) ?? true;

/** Whether an input is a directory of cells, for the cell that reads it. */
export function isDirectory(study: Study, step: Step, { from, cells }: Input): boolean {
  if (from === 'data') return false;
  const source = stepOf(study, from);
  const names = shared(step, source);
  if (source.dimensions.length === 0) return false;
  return names.length === 0 || cells === 'all' || names.length < source.dimensions.length;
}

/** The command: it notes that it ran, and prints what its style says into its output and its number as a metric. */
export function commandOf(study: Study, step: Step, log: string): string {
  const parameters = Object.keys(valuesOf(study)).filter((name) => step.parameters?.includes(name) ?? true);
  const seen = [
    ...parameters.map((name) => `echo ${name} {{parameters.${name}}}`),
    ...step.dimensions.map((name) => `echo ${name} {{matrix.${name}}}`),
    `echo variable $VARIABLE`,
    // By what is there, not by name: a step that sees more files shows more, with the same command.
    'for file in f[0-9]; do test -e $file && { printf "$file "; cat $file; }; done',
    ...step.inputs.map((input) =>
      isDirectory(study, step, input)
        ? `for cell in {{inputs.${input.name}}}/*; do echo "${input.name} \${cell##*/}"; cat $cell; done`
        : `echo ${input.name}; cat {{inputs.${input.name}}}`,
    ),
  ];
  const shown = {
    all: seen,
    parameter: parameters.slice(0, 1).map((name) => `echo first {{parameters.${name}}}`),
    constant: [],
  }[step.style];
  const fails =
    step.failsAt !== undefined && parameters.includes('p0')
      ? `test {{parameters.p0}} != ${step.failsAt} || exit 3; `
      : '';
  return `echo $SAME_STEP >> ${log}; ${fails}{ ${[`echo step ${step.id} ${step.version}`, ...shown].join('; ')}; } > {{outputs.o}}; echo '{"figure": ${step.id + step.version}}' > metrics.json`;
}

/** The files of the program. */
export function filesOf(study: Study, log: string): Record<string, string> {
  const steps = study.steps.map((step) => {
    const { when, code, parameters, cache, patience } = step;
    return [
      step.name,
      {
        run: commandOf(study, step, log),
        environment: step.environment,
        inputs: Object.fromEntries(
          step.inputs.map((input) => {
            const source = input.from === 'data' ? undefined : stepOf(study, input.from);
            return [
              input.name,
              {
                ...(source ? { from: `${source.name}.o` } : { data: 'd' }),
                ...(source && shared(step, source).length > 0 ? { cells: input.cells } : {}),
                ...(input.at === undefined ? {} : { at: input.at }),
                ...(input.mode === 'link' ? {} : { mode: input.mode }),
              },
            ];
          }),
        ),
        outputs: { o: { ...(step.path === undefined ? {} : { path: step.path }), kind: step.kind } },
        ...(step.dimensions.length === 0
          ? {}
          : { matrix: Object.fromEntries(step.dimensions.map((name) => [name, study.dimensions[name]!])) }),
        ...(when === undefined ? {} : { when: conditionOf(step) }),
        ...(code === undefined ? {} : { code }),
        ...(parameters === undefined ? {} : { parameters }),
        ...(cache === undefined ? {} : { cache }),
        ...[
          {},
          { timeout: '5m' },
          { retries: { max: 0, backoff: '1ms' } },
          { resources: { memory: '1Mi' }, mutex: ['one'] },
          { description: 'patient', timeout: '10m' },
        ][patience]!,
      },
    ];
  });
  // All that any command may be made of: which of these the steps of an environment use is a part of its key.
  const environment = { system: true, requires: { commands: ['cat', 'echo', 'printf', 'test'] } };
  const [first] = study.steps.filter(({ dimensions }) => dimensions.length === 0);
  return {
    'same.yaml': JSON.stringify({
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'study', version: '1.0' },
      parameters: Object.fromEntries(
        Object.entries(study.parameters).map(([name, value]) => [name, { type: 'integer', default: value }]),
      ),
      data: { d: { uri: 'd.txt' } },
      environments: {
        default: { ...environment, variables: { VARIABLE: String(study.variables.default) } },
        other: { ...environment, variables: { VARIABLE: String(study.variables.other) } },
      },
      pipeline: { steps: Object.fromEntries(steps) },
      outputs: Object.fromEntries(study.steps.map(({ name }) => [name, { from: `${name}.o` }])),
      claims: first ? [{ id: 'c', metric: `${first.name}.figure`, expect: study.claim }] : [],
    }),
    ...Object.fromEntries(Object.entries(study.files).map(([name, text]) => [name, `${text}\n`])),
    'd.txt': `${study.data}\n`,
    'README.md': `Edited ${study.document} times.\n`,
  };
}

/** Of a parameter, and of the first dimension where there is one. */
function conditionOf({ when, dimensions }: Step): string {
  return dimensions.length === 0
    ? `parameters.p0 != ${when}`
    : `matrix.${dimensions[0]} != ${when! % 2} || p1 == ${when}`;
}
