import { checkResources, checkStepNeeds, requireQuantity } from './declaration-rules.ts';
import type { Path } from './document.ts';
import { checkStepGraph } from './graph.ts';
import { isJsonObject } from './json.ts';
import { isNameAt, namesAt, type Rules, requireName, requirePath, suggestion } from './manifest-rules.ts';
import { normalPath } from './path.ts';
import { parseDuration } from './quantity.ts';
import type { Step } from './schema.ts';
import { pathText, valueAt } from './schema-findings.ts';
import { placesIn, unsafePlaces } from './shell-context.ts';
import { parseTemplate, type TemplateKind } from './template.ts';

/** Names of printed text: no output may have them. */
export const STREAMS: readonly string[] = ['stdout', 'stderr'];

/** The rules of `pipeline` that the schema cannot say. */
export function checkPipeline(rules: Rules): void {
  const steps = namesAt(rules, 'pipeline', 'steps');
  if (steps.length === 0 && isJsonObject(valueAt(rules.value, ['pipeline', 'steps']))) {
    rules.report(
      'SAME1008',
      ['pipeline', 'steps'],
      'pipeline.steps has no step',
      'a program has at least one step with run',
      'key',
    );
  }
  for (const name of namesAt(rules, 'pipeline', 'finally')) {
    if (!isNameAt(rules, ['pipeline', 'steps'], name)) continue;
    rules.report(
      'SAME1005',
      ['pipeline', 'finally', name],
      `step "${name}" is in steps and in finally`,
      'rename one',
      'key',
    );
  }
  for (const group of ['steps', 'finally'] as const) {
    for (const [name, step] of Object.entries(rules.program.pipeline[group] ?? {}))
      checkStep(rules, group, name, step);
    for (const { code, message, hint, place } of checkStepGraph(rules.program, (step) => step, group)) {
      rules.report(code, ['pipeline', group, place!], message, hint, 'key');
    }
  }
}

/** Notes SAME1009 unless the text is `STEP.OUTPUT` of this program. `extra` are names that every step has besides. */
export function requireOutput(
  rules: Rules,
  path: Path,
  text: string,
  groups: readonly string[],
  extra: readonly string[] = [],
): void {
  const dot = text.indexOf('.');
  const label = pathText(path);
  if (dot < 0) {
    rules.report('SAME1009', path, `${label}: "${text}" is not STEP.OUTPUT`, 'write it like train.model');
    return;
  }
  const [name, output] = [text.slice(0, dot), text.slice(dot + 1)];
  const group = groups.find((each) => isNameAt(rules, ['pipeline', each], name));
  if (group === undefined) {
    requireName(
      rules,
      path,
      name,
      'step',
      groups.flatMap((each) => namesAt(rules, 'pipeline', each)),
    );
    return;
  }
  if (isNameAt(rules, ['pipeline', group, name, 'outputs'], output) || extra.includes(output)) return;
  const outputs = namesAt(rules, 'pipeline', group, name, 'outputs');
  const hint = suggestion(output, [...outputs, ...extra], `declare it: outputs: {${output}: …}`);
  rules.report('SAME1009', path, `${label}: step "${name}" has no output "${output}"`, hint);
}

function checkStep(rules: Rules, group: 'steps' | 'finally', name: string, step: Step): void {
  const path = ['pipeline', group, name];
  if (step.environment !== undefined && step.environment !== 'default') {
    requireName(
      rules,
      [...path, 'environment'],
      step.environment,
      'environment',
      namesAt(rules, 'environments'),
    );
  }
  requirePath(rules, [...path, 'workdir'], step.workdir);
  checkInputs(rules, group, path, step);
  checkPlaces(rules, path, step);
  for (const [index, parameter] of (step.parameters ?? []).entries()) {
    requireName(rules, [...path, 'parameters', index], parameter, 'parameter', namesAt(rules, 'parameters'));
  }
  for (const [index, glob] of (step.code ?? []).entries()) requirePath(rules, [...path, 'code', index], glob);
  checkStepNeeds(rules, path, step, {
    secrets: namesAt(rules, 'secrets'),
    services: namesAt(rules, 'services'),
  });
  requireQuantity(rules, [...path, 'timeout'], step.timeout, parseDuration);
  requireQuantity(rules, [...path, 'retries', 'backoff'], step.retries?.backoff, parseDuration);
  checkResources(rules, [...path, 'resources'], step.resources);
  checkRun(rules, path, step);
}

