import type { ErrorCode } from '../errors/catalogue.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Path } from './document.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { pathProblem } from './path.ts';
import type { Program } from './schema.ts';
import { pathText, valueAt } from './schema-findings.ts';

/** What the rules beyond the schema are given. */
export interface Rules {
  /** The manifest as far as it fits the schema: what does not is left out and has findings already. */
  program: Program;
  /** The whole manifest, for names that are there although their entries have findings. */
  value: JsonObject;
  /** Notes a finding; `what` says whether the key or the value at the path is wrong. */
  report(code: ErrorCode, path: Path, message: string, hint?: string, what?: 'key' | 'value'): void;
}

const keysOf = new WeakMap<JsonObject, string[]>();

/** The names declared at a path, also those whose entries have findings. */
export function namesAt(rules: Rules, ...path: string[]): string[] {
  const found = valueAt(rules.value, path);
  if (!isJsonObject(found)) return [];
  let names = keysOf.get(found);
  if (!names) {
    names = Object.keys(found);
    keysOf.set(found, names);
  }
  return names;
}

/** Whether a name is declared at a path, as {@link namesAt} says. */
export function isNameAt(rules: Rules, path: readonly string[], name: string): boolean {
  const found = valueAt(rules.value, path);
  return isJsonObject(found) && Object.hasOwn(found, name);
}

/** Names that one hint lists. */
const MOST_LISTED = 50;

function listed(known: readonly string[]): string {
  const more = known.length - MOST_LISTED;
  const names = known.slice(0, MOST_LISTED).join(', ');
  return `known: ${names}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `did you mean x? (known: x, y)`, as far as that can be said. */
export function suggestion(word: string, known: readonly string[], none: string): string {
  if (known.length === 0) return none;
  const guess = nearest(word, known);
  const list = listed(known);
  return guess === undefined ? list : `did you mean ${guess}? (${list})`;
}

/**
 * Notes SAME1009 unless the name is one of the known. `kind` is what the name should be of, for instance `secret`;
 * `what` says whether the name is the key or the value at the path.
 */
export function requireName(
  rules: Rules,
  path: Path,
  name: string,
  kind: string,
  known: readonly string[],
  what?: 'key' | 'value',
): void {
  if (known.includes(name)) return;
  const hint = suggestion(name, known, `the program declares no ${kind}`);
  rules.report('SAME1009', path, `${pathText(path)}: there is no ${kind} "${name}"`, hint, what);
}

/** Notes SAME1014 for a path that leaves the program or is not portable. */
export function requirePath(rules: Rules, path: Path, text: string | undefined): void {
  const problem = text === undefined ? undefined : pathProblem(text);
  if (problem === undefined) return;
  rules.report(
    'SAME1014',
    path,
    `${pathText(path)}: "${text}" ${problem}`,
    'paths are relative and stay inside the program',
  );
}

/** Where a step logs to: a service may still offer another place, which then gets a copy. */
const TRACKING = ['MLFLOW_TRACKING_URI', 'MLFLOW_RUN_ID'];
const TAKEN = ['HOME', 'TMPDIR', 'PATH', ...TRACKING];

/** The variables that the step contract sets itself. */
export function reservedVariable(name: string): boolean {
  return name.startsWith('SAME_') || TAKEN.includes(name);
}

/** Notes a name that the step contract sets itself: the last step of the path, a variable the program wants to set. */
export function checkVariable(rules: Rules, path: Path): void {
  const name = String(path.at(-1));
  if (!reservedVariable(name) || (path[0] === 'services' && TRACKING.includes(name))) return;
  const message = `${pathText(path.slice(0, -1))}: ${name} is set by same itself`;
  rules.report(
    'SAME1005',
    path,
    message,
    `${TAKEN.join(', ')} and SAME_… are taken: use another name`,
    'key',
  );
}
