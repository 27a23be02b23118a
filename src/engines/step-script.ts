import { quoteForShell, wordOf } from '../pipeline/command.ts';
import type { CommandPart, PlannedCommand, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';

/** Where the content of an input lies before the step starts. */
export type InputSource =
  /** An output of an attempt of this run, below the directory `from` of the attempt. */
  | { step: string; slot: number; output: string }
  /** A tar.gz, by its absolute path, whose one entry is called `content`. */
  | { archive: string };

/** An input of one cell: one source itself, or a directory with an entry for each. */
export interface ScriptInput {
  /** It is in its place already, for reading: only that its source has succeeded is to be looked at. */
  isMounted?: boolean;
  sources: { entry?: string; source: InputSource }[];
}

/** One cell, in the order of their slots: what an engine counts its instances of a step by. */
export interface ScriptCell {
  name: string;
  matrix: JsonObject;
  inputs: Record<string, ScriptInput>;
}

/** What a script is made of. */
export interface StepScriptInput {
  step: PlannedStep;
  cells: ScriptCell[];
  runId: string;
  /** Directory of an attempt: `/same`. */
  root: string;
  /** Declared variables of its environment. */
  variables: Record<string, string>;
  /** GPUs that it is given alone. */
  gpus: number;
  /** Absolute path of a tar.gz of its code, without what an input or output takes the place of. */
  code?: string;
}

/** What the shim and engines themselves set and no step may see (spec SAME-STP-008). */
const NOT_FOR_STEPS = [
  ...['DIR', 'KEEP', 'CELL', 'STEP_FILE', 'STEP_B64', 'GRACE', 'EXIT_COPY', 'RETRIES'].map(
    (name) => `SAME_${name}`,
  ),
  ...['SERVICE_HOST', 'SERVICE_PORT', 'SERVICE_PORT_HTTPS', 'PORT', 'PORT_443_TCP'].map(
    (name) => `KUBERNETES_${name}`,
  ),
  ...['PROTO', 'PORT', 'ADDR'].map((name) => `KUBERNETES_PORT_443_TCP_${name}`),
  ...['CONTAINER_NAME', 'TEMPLATE', 'NODE_ID', 'INCLUDE_SCRIPT_OUTPUT', 'DEADLINE', 'PROGRESS_FILE'].map(
    (name) => `ARGO_${name}`,
  ),
  ...[
    'ARGO_POD_NAME',
    'ARGO_POD_UID',
    'ARGO_WORKFLOW_NAME',
    'ARGO_WORKFLOW_UID',
    'ARGO_PROGRESS_PATCH_TICK_DURATION',
    'ARGO_PROGRESS_FILE_TICK_DURATION',
    'GODEBUG',
  ],
  ...['JOB_COMPLETION_INDEX', 'HOSTNAME'],
];

const FUNCTIONS = `need() { r=; [ ! -f "$B/from/$1/$2/.same/exit.json" ] || read -r r <"$B/from/$1/$2/.same/exit.json"; case $r in *'"ok":true'*) ;; *) die SAME1305 "step $1 ($2) has not succeeded"; esac; }
put() { rm -rf "$2" && mkdir -p "\${2%/*}" && cp -R "$1" "$2" || die SAME1305 "no input at $1"; }
unpack() { rm -rf "$B/.u" && mkdir "$B/.u" && tar -xzf "$1" -C "$B/.u" || die SAME1305 "cannot unpack $1"; put "$B/.u/content" "$2"; rm -rf "$B/.u"; }
`;

/**
 * The script that tells the shim one step: sh, with every word of the program in single quotes, so that nothing in it is
 * interpreted but by the step's own command. It is told the cell by the number of its slot.
 */
export function stepScript(input: StepScriptInput): string {
  const { step, cells, root, variables, code, runId, gpus } = input;
  const workdir = step.workdir === '.' ? `${root}/work` : `${root}/work/${step.workdir}`;
  const numbers = Array.from({ length: gpus }, (_, number) => number).join(',');
  const exported: Record<string, string> = {
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...(gpus === 0 ? {} : { CUDA_VISIBLE_DEVICES: numbers }),
    ...variables,
    ...named('SAME_PARAM_', step.parameters),
    HOME: `${root}/home`,
    TMPDIR: `${root}/tmp`,
    SAME_PARAMS: `${root}/params.json`,
    SAME_IN: `${root}/in`,
    SAME_OUT: `${root}/out`,
    SAME_SCRATCH: `${root}/scratch`,
    SAME_RUN_ID: runId,
    ...(gpus === 0 ? {} : { SAME_GPUS: numbers }),
    SAME_ATTEMPT: '',
  };
  // Of a thousand cells that all read a thousand the same way, the way is told once.
  const [shared, own] = partition(Object.keys(step.inputs), (name) =>
    cells.every(({ inputs }) => inputs[name] === cells[0]!.inputs[name]),
  );
  const lines = [
    `D=${quoted(workdir)} R=${quoted(reports(step).join(' '))}`,
    `U=${quoted(NOT_FOR_STEPS.filter((name) => !Object.hasOwn(variables, name)).join(' '))}`,
    ...(step.timeoutMs === undefined ? [] : [`T=${Math.ceil(step.timeoutMs / 1000)}`]),
    ...(step.retries.codes ? [`A=${quoted(step.retries.codes.join(' '))}`] : []),
    ...Object.entries(exported).map(([name, value]) => `export ${name}=${quoted(value)}`),
    'SAME_ATTEMPT=$n',
    `printf '%s\\n' ${quoted(JSON.stringify(step.parameters))} >"$SAME_PARAMS"`,
    FUNCTIONS.trimEnd(),
    ...(code === undefined
      ? []
      : [`tar -xzf ${quoted(code)} -C "$W" || die SAME1305 'cannot unpack the code'`]),
    'mkdir -p "$D"',
    'case $i in',
    ...cells.map((cell, slot) => `${slot}) ${cellText(step, cell, root, own)};;`),
    '*) die SAME1610 "no cell $i";;',
    'esac',
    ...inputLines(step, cells[0]!.inputs, root, shared),
    ...Object.values(step.outputs).flatMap(({ path }) =>
      path?.includes('/') ? [`mkdir -p ${quoted(parentOf(`${workdir}/${path}`))}`] : [],
    ),
    ...commandLines(step, root),
    'outputs() {',
    ...Object.entries(step.outputs).map(([name, { path }]) =>
      path === undefined ? `keep ${name}` : `keep ${name} ${quoted(trimmed(path))}`,
    ),
    ':',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** Paths below the work tree where the program's own files give way to an input or an output of the step. */
export function placesTaken(step: PlannedStep): string[] {
  const prefix = step.workdir === '.' ? '' : `${step.workdir}/`;
  return [
    ...Object.values(step.inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(step.outputs).flatMap(({ path }) => path ?? []),
    'metrics.json',
    'metrics.jsonl',
  ].map((path) => `${prefix}${trimmed(path)}`);
}

/** Where an input is put. */
export function placeOf(step: PlannedStep, name: string, root: string): string {
  const { at } = step.inputs[name]!;
  if (at === undefined) return `${root}/in/${name}`;
  return `${root}/work/${step.workdir === '.' ? '' : `${step.workdir}/`}${trimmed(at)}`;
}

function cellText(
  step: PlannedStep,
  { name, matrix, inputs }: ScriptCell,
  root: string,
  own: string[],
): string {
  const words = Object.entries(named('SAME_MATRIX_', matrix)).map(
    ([variable, value]) => ` ${variable}=${quoted(value)}`,
  );
  const parts = [`export SAME_STEP=${quoted(name)}${words.join('')}`];
  for (const dimension of dimensionsQuoted(step.command))
    parts.push(`q${dimension.index}=${quoted(quoteForShell(wordOf(matrix[dimension.name] ?? null)))}`);
  return [...parts, ...inputLines(step, inputs, root, own)].join('; ');
}

/** What puts inputs into their places, each source looked at once. */
function inputLines(
  step: PlannedStep,
  inputs: ScriptCell['inputs'],
  root: string,
  names: string[],
): string[] {
  const lines = new Set<string>();
  for (const name of names) {
    const { isMounted, sources } = inputs[name]!;
    const place = placeOf(step, name, root);
    for (const { entry, source } of sources) {
      const to = quoted(entry === undefined ? place : `${place}/${entry}`);
      if ('archive' in source) lines.add(`unpack ${quoted(source.archive)} ${to}`);
      else {
        lines.add(`need ${source.step} ${source.slot}`);
        if (!isMounted) lines.add(`put "$B/from/${source.step}/${source.slot}/${source.output}" ${to}`);
      }
    }
  }
  return [...lines];
}

/** The command as the shim's words; places and values of cells are filled in when it runs. */
function commandLines(step: PlannedStep, root: string): string[] {
  const fixed = (part: CommandPart): string => {
    if (typeof part === 'string') return part;
    if ('input' in part) return step.inputs[part.input]!.at ?? `${root}/in/${part.input}`;
    if ('output' in part) return step.outputs[part.output]!.path ?? `${root}/out/${part.output}`;
    return `${root}/scratch`;
  };
  const { command } = step;
  if ('exec' in command) {
    const words = command.exec.map((word) =>
      joined(
        word.map((part) =>
          isMatrix(part) ? `"$${variableOf('SAME_MATRIX_', part.matrix)}"` : quoted(fixed(part)),
        ),
      ),
    );
    return [`set -- ${words.join(' ')}`];
  }
  const dimensions = dimensionsQuoted(command);
  const text = joined(
    command.shell.map((part) => {
      if (isMatrix(part)) return `"$q${dimensions.find(({ name }) => name === part.matrix)!.index}"`;
      return quoted(typeof part === 'string' ? part : quoteForShell(fixed(part)));
    }),
  );
  const isPiped = command.shell.some((part) => typeof part === 'string' && part.includes('|'));
  return [
    `if has bash; then set -- bash -o pipefail -c ${text}`,
    `else${isPiped ? ' echo "same: there is no bash, so a failure before | goes unnoticed" >&2;' : ''} set -- sh -c ${text}; fi`,
  ];
}

/** Dimensions whose values stand in a text for a shell, where they are quoted once more. */
function dimensionsQuoted(command: PlannedCommand): { name: string; index: number }[] {
  if ('exec' in command) return [];
  const names = new Set(command.shell.flatMap((part) => (isMatrix(part) ? [part.matrix] : [])));
  return [...names].map((name, index) => ({ name, index }));
}

function isMatrix(part: CommandPart): part is { matrix: string } {
  return typeof part !== 'string' && 'matrix' in part;
}

/** Reports at the start of the work directory that no declared input or output put there (spec SAME-STP-021). */
function reports({ inputs, outputs }: PlannedStep): string[] {
  const taken = [
    ...Object.values(inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(outputs).flatMap(({ path }) => path ?? []),
  ].map(trimmed);
  return ['metrics.json', 'metrics.jsonl'].filter((path) => !taken.includes(path));
}

function named(prefix: string, values: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [variableOf(prefix, name), wordOf(value)]),
  );
}

function variableOf(prefix: string, name: string): string {
  return `${prefix}${name.toUpperCase().replaceAll('-', '_')}`;
}

function joined(words: string[]): string {
  return words.length === 0 ? "''" : words.join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function trimmed(path: string): string {
  return path.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function partition<T>(values: T[], isFirst: (value: T) => boolean): [T[], T[]] {
  const { first = [], second = [] } = Object.groupBy(values, (value) =>
    isFirst(value) ? 'first' : 'second',
  );
  return [first, second];
}