function checkInputs(rules: Rules, group: 'steps' | 'finally', path: Path, step: Step): void {
  const groups = group === 'steps' ? ['steps'] : ['steps', 'finally'];
  for (const [name, { from, data, at }] of Object.entries(step.inputs ?? {})) {
    const input = [...path, 'inputs', name];
    if (from !== undefined && data !== undefined) {
      rules.report(
        'SAME1005',
        [...input, 'data'],
        `${pathText(input)} has from and data`,
        'keep one of them',
        'key',
      );
    } else if (from === undefined && data === undefined) {
      rules.report(
        'SAME1008',
        input,
        `${pathText(input)} has neither from nor data`,
        'write {from: STEP.OUTPUT} or {data: NAME}',
        'key',
      );
    }
    if (from !== undefined) requireOutput(rules, [...input, 'from'], from, groups);
    if (data !== undefined) requireName(rules, [...input, 'data'], data, 'data', namesAt(rules, 'data'));
    requirePath(rules, [...input, 'at'], at);
  }
}

/** Paths below the workdir: each belongs to one input or output alone. */
function checkPlaces(rules: Rules, path: Path, step: Step): void {
  const places = [
    ...Object.entries(step.inputs ?? {}).map(([name, { at }]) => ({
      kind: 'input',
      name,
      at,
      where: [...path, 'inputs', name, 'at'],
    })),
    ...Object.entries(step.outputs ?? {}).map(([name, output]) => ({
      kind: 'output',
      name,
      at: output.path,
      where: [...path, 'outputs', name, 'path'],
    })),
  ];
  for (const name of Object.keys(step.outputs ?? {})) {
    requirePath(rules, [...path, 'outputs', name, 'path'], step.outputs![name]!.path);
    if (STREAMS.includes(name)) {
      rules.report(
        'SAME1005',
        [...path, 'outputs', name],
        `an output cannot be called ${name}`,
        'that is what the step prints: rename it',
        'key',
      );
    }
  }
  const taken = new Places();
  for (const { kind, name, at, where } of places) {
    if (at === undefined) continue;
    const normal = normalPath(at);
    const twin = normal === '' ? undefined : taken.overlapping(normal);
    if (normal === '')
      rules.report(
        'SAME1014',
        where,
        `${pathText(where)}: "${at}" is the whole workdir`,
        'name a file or directory in it',
      );
    else if (twin)
      rules.report(
        'SAME1005',
        where,
        `${kind} "${name}" and ${twin} lie at one place (${at})`,
        'give each a path of its own',
      );
    if (normal !== '') taken.add(normal, `${kind} "${name}"`);
  }
}

/** Normal paths with what lies there; asking for an overlap takes as long as the path has segments. */
class Places {
  readonly #at = new Map<string, { label: string; order: number }>();
  /** By directory, what was first put below it. */
  readonly #below = new Map<string, { label: string; order: number }>();

