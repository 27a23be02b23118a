import { quoteForShell, wordOf } from '../pipeline/command.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import { openPlaces, quoted, variableOf } from './script-command.ts';

/** A parameter whose value only the engine says, when an attempt starts, in a variable. */
export interface GivenParameter {
  name: string;
  variable: string;
  /** Of one that has a list of values: by which words the engine says them. Any other is a number. */
  values?: { said: string; value: JsonValue }[];
  /** Whether it is a whole number. */
  isInteger?: boolean;
}

/** What says such values to the command: words of a script, to be run before `params.json` is written. */
export function givenLines(given: readonly GivenParameter[]): string[] {
  const lines = given.flatMap(({ name, variable, values, isInteger = false }, number) => {
    const word = variableOf('SAME_MATRIX_', name);
    const read =
      values === undefined
        ? numberLines(name, variable, isInteger, { word, number })
        : [
            `case $${variable} in`,
            ...values.map(
              ({ said, value }) =>
                `(${quoted(said)}) ${word}=${quoted(wordOf(value))} g${number}=${quoted(JSON.stringify(value))} h${number}=${quoted(quoteForShell(wordOf(value)))};;`,
            ),
            `(*) die SAME1103 "${name} is none of its values: $${variable}";;`,
            'esac',
          ];
    return [...read, `unset ${variable}`, `export ${variableOf('SAME_PARAM_', name)}="$${word}"`];
  });
  // There is one cell, whatever the engine calls it.
  return given.length === 0 ? [] : ['i=0', ...lines];
}

function numberLines(
  name: string,
  variable: string,
  isInteger: boolean,
  { word, number }: { word: string; number: number },
): string[] {
  const other = isInteger ? '*[!0-9-]*' : '*[!0-9.eE+-]*|[.+]*';
  return [
    // Some engines say a whole number with a fraction of nothing.
    `${word}=$${variable}${isInteger ? ` ${word}=\${${variable}%.0}` : ''}`,
    `case $${word} in (''|${other}) die SAME1103 "${name} is no number: $${variable}";; esac`,
    `g${number}=$${word} h${number}=$${word}`,
  ];
}

/** The parameters as JSON, as one word of a script. */
export function givenJson(parameters: JsonObject, given: readonly GivenParameter[]): string {
  const members = Object.entries(parameters).map(([name, value], index) => {
    const number = given.findIndex((each) => each.name === name);
    const key = `${index === 0 ? '' : ','}${JSON.stringify(name)}:`;
    return number < 0 ? quoted(key + JSON.stringify(value)) : `${quoted(key)}"$g${number}"`;
  });
  return `'{'${members.join('')}'}'`;
}

/** What gives such values to the places of a text for a shell, after the cell has said its own. */
export function givenWords({ command }: PlannedStep, given: readonly GivenParameter[]): string[] {
  return openPlaces(command).flatMap(({ name, index }) => {
    const number = given.findIndex((each) => each.name === name);
    return number < 0 ? [] : [`q${index}=$h${number}`];
  });
}

/**
 * What writes the report that says a metric, on one line, into a file, when all outputs are kept: of a series the last line
 * that has it, unless a report of final figures has it too.
 */
export function reportLines({ outputs }: PlannedStep, metric: string, file: string): string[] {
  const declared = Object.entries(outputs).filter(([, { kind }]) => kind === 'metrics');
  const isSeries = ([name, { path }]: (typeof declared)[number]) => (path ?? name).endsWith('.jsonl');
  const places = (of: typeof declared) => of.map(([name]) => `"$K/${name}"`);
  const has = `case $s in *'"${metric}"'*) l=$s;; esac`;
  return [
    'l=',
    `for f in ${[...places(declared.filter(isSeries)), '"$M/metrics.jsonl"'].join(' ')}; do`,
    `[ ! -f "$f" ] || while IFS= read -r s || [ -n "$s" ]; do ${has}; done <"$f"`,
    'done',
    `for f in ${[...places(declared.filter((each) => !isSeries(each))), '"$M/metrics.json"'].join(' ')}; do`,
    `s=; [ ! -f "$f" ] || while IFS= read -r r || [ -n "$r" ]; do s="$s$r "; done <"$f"; ${has}`,
    'done',
    // Metrics are read by their first word as a time where it is one, which no report begins with.
    `printf '%s\\n' "$l" >${quoted(file)}`,
  ];
}
