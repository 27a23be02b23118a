import type { Path } from './document.ts';
import type { JsonValue } from './json.ts';
import { namesAt, type Rules, suggestion } from './manifest-rules.ts';
import { matchParameter } from './parameters.ts';
import { patternProblem } from './pattern.ts';
import type { ParameterSchema } from './schema.ts';
import { pathText } from './schema-findings.ts';
import { type TypeName, typeOf, valueProblems } from './value.ts';

const KEYWORDS: Partial<Record<keyof ParameterSchema, TypeName[]>> = {
  minimum: ['integer', 'number'],
  maximum: ['integer', 'number'],
  exclusiveMinimum: ['integer', 'number'],
  exclusiveMaximum: ['integer', 'number'],
  multipleOf: ['integer', 'number'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  format: ['string'],
  items: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  uniqueItems: ['array'],
  properties: ['object'],
  required: ['object'],
};

/** The rules of `parameters` and `profiles` that the schema cannot say. */
export function checkParameters(rules: Rules): void {
  checkNames(rules);
  for (const [name, schema] of Object.entries(rules.program.parameters ?? {})) {
    checkSchema(rules, ['parameters', name], schema);
  }
  for (const [name, { parameters }] of Object.entries(rules.program.profiles ?? {})) {
    checkProfile(rules, name, parameters ?? {});
  }
}

/** Notes what is wrong with a parameter's value that stands in the manifest; `from` ends the message. */
export function checkParameterValue(
  rules: Rules,
  path: Path,
  name: string,
  value: JsonValue,
  from: string,
): void {
  const schema = rules.program.parameters?.[name];
  if (!schema || !hasValidPatterns(schema)) return;
  for (const { kind, message } of valueProblems(schema, value)) {
    const code = kind === 'type' ? 'SAME1102' : 'SAME1103';
    rules.report(code, path, `parameter "${name}": ${message} (from ${from})`);
  }
}

/** `-` and `_` are equal, `no-x` is the negation of `x`, and SAME_PARAM_X is upper-case. */
function checkNames(rules: Rules): void {
  const seen = new Map<string, string>();
  const fold = (name: string) => name.replaceAll('_', '-').toLowerCase();
  const names = namesAt(rules, 'parameters');
  for (const name of names) {
    const twin = seen.get(fold(name));
    if (twin === undefined) seen.set(fold(name), name);
    else {
      rules.report(
        'SAME1106',
        ['parameters', name],
        `parameters "${twin}" and "${name}" collide`,
        '"-" and "_" are equal, and SAME_PARAM_… knows no lower case: rename one',
        'key',
      );
    }
  }
  for (const name of names) {
    const negated = /^no[-_]/i.test(name) ? seen.get(fold(name.slice(3))) : undefined;
    if (negated === undefined) continue;
    rules.report(
      'SAME1106',
      ['parameters', name],
      `parameters "${negated}" and "${name}" collide`,
      `--no-${negated} would be both: rename one`,
      'key',
    );
  }
}

function checkSchema(rules: Rules, path: Path, schema: ParameterSchema): void {
  const { type } = typeOf(schema);
  const refuse = (keyword: string, message: string, hint?: string, what?: 'key') =>
    rules.report('SAME1105', [...path, keyword], `${pathText([...path, keyword])}: ${message}`, hint, what);
  for (const [keyword, types] of Object.entries(KEYWORDS)) {
    if (schema[keyword as keyof ParameterSchema] !== undefined && !types.includes(type)) {
      refuse(keyword, `does not apply to type ${type}`, `it applies to ${types.join(' and ')}`, 'key');
    }
  }
  for (const [low, high] of [
    ['minimum', 'maximum'],
    ['minLength', 'maxLength'],
    ['minItems', 'maxItems'],
    ['exclusiveMinimum', 'exclusiveMaximum'],
  ] as const) {
    if ((schema[low] ?? -Infinity) > (schema[high] ?? Infinity)) {
      refuse(low, `${schema[low]} is above ${high} ${schema[high]}: no value can be valid`);
    }
  }
  const problem = schema.pattern === undefined ? undefined : patternProblem(schema.pattern);
  if (problem !== undefined)
    refuse('pattern', problem, 'patterns are RE2 syntax: no look-around, no back-references');
  if (schema.items) checkSchema(rules, [...path, 'items'], schema.items);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkSchema(rules, [...path, 'properties', name], property);
  }
  if (hasValidPatterns(schema)) checkSchemaValues(rules, path, schema);
}

function checkSchemaValues(rules: Rules, path: Path, schema: ParameterSchema): void {
  const { enum: allowed, const: only, ...open } = schema;
  const check = (at: Path, against: ParameterSchema, value: JsonValue, isDefault = false) => {
    for (const { kind, message } of valueProblems(against, value)) {
      const code = kind === 'type' ? 'SAME1102' : 'SAME1103';
      rules.report(isDefault ? code : 'SAME1105', at, `${pathText(at)}: ${message}`);
    }
  };
  for (const [index, value] of (allowed ?? []).entries()) check([...path, 'enum', index], open, value);
  if (only !== undefined) check([...path, 'const'], { ...open, ...(allowed ? { enum: allowed } : {}) }, only);
  for (const [index, value] of (schema.examples ?? []).entries())
    check([...path, 'examples', index], schema, value);
  if (schema.default !== undefined) check([...path, 'default'], schema, schema.default, true);
}

function hasValidPatterns(schema: ParameterSchema): boolean {
  return (
    (schema.pattern === undefined || patternProblem(schema.pattern) === undefined) &&
    (schema.items === undefined || hasValidPatterns(schema.items)) &&
    Object.values(schema.properties ?? {}).every(hasValidPatterns)
  );
}

function checkProfile(rules: Rules, profile: string, values: Record<string, JsonValue>): void {
  const declared = Object.fromEntries(
    namesAt(rules, 'parameters').map((name): [string, ParameterSchema] => [name, { type: 'string' }]),
  );
  const seen = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    const path = ['profiles', profile, 'parameters', key];
    const name = matchParameter(declared, key);
    if (name === undefined) {
      const hint = suggestion(key, Object.keys(declared), 'the program declares no parameters');
      rules.report('SAME1101', path, `unknown parameter "${key}" (from profile "${profile}")`, hint, 'key');
      continue;
    }
    if (seen.has(name)) {
      const message = `"${seen.get(name)}" and "${key}" are one parameter (from profile "${profile}")`;
      rules.report('SAME1106', path, message, undefined, 'key');
    }
    seen.set(name, key);
    checkParameterValue(rules, path, name, value, `profile "${profile}"`);
  }
}
