import { equalJson, isJsonObject, type JsonValue, stableText } from './json.ts';
import type { ParameterSchema } from './schema.ts';

/** One thing wrong with a value: its type, or a value of the right type out of its range or set. */
export interface ValueProblem {
  kind: 'type' | 'range';
  message: string;
}

/** The type names of the parameter schemas. */
export type TypeName = Extract<ParameterSchema['type'], string>;

let matches: ((pattern: string, text: string) => boolean) | undefined;

/** Gives `pattern` keywords their RE2 engine; pattern.ts does so when it is loaded. */
export function usePatternMatcher(matcher: (pattern: string, text: string) => boolean): void {
  matches = matcher;
}

/** The type of a schema, and whether it takes null too. */
export function typeOf(schema: ParameterSchema): { type: TypeName; nullable: boolean } {
  return typeof schema.type === 'string'
    ? { type: schema.type, nullable: false }
    : { type: schema.type[0], nullable: true };
}

/** The type as people read it: `integer`, `integer or null`. */
export function typeText(schema: ParameterSchema): string {
  const { type, nullable } = typeOf(schema);
  return nullable ? `${type} or null` : type;
}

/** Everything wrong with a value, each as one line that starts with where in the value it is. */
export function valueProblems(schema: ParameterSchema, value: JsonValue, at = ''): ValueProblem[] {
  const problem = (kind: ValueProblem['kind'], message: string): ValueProblem => ({
    kind,
    message: at === '' ? message : `${at}: ${message}`,
  });
  if (!hasType(schema, value)) return [problem('type', `expected ${typeText(schema)}, got ${shown(value)}`)];
  const own = rangeProblems(schema, value).map((message) => problem('range', message));
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? own.concat(value.flatMap((item, i) => valueProblems(items, item, `${at}[${i}]`))) : own;
  }
  if (!isJsonObject(value)) return own;
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
    Object.hasOwn(value, key) ? valueProblems(property, value[key]!, at === '' ? key : `${at}.${key}`) : [],
  );
  return [...own, ...below];
}

/** The messages of {@link valueProblems}, for instance `0 is below the minimum 1`; none for a valid value. */
export function validateValue(schema: ParameterSchema, value: JsonValue): string[] {
  return valueProblems(schema, value).map(({ message }) => message);
}

/** A value in a message: JSON, shortened when long. */
export function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function hasType(schema: ParameterSchema, value: JsonValue): boolean {
  const { type, nullable } = typeOf(schema);
  if (value === null) return nullable;
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'number') return Number.isFinite(value);
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isJsonObject(value) : typeof value === type;
}

function rangeProblems(schema: ParameterSchema, value: JsonValue): string[] {
  const problems: string[] = [];
  if (schema.enum && !schema.enum.some((allowed) => equalJson(allowed, value))) {
    problems.push(`${shown(value)} is not one of ${schema.enum.map(shown).join(', ')}`);
  }
  if (schema.const !== undefined && !equalJson(schema.const, value)) {
    problems.push(`${shown(value)} is not ${shown(schema.const)}`);
  }
  if (typeof value === 'number') problems.push(...numberProblems(schema, value));
  if (typeof value === 'string') problems.push(...stringProblems(schema, value));
  if (Array.isArray(value)) problems.push(...arrayProblems(schema, value));
  if (isJsonObject(value)) {
    for (const key of schema.required ?? []) {
      if (!Object.hasOwn(value, key)) problems.push(`"${key}" is missing`);
    }
  }
  return problems;
}

function numberProblems(schema: ParameterSchema, value: number): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const problems: string[] = [];
  if (minimum !== undefined && value < minimum) problems.push(`${value} is below the minimum ${minimum}`);
  if (maximum !== undefined && value > maximum) problems.push(`${value} is above the maximum ${maximum}`);
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    problems.push(`${value} is not above the exclusive minimum ${exclusiveMinimum}`);
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    problems.push(`${value} is not below the exclusive maximum ${exclusiveMaximum}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    problems.push(`${value} is not a multiple of ${multipleOf}`);
  }
  return problems;
}

/** 0.3 is a multiple of 0.1 for people, if not for binary fractions. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient));
}

function stringProblems(schema: ParameterSchema, value: string): string[] {
  const { minLength, maxLength, pattern } = schema;
  const problems: string[] = [];
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
  if (minLength !== undefined && length < minLength) {
    problems.push(`${shown(value)} is shorter than the minimum length ${minLength}`);
  }
  if (maxLength !== undefined && length > maxLength) {
    problems.push(`${shown(value)} is longer than the maximum length ${maxLength}`);
  }
  if (pattern !== undefined) {
    if (!matches) throw new TypeError('a pattern was met before loadPatterns');
    if (!matches(pattern, value)) problems.push(`${shown(value)} does not match the pattern ${pattern}`);
  }
  return problems;
}

function arrayProblems(schema: ParameterSchema, value: JsonValue[]): string[] {
  const { minItems, maxItems, uniqueItems } = schema;
  const problems: string[] = [];
  if (minItems !== undefined && value.length < minItems) {
    problems.push(`${value.length} items are fewer than the minimum ${minItems}`);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    problems.push(`${value.length} items are more than the maximum ${maxItems}`);
  }
  if (uniqueItems) {
    const seen = new Set<string>();
    // As long as a text is new, the set grows with it.
    const twice = value.find((item, index) => seen.add(stableText(item)).size === index);
    if (twice !== undefined) problems.push(`${shown(twice)} is there twice`);
  }
  return problems;
}