  add(path: string, label: string): void {
    const place = { label, order: this.#at.size };
    if (!this.#at.has(path)) this.#at.set(path, place);
    for (const directory of directoriesOf(path)) {
      if (!this.#below.has(directory)) this.#below.set(directory, place);
    }
  }

  /** The label of the first that is at the path, above it or below it. */
  overlapping(path: string): string | undefined {
    return [
      this.#at.get(path),
      this.#below.get(path),
      ...directoriesOf(path).map((each) => this.#at.get(each)),
    ]
      .filter((place) => place !== undefined)
      .sort((a, b) => a.order - b.order)[0]?.label;
  }
}

function directoriesOf(path: string): string[] {
  const directories: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
    directories.push(path.slice(0, at));
  return directories;
}

const SHELLS = ['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'fish'];

/** Places in the text that a list hands to a shell as a command, and flags that are not a word of their own. */
function unsafeWords(run: readonly string[]): { index: number; message: string; hint: string }[] {
  const places = commandTexts(run).flatMap(({ index, shell }) =>
    placesIn(run[index]!).map((place) => ({
      index,
      message: `${place} would become a part of a shell command`,
      hint: `write run as a string, or hand the value over: [${shell}, -c, 'echo "$1"', ${shell}, "${place}"]`,
    })),
  );
  const flags = run.flatMap((word, index) => {
    const { parts } = parseTemplate(word);
    const alone = parts.length === 1;
    return parts.some((part) => typeof part !== 'string' && 'flags' in part) && !alone
      ? [{ index, message: '{{flags}} is only a part of a word', hint: 'make it a word of its own' }]
      : [];
  });
  return [...places, ...flags];
}

/** The words that a shell in the list takes as the text of a command: what follows `-c` and the shell's other options. */
function commandTexts(run: readonly string[]): { index: number; shell: string }[] {
  const texts: { index: number; shell: string }[] = [];
  for (let index = 0; index < run.length; ) {
    const shell = run[index++]!.split('/').at(-1)!;
    if (!SHELLS.includes(shell)) continue;
    let given = false;
    for (; /^[-+]./.test(run[index] ?? ''); index++) {
      const option = run[index]!;
      given ||= /^-[A-Za-z]*c[A-Za-z]*$/.test(option);
      // `-o` takes the name of an option as the next word.
      if (/^[-+][A-Za-z]*o$/.test(option)) index++;
    }
    if (given && index < run.length) texts.push({ index, shell });
  }
  return texts;
}

function checkRun(rules: Rules, path: Path, step: Step): void {
  const known: Record<TemplateKind, readonly string[]> = {
    parameters: step.parameters ?? namesAt(rules, 'parameters'),
    matrix: Object.keys(step.matrix ?? {}),
    inputs: namesAt(rules, ...path.map(String), 'inputs'),
    outputs: namesAt(rules, ...path.map(String), 'outputs'),
  };
  const words: [Path, string][] =
    typeof step.run === 'string'
      ? [[[...path, 'run'], step.run]]
      : step.run.map((word, index): [Path, string] => [[...path, 'run', index], word]);
  if (words[0]![1].trim() === '') {
    rules.report('SAME1005', words[0]![0], `${pathText([...path, 'run'])} names no command`);
  }
  for (const { index, message, hint } of typeof step.run === 'string' ? [] : unsafeWords(step.run)) {
    const at = [...path, 'run', index];
    rules.report('SAME1010', at, `${pathText(at)}: ${message}`, hint);
  }
  for (const [at, word] of words) {
    if (word.includes('\0')) rules.report('SAME1005', at, `${pathText(at)} has a NUL byte`);
    const { parts, findings } = parseTemplate(word);
    for (const { message, hint } of findings)
      rules.report('SAME1010', at, `${pathText(at)}: ${message}`, hint);
    if (typeof step.run === 'string') {
      for (const { place, where } of unsafePlaces(word)) {
        const hint =
          'values are quoted when they are filled in: let the place stand on its own, or write run as a list';
        rules.report('SAME1010', at, `${pathText(at)}: ${place} stands ${where}`, hint);
      }
    }
    for (const part of parts) {
      if (typeof part === 'string' || !('path' in part)) continue;
      const [kind, name] = part.path;
      if (known[kind].includes(name)) continue;
      const hidden = kind === 'parameters' && namesAt(rules, 'parameters').includes(name);
      const hint = hidden
        ? `add ${name} to the step's parameters`
        : suggestion(name, known[kind], `the step has no ${kind}`);
      const why = hidden ? `names a parameter that the step may not see` : `leads nowhere`;
      rules.report('SAME1010', at, `${pathText(at)}: {{${kind}.${name}}} ${why}`, hint);
    }
  }
}
