import type { PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';
import { type GivenParameter, givenJson, givenLines, givenWords, reportLines } from './given-parameters.ts';
import { cellWords, commandLines, named, quoted } from './script-command.ts';
import { NOT_FOR_STEPS, variableLines } from './step-variables.ts';

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
  /** All of it lies at this absolute path, to be copied from there; then it has no sources. */
  copiedFrom?: string;
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
  /** Names beside the directories of an attempt that are the engine's; where they are told, strangers are listed in `strays`. */
  known?: readonly string[];
  /** Parameters whose values are told in variables; in its command they are places like those of dimensions. */
  given?: readonly GivenParameter[];
  /** The metric that is written into a file beside. */
  report?: { metric: string; file: string };
}

const FUNCTIONS = `need() { r=; [ ! -f "$B/from/$1/$2/.same/exit.json" ] || read -r r <"$B/from/$1/$2/.same/exit.json"; case $r in *'"ok":true'*) ;; *) die SAME1305 "step $1 ($2) has not succeeded"; esac; }
put() { rm -rf "$2" && mkdir -p "\${2%/*}" && cp -R "$1" "$2" || die SAME1305 "no input at $1"; }
unpack() { rm -rf "$B/.u" && mkdir "$B/.u" && tar -xzf "$1" -C "$B/.u" || die SAME1305 "cannot unpack $1"; put "$B/.u/content" "$2"; rm -rf "$B/.u"; }
`;

/** What stands at a report's path is held to what an output is (spec SAME-STP-021). */
const REPORTS = `for f in $R; do f=$D/$f; [ -e "$f" ] || [ -h "$f" ] || continue; case $(cd -P "$D" && pwd) in "$(cd -P "$B" && pwd)"/*) [ -f "$f" ] && [ ! -h "$f" ] || e=SAME1611;; *) e=SAME1604;; esac; done`;

/**
 * The script that tells the shim one step: sh, with every word of the program in single quotes, so that nothing in it is
 * interpreted but by the step's own command. It is told the cell by the number of its slot.
 */
export function stepScript(input: StepScriptInput): string {
  const { step, cells, root, variables, code, runId, gpus, given = [], report } = input;
  const workdir = step.workdir === '.' ? `${root}/work` : `${root}/work/${step.workdir}`;
  const numbers = Array.from({ length: gpus }, (_, number) => number).join(',');
  const exported: Record<string, string> = {
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...(gpus === 0 ? {} : { CUDA_VISIBLE_DEVICES: numbers }),
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
    `U=${quoted(NOT_FOR_STEPS.join(' '))}`,
    ...(step.timeoutMs === undefined ? [] : [`T=${Math.ceil(step.timeoutMs / 1000)}`]),
    ...(step.retries.codes ? [`A=${quoted(step.retries.codes.join(' '))}`] : []),
    ...Object.entries(exported).map(([name, value]) => `export ${name}=${quoted(value)}`),
    'SAME_ATTEMPT=$n',
    ...givenLines(given),
    `printf '%s\\n' ${given.length === 0 ? quoted(JSON.stringify(step.parameters)) : givenJson(step.parameters, given)} >"$SAME_PARAMS"`,
    FUNCTIONS.trimEnd(),
    ...(code === undefined
      ? []
      : [`tar -xzf ${quoted(code)} -C "$W" || die SAME1305 'cannot unpack the code'`]),
    'mkdir -p "$D"',
    'case $i in',
    ...cells.map((cell, slot) => `${slot}) ${cellText(step, cell, root, own)};;`),
    '*) die SAME1610 "no cell $i";;',
    'esac',
    ...givenWords(step, given),
    ...inputLines(step, cells[0]!.inputs, root, shared),
    ...Object.values(step.outputs).flatMap(({ path }) =>
      path?.includes('/') ? [`mkdir -p ${quoted(parentOf(`${workdir}/${path}`))}`] : [],
    ),
    ...commandLines(step, root),
    ...variableLines(variables, step.secrets),
    'outputs() {',
    ...failedLines(step, input.known !== undefined),
    ...Object.entries(step.outputs).map(([name, { path }]) =>
      path === undefined ? `keep ${name}` : `keep ${name} ${quoted(trimmed(path))}`,
    ),
    ...(report ? reportLines(step, report.metric, report.file) : []),
    REPORTS,
    ...(input.known === undefined ? [] : strayLines(step, root, input.known)),
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
  return [
    `export SAME_STEP=${quoted(name)}${words.join('')}`,
    ...cellWords(step.command, matrix),
    ...inputLines(step, inputs, root, own),
  ].join('; ');
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
    const { isMounted, copiedFrom, sources } = inputs[name]!;
    const place = placeOf(step, name, root);
    // What lies there is for reading only, and a copy is the step's own.
    if (copiedFrom !== undefined)
      lines.add(`put ${quoted(copiedFrom)} ${quoted(place)}; chmod -R u+w ${quoted(place)}`);
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

/** What is kept of an attempt whose command did not succeed: where somebody reads them, figures (spec SAME-STP-021). */
function failedLines({ outputs }: PlannedStep, isRead: boolean): string[] {
  const figures = Object.entries(outputs).flatMap(([name, { kind, path }]) => {
    if (!isRead || kind !== 'metrics') return [];
    const from = path === undefined ? `"$O/${name}"` : `"$D/"${quoted(trimmed(path))}`;
    return [`[ ! -f ${from} ] || [ -h ${from} ] || mv ${from} "$K/${name}"`];
  });
  const kept = figures.length === 0 ? 'return' : `{ ${figures.join('; ')}; return; }`;
  return [`[ "$1" = 0falsefalse ] || ${kept}`];
}

/** Lists what a step left where it may not write, once its outputs are away (spec SAME-STP-019). */
function strayLines(step: PlannedStep, root: string, known: readonly string[]): string[] {
  const own = ['work', 'in', 'out', 'home', 'tmp', 'scratch', 'params.json', 'keep', 'from', ...known];
  const inputs = Object.entries(step.inputs).flatMap(([name, { at }]) => (at === undefined ? [name] : []));
  const places: [directory: string, names: string[]][] = [
    [root, own],
    [`${root}/in`, inputs],
    [`${root}/out`, []],
  ];
  return places.map(([directory, names]) => {
    const isOwn =
      names.length === 0 ? '' : `${names.map((name) => quoted(`${directory}/${name}`)).join('|')}) ;; `;
    return `for f in ${directory}/* ${directory}/.[!.]*; do case $f in ${isOwn}*) if [ -e "$f" ] || [ -h "$f" ]; then e=SAME1604; printf '%s\\n' "$f" >>"$M/strays"; fi;; esac; done`;
  });
}

/** Reports at the start of the work directory that no declared input or output put there (spec SAME-STP-021). */
function reports({ inputs, outputs }: PlannedStep): string[] {
  const taken = [
    ...Object.values(inputs).flatMap(({ at }) => at ?? []),
    ...Object.values(outputs).flatMap(({ path }) => path ?? []),
  ].map(trimmed);
  return ['metrics.json', 'metrics.jsonl'].filter((path) => !taken.includes(path));
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
