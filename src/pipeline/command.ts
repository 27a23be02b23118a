import type { JsonObject, JsonValue } from '../program/json.ts';
import { parseTemplate, type TemplatePart } from '../program/template.ts';
import type { CommandPart, PlannedCommand, PlannedStep } from './plan.ts';

/** A value as one word: text as it is, everything else as JSON; null is the empty word. */
export function wordOf(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `{{flags}}`: the step's parameters in the order of their names; true is a bare `--name`, false and null are left out. */
export function flagWords(parameters: JsonObject): string[] {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([name, value]) => {
    if (value === null || value === false) return [];
    return [value === true ? `--${name}` : `--${name}=${wordOf(value)}`];
  });
}

/** Quotes a word for POSIX sh so that it survives any byte but NUL. */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Whether a `run` is text for a shell that pipes: without bash a failure before the pipe goes unnoticed (spec SAME-STP-012). */
export function hasPipe(run: string | string[]): boolean {
  return typeof run === 'string' && /(?<!\|)\|(?!\|)/.test(run);
}

/**
 * Fills a step's `run` with its parameters; places for inputs and outputs stay for the engine to fill.
 * A list is executed as it is; a string is for a shell, with every substituted value quoted.
 */
export function planCommand(run: string | string[], parameters: JsonObject): PlannedCommand {
  if (typeof run === 'string') {
    return { shell: joinText(parseTemplate(run).parts.map((part) => fill(part, parameters, true))) };
  }
  const exec: CommandPart[][] = [];
  for (const word of run) {
    // Most words are nothing but text, and of the others many steps have the same.
    const fixed = word === '' || word.includes('{{') ? fixedWords.get(word) : [word];
    if (fixed) {
      exec.push(fixed);
      continue;
    }
    const { parts } = parseTemplate(word);
    if (parts.length === 1 && isFlags(parts[0]!)) for (const flag of flagWords(parameters)) exec.push([flag]);
    else exec.push(keptIfFixed(word, parts, joinText(parts.map((part) => fill(part, parameters, false)))));
  }
  return { exec };
}

/** Words that are kept with what they come to. */
const MOST_WORDS = 256;

/** What words come to in which no value of a parameter stands. */
const fixedWords = new Map<string, CommandPart[]>();

function keptIfFixed(word: string, parts: readonly TemplatePart[], filled: CommandPart[]): CommandPart[] {
  const hasValues = parts.some(
    (part) =>
      typeof part !== 'string' && ('flags' in part || ('path' in part && part.path[0] === 'parameters')),
  );
  if (!hasValues && fixedWords.size < MOST_WORDS) fixedWords.set(word, filled);
  return filled;
}

function isFlags(part: TemplatePart): boolean {
  return typeof part !== 'string' && 'flags' in part;
}

function fill(part: TemplatePart, parameters: JsonObject, shell: boolean): CommandPart {
  if (typeof part === 'string') return part;
  const quoted = (word: string) => (shell ? quoteForShell(word) : word);
  if ('flags' in part) return flagWords(parameters).map(quoted).join(' ');
  if ('scratch' in part) return { scratch: true };
  const [kind, name] = part.path as [string, string];
  if (kind === 'inputs') return { input: name };
  if (kind === 'outputs') return { output: name };
  if (kind === 'matrix') return { matrix: name };
  const word = wordOf(parameters[name] ?? null);
  return shell && word === '' ? "''" : quoted(word);
}

function joinText(parts: CommandPart[]): CommandPart[] {
  if (parts.length < 2) return parts;
  const joined: CommandPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === 'string' && typeof last === 'string') joined[joined.length - 1] = last + part;
    else joined.push(part);
  }
  return joined;
}

/** The paths and values an engine gives to a command's places. */
export interface CommandPlaces {
  input(name: string): string;
  output(name: string): string;
  matrix(name: string): string;
  scratch(): string;
}

/**
 * The command's final words, places filled in. A list stays a list; a string stays one text for a shell, whose
 * choice is the engine's.
 */
export function fillCommand(
  command: PlannedCommand,
  places: CommandPlaces,
): { exec: string[] } | { shell: string } {
  const text = textOf(places);
  if ('exec' in command) return { exec: command.exec.map((word) => word.map(text).join('')) };
  return {
    shell: command.shell
      .map((part) => (typeof part === 'string' ? part : quoteForShell(text(part))))
      .join(''),
  };
}

/**
 * A step's command as one line for people: declared paths as they are, `$SAME_IN/x` and `$SAME_OUT/x` for the others.
 * @param matrix the values of the cell, when one is meant
 */
export function renderCommand(
  { command, inputs, outputs }: Pick<PlannedStep, 'command' | 'inputs' | 'outputs'>,
  matrix?: JsonObject,
): string {
  const text = textOf({
    input: (name) => inputs[name]?.at ?? `$SAME_IN/${name}`,
    output: (name) => outputs[name]?.path ?? `$SAME_OUT/${name}`,
    matrix: (name) => (matrix && name in matrix ? wordOf(matrix[name]!) : `{{matrix.${name}}}`),
    scratch: () => '$SAME_SCRATCH',
  });
  if ('shell' in command) return command.shell.map(text).join('');
  return command.exec
    .map((word) =>
      word.every((part) => typeof part === 'string') ? quoteForShell(word.join('')) : word.map(text).join(''),
    )
    .join(' ');
}

function textOf(places: CommandPlaces): (part: CommandPart) => string {
  return (part) => {
    if (typeof part === 'string') return part;
    if ('input' in part) return places.input(part.input);
    if ('matrix' in part) return places.matrix(part.matrix);
    return 'output' in part ? places.output(part.output) : places.scratch();
  };
}
