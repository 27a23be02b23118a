import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A JSON Schema, or true or false. */
export type Schema = boolean | Record<string, unknown>;

/** What a keyword needs: the place in the document, and where `$ref` leads from. */
interface Context {
  file: string;
  at: string;
}

/** A keyword's check. @returns problems, each beginning with the place as a JSON pointer */
type Keyword = (
  argument: unknown,
  value: unknown,
  context: Context,
  schema: Record<string, unknown>,
) => string[];

const documents = new Map<string, Schema>();

/**
 * Holds a JSON value against a schema in a file. The keywords are those that the schemas here use; a schema with any
 * other throws, so that none is passed over in silence.
 * @returns what is wrong, each beginning with a JSON pointer; empty when the value is valid
 */
export function schemaProblems(value: unknown, file: string): string[] {
  return check(value, documentAt(file), { file, at: '' });
}

function check(value: unknown, schema: Schema, context: Context): string[] {
  if (schema === true) return [];
  if (schema === false) return [problem(context, 'nothing may stand here')];
  return Object.entries(schema).flatMap(([word, argument]) => {
    const keyword = keywords[word];
    if (!keyword) throw new Error(`${context.file}: keyword ${word} is not known to this validator`);
    return keyword(argument, value, context, schema);
  });
}

const nothing: Keyword = () => [];

const keywords: Record<string, Keyword> = {
  $schema: nothing,
  $defs: nothing,
  title: nothing,
  description: nothing,
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: nothing,
  else: nothing,
  $ref(argument, value, context) {
    const [path, fragment = ''] = (argument as string).split('#');
    const file = path ? join(dirname(context.file), path) : context.file;
    let target = documentAt(file);
    for (const part of fragment.split('/').slice(1)) {
      const next = (target as Record<string, Schema>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
      if (next === undefined) throw new Error(`${context.file}: ${argument} leads nowhere`);
      target = next;
    }
    return check(value, target, { ...context, file });
  },
  type(argument, value, context) {
    const wanted = Array.isArray(argument) ? argument : [argument];
    const fits = wanted.some(
      (type) => typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer'),
    );
    return fits ? [] : [problem(context, `must be ${wanted.join(' or ')}, not ${typeOf(value)}`)];
  },
  const: (argument, value, context) =>
    same(argument, value) ? [] : [problem(context, `must be ${JSON.stringify(argument)}`)],
  enum: (argument, value, context) =>
    (argument as unknown[]).some((allowed) => same(allowed, value))
      ? []
      : [problem(context, `must be one of ${JSON.stringify(argument)}`)],
  pattern: (argument, value, context) =>
    typeof value !== 'string' || new RegExp(argument as string, 'u').test(value)
      ? []
      : [problem(context, `must match ${argument}`)],
  minLength: (argument, value, context) =>
    typeof value !== 'string' || [...value].length >= (argument as number)
      ? []
      : [problem(context, `must have at least ${argument} characters`)],
  minimum: (argument, value, context) =>
    typeof value !== 'number' || value >= (argument as number)
      ? []
      : [problem(context, `must be at least ${argument}`)],
  maximum: (argument, value, context) =>
    typeof value !== 'number' || value <= (argument as number)
      ? []
      : [problem(context, `must be at most ${argument}`)],
  minItems: (argument, value, context) =>
    !Array.isArray(value) || value.length >= (argument as number)
      ? []
      : [problem(context, `must have at least ${argument} items`)],
  maxItems: (argument, value, context) =>
    !Array.isArray(value) || value.length <= (argument as number)
      ? []
      : [problem(context, `must have at most ${argument} items`)],
  uniqueItems: (argument, value, context) =>
    argument !== true ||
    !Array.isArray(value) ||
    new Set(value.map((item) => JSON.stringify(item))).size === value.length
      ? []
      : [problem(context, 'has an item twice')],
  prefixItems: (argument, value, context) =>
    Array.isArray(value)
      ? (argument as Schema[])
          .slice(0, value.length)
          .flatMap((schema, index) => check(value[index], schema, below(context, index)))
      : [],
  items(argument, value, context, schema) {
    if (!Array.isArray(value)) return [];
    const leading = ((schema.prefixItems ?? []) as Schema[]).length;
    return value
      .slice(leading)
      .flatMap((item, index) => check(item, argument as Schema, below(context, leading + index)));
  },
  minProperties: (argument, value, context) =>
    !isObject(value) || Object.keys(value).length >= (argument as number)
      ? []
      : [problem(context, `must have at least ${argument} members`)],
  maxProperties: (argument, value, context) =>
    !isObject(value) || Object.keys(value).length <= (argument as number)
      ? []
      : [problem(context, `must have at most ${argument} members`)],
  required: (argument, value, context) =>
    isObject(value)
      ? (argument as string[])
          .filter((name) => !Object.hasOwn(value, name))
          .map((name) => problem(context, `lacks ${JSON.stringify(name)}`))
      : [],
  properties: (argument, value, context) =>
    isObject(value)
      ? Object.entries(argument as Record<string, Schema>)
          .filter(([name]) => Object.hasOwn(value, name))
          .flatMap(([name, schema]) => check(value[name], schema, below(context, name)))
      : [],
  propertyNames: (argument, value, context) =>
    isObject(value)
      ? Object.keys(value).flatMap((name) => check(name, argument as Schema, below(context, name)))
      : [],
  additionalProperties(argument, value, context, schema) {
    if (!isObject(value)) return [];
    const declared = (schema.properties ?? {}) as object;
    return Object.keys(value)
      .filter((name) => !Object.hasOwn(declared, name))
      .flatMap((name) =>
        argument === false
          ? [problem(context, `has an unknown member ${JSON.stringify(name)}`)]
          : check(value[name], argument as Schema, below(context, name)),
      );
  },
  allOf: (argument, value, context) =>
    (argument as Schema[]).flatMap((schema) => check(value, schema, context)),
  anyOf: (argument, value, context) =>
    nearest(argument as Schema[], value, context, (fitting) => fitting > 0),
  oneOf: (argument, value, context) =>
    nearest(argument as Schema[], value, context, (fitting) => fitting === 1),
  not: (argument, value, context) =>
    check(value, argument as Schema, context).length > 0
      ? []
      : [problem(context, 'is what may not stand here')],
  if(argument, value, context, schema) {
    const branch = check(value, argument as Schema, context).length === 0 ? schema.then : schema.else;
    return branch === undefined ? [] : check(value, branch as Schema, context);
  },
};

/** The problems with the alternative that has the fewest, when the number of those that fit is not right. */
function nearest(
  schemas: Schema[],
  value: unknown,
  context: Context,
  enough: (fitting: number) => boolean,
): string[] {
  const problems = schemas.map((schema) => check(value, schema, context));
  const fitting = problems.filter((list) => list.length === 0).length;
  if (enough(fitting)) return [];
  if (fitting > 0) return [problem(context, 'fits more than one alternative')];
  const [fewest] = problems.sort((a, b) => a.length - b.length);
  return [problem(context, `fits none of ${schemas.length} alternatives`), ...(fewest ?? [])];
}

function documentAt(file: string): Schema {
  const known = documents.get(file);
  if (known !== undefined) return known;
  const document = JSON.parse(readFileSync(file, 'utf8')) as Schema;
  documents.set(file, document);
  return document;
}

function problem(context: Context, text: string): string {
  return `${context.at || '/'}: ${text}`;
}

function below(context: Context, name: string | number): Context {
  return { ...context, at: `${context.at}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}` };
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
