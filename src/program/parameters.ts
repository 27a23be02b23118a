import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { coerceTexts } from './coercion.ts';
import { type JsonObject, type JsonValue, unportable } from './json.ts';
import type { ParameterSchema, Program } from './schema.ts';
import { typeText, valueProblems } from './value.ts';

export { type Coercion, coerceText } from './coercion.ts';
export { validateValue } from './value.ts';

/** Where a parameter's value came from. */
export type ParameterSource =
  | 'default'
  /** Of a run that another tool kept. */
  | 'imported'
  | `profile ${string}`
  | `--parameters ${string}`
  | `--set`
  | `--${string}`;

/** One parameter of a run: what it is and why. */
export interface ResolvedParameter {
  value: JsonValue;
  source: ParameterSource;
  /** The declared default, when there is one. */
  default?: JsonValue;
}

/** A parameter given by its own flag; `texts` has several entries when the flag was repeated. */
export interface ParameterWord {
  /** The declared name. */
  name: string;
  /** As messages call it: `--epochs`, `--no-cuda`. */
  flag: `--${string}`;
  texts: string[];
}

/** What may override the defaults, lowest first. */
export interface ParameterLayers {
  profile?: string;
  file?: { name: string; values: JsonObject };
  set?: { name: string; text: string }[];
  flags?: ParameterWord[];
}

/** The parameters a program declares, by name. */
export function declaredParameters(program: Program): Record<string, ParameterSchema> {
  return program.parameters ?? {};
}

/** The declared name a word means: the exact one, else the one that differs only in `-` and `_`. */
export function matchParameter(declared: Record<string, ParameterSchema>, name: string): string | undefined {
  if (Object.hasOwn(declared, name)) return name;
  const folded = name.replaceAll('_', '-');
  return Object.keys(declared).find((candidate) => candidate.replaceAll('_', '-') === folded);
}

/** The finding (SAME1101) for a name that no parameter has. `label` is the program's `NAME:VERSION`. */
export function unknownParameter(
  name: string,
  declared: Record<string, ParameterSchema>,
  label: string | undefined,
  from = '',
): Finding {
  const names = Object.keys(declared);
  const guess = nearest(name, names);
  const known = names.length === 0 ? 'it declares no parameters' : `known: ${names.join(', ')}`;
  return {
    code: 'SAME1101',
    message: `unknown parameter "${name}"${label === undefined ? '' : ` for ${label}`}${from}`,
    hint: guess === undefined ? known : `did you mean --${guess}? (${known})`,
  };
}

/**
 * Loads the RE2 engine when a parameter has a `pattern`: to be awaited before {@link resolveParameters} and
 * {@link validateValue}, which are synchronous. Programs without patterns load nothing.
 */
export async function loadPatterns(program: Program): Promise<void> {
  const uses = (schema: ParameterSchema): boolean =>
    schema.pattern !== undefined ||
    (schema.items !== undefined && uses(schema.items)) ||
    Object.values(schema.properties ?? {}).some(uses);
  if (Object.values(declaredParameters(program)).some(uses)) await import('./pattern.ts');
}

/**
 * Resolves all parameters: default, then profile, then file, then `--set`, then flags; the last one given wins. Every
 * layer is checked, also where a higher one wins, and all problems are reported together.
 */
export function resolveParameters(
  program: Program,
  layers: ParameterLayers,
): { parameters: Record<string, ResolvedParameter>; findings: Finding[] } {
  const declared = declaredParameters(program);
  const label = `${program.metadata.name}:${program.metadata.version}`;
  const findings: Finding[] = [];
  const given = new Map<string, { value: JsonValue; source: ParameterSource }>();
  const attempted = new Set<string>();

  const wrong = (name: string, code: 'SAME1102' | 'SAME1103', message: string, from: string) =>
    findings.push({ code, message: `parameter "${name}": ${message} (from ${from})` });
  const take = (name: string, value: JsonValue, source: ParameterSource, from: string) => {
    const unusable = unportable(value);
    if (unusable !== undefined) return void wrong(name, 'SAME1102', unusable, from);
    const problems = valueProblems(declared[name]!, value);
    for (const { kind, message } of problems)
      wrong(name, kind === 'type' ? 'SAME1102' : 'SAME1103', message, from);
    if (problems.length === 0) given.set(name, { value, source });
  };
  const takeValues = (values: JsonObject, source: ParameterSource, from: string) => {
    const seen = new Map<string, string>();
    for (const [key, value] of Object.entries(values)) {
      const name = matchParameter(declared, key);
      if (name === undefined) {
        findings.push(unknownParameter(key, declared, label, ` (from ${from})`));
        continue;
      }
      if (seen.has(name)) {
        findings.push({
          code: 'SAME1106',
          message: `"${seen.get(name)}" and "${key}" are one parameter (from ${from})`,
        });
      }
      seen.set(name, key);
      attempted.add(name);
      take(name, value, source, from);
    }
  };
  const takeTexts = (
    word: ParameterWord | { name: string; flag: '--set'; texts: string[] },
    source: ParameterSource,
  ) => {
    attempted.add(word.name);
    const coerced = coerceTexts(declared[word.name]!, word.texts);
    if ('problem' in coerced) wrong(word.name, 'SAME1102', coerced.problem, word.flag);
    else take(word.name, coerced.value, source, word.flag);
  };

  if (layers.profile !== undefined) {
    const profiles = program.profiles ?? {};
    if (Object.hasOwn(profiles, layers.profile)) {
      takeValues(
        profiles[layers.profile]!.parameters ?? {},
        `profile ${layers.profile}`,
        `profile "${layers.profile}"`,
      );
    } else findings.push(unknownProfile(layers.profile, Object.keys(profiles), label));
  }
  if (layers.file) takeValues(layers.file.values, `--parameters ${layers.file.name}`, layers.file.name);
  const set = new Map<string, string[]>();
  for (const { name: key, text } of layers.set ?? []) {
    const name = matchParameter(declared, key);
    if (name === undefined) findings.push(unknownParameter(key, declared, label));
    else set.set(name, [...(set.get(name) ?? []), text]);
  }
  for (const [name, texts] of set) takeTexts({ name, flag: '--set', texts }, '--set');
  for (const word of layers.flags ?? []) takeTexts(word, `--${word.name}`);

  const parameters: Record<string, ResolvedParameter> = {};
  for (const [name, schema] of Object.entries(declared)) {
    const winner =
      given.get(name) ??
      (schema.default === undefined ? undefined : { value: schema.default, source: 'default' as const });
    if (winner)
      parameters[name] = { ...winner, ...(schema.default === undefined ? {} : { default: schema.default }) };
    else if (!attempted.has(name)) {
      findings.push({
        code: 'SAME1104',
        message: `parameter "${name}" has no value`,
        hint: `give --${name}=VALUE (${typeText(schema)})`,
      });
    }
  }
  return { parameters, findings };
}

function unknownProfile(name: string, known: string[], label: string): Finding {
  const guess = nearest(name, known);
  const list = known.length === 0 ? 'it declares no profiles' : `known: ${known.join(', ')}`;
  return {
    code: 'SAME1107',
    message: `unknown profile "${name}" for ${label}`,
    hint: guess === undefined ? list : `did you mean ${guess}? (${list})`,
  };
}
