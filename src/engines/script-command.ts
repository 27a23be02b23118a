import { hasPipe, quoteForShell, wordOf } from '../pipeline/command.ts';
import type { CommandPart, PlannedCommand, PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject } from '../program/json.ts';

/** The command as the shim's words; places and values of cells are filled in when it runs. */
export function commandLines(step: PlannedStep, root: string): string[] {
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
  const dimensions = openPlaces(command);
  const text = joined(
    command.shell.map((part) => {
      if (isMatrix(part)) return `"$q${dimensions.find(({ name }) => name === part.matrix)!.index}"`;
      return quoted(typeof part === 'string' ? part : quoteForShell(fixed(part)));
    }),
  );
  return [
    `if has bash; then set -- bash -o pipefail -c ${text}`,
    `else${hasPipe(step.template) ? ' echo "same: there is no bash, so a failure before | goes unnoticed" >&2; : >"$M/no-bash";' : ''} set -- sh -c ${text}; fi`,
  ];
}

/** What a cell's values are in a text for a shell, as variables that the command's text is put together of. */
export function cellWords(command: PlannedCommand, matrix: JsonObject): string[] {
  return openPlaces(command).map(
    ({ name, index }) => `q${index}=${quoted(quoteForShell(wordOf(matrix[name] ?? null)))}`,
  );
}

/** Dimensions whose values stand in a text for a shell, where they are quoted once more. */
export function openPlaces(command: PlannedCommand): { name: string; index: number }[] {
  if ('exec' in command) return [];
  const names = new Set(command.shell.flatMap((part) => (isMatrix(part) ? [part.matrix] : [])));
  return [...names].map((name, index) => ({ name, index }));
}

function isMatrix(part: CommandPart): part is { matrix: string } {
  return typeof part !== 'string' && 'matrix' in part;
}

/** Values as the variables of the step contract, with what they come to as words. */
export function named(prefix: string, values: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [variableOf(prefix, name), wordOf(value)]),
  );
}

/** The variable of the step contract that has a value. */
export function variableOf(prefix: string, name: string): string {
  return `${prefix}${name.toUpperCase().replaceAll('-', '_')}`;
}

function joined(words: string[]): string {
  return words.length === 0 ? "''" : words.join('');
}

/** A text as one word of the script, which nothing in it can end. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
