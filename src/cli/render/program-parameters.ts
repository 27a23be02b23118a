import type { ParameterSchema, Program } from '../../program/schema.ts';

/** The parameters of a program: flag, type, default, what it means. */
export function parameterRows(program: Program): string[][] {
  return Object.entries(program.parameters ?? {}).map(([name, schema]) => [
    `--${name}`,
    typeText(schema),
    schema.default === undefined ? 'required' : `default ${JSON.stringify(schema.default)}`,
    [
      [schema.title, schema.description].filter(Boolean).join(': '),
      schema.examples?.length ? `for example ${words(schema.examples)}` : '',
      schema.deprecated ? '(deprecated)' : '',
    ]
      .filter(Boolean)
      .join(' '),
  ]);
}

function words(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' ');
}

function typeText(schema: ParameterSchema): string {
  const type = Array.isArray(schema.type) ? schema.type.join('|') : schema.type;
  const range = [
    schema.minimum !== undefined && `≥ ${schema.minimum}`,
    schema.exclusiveMinimum !== undefined && `> ${schema.exclusiveMinimum}`,
    schema.maximum !== undefined && `≤ ${schema.maximum}`,
    schema.exclusiveMaximum !== undefined && `< ${schema.exclusiveMaximum}`,
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    schema.enum && `one of ${words(schema.enum)}`,
    schema.const !== undefined && `always ${JSON.stringify(schema.const)}`,
    schema.pattern !== undefined && `like ${schema.pattern}`,
    schema.format,
  ].filter((text) => text !== false && text !== undefined);
  return range.length > 0 ? `${type} (${range.join(', ')})` : type;
}

/** Its profiles, with the values that they give. */
export function profileRows(program: Program): string[][] {
  return Object.entries(program.profiles ?? {}).map(([name, { parameters, description }]) => [
    name,
    Object.entries(parameters ?? {})
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(' '),
    description ?? '',
  ]);
}
