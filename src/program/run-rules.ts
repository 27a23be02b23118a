import { dimensionsAt } from './cell-rules.ts';
import type { Path } from './document.ts';
import { namesAt, type Rules, suggestion } from './manifest-rules.ts';
import type { Step } from './schema.ts';
import { pathText } from './schema-findings.ts';
import { placesIn, unsafePlaces } from './shell-context.ts';
import { parseTemplate, type TemplateKind } from './template.ts';

/** Hints where a step has nothing that a place could name. */
const NONE: Record<TemplateKind, string> = {
  parameters: 'the step has no parameters',
  matrix: 'the step has no dimensions: declare matrix, such as {seed: [0, 1]}, or foreach',
  inputs: 'the step has no inputs',
  outputs: 'the step has no outputs',
};

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

/** The rules of a step's command: its places lead somewhere, and become no shell syntax (spec SAME-PIP-009, 012). */
export function checkRun(rules: Rules, path: Path, step: Step): void {
  const known: Record<TemplateKind, readonly string[]> = {
    parameters: step.parameters ?? namesAt(rules, 'parameters'),
    matrix: dimensionsAt(rules, path.map(String)),
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
        : suggestion(name, known[kind], NONE[kind]);
      const why = hidden ? `names a parameter that the step may not see` : `leads nowhere`;
      rules.report('SAME1010', at, `${pathText(at)}: {{${kind}.${name}}} ${why}`, hint);
    }
  }
}
