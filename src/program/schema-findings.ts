import type { z } from 'zod';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { ParsedDocument, Path } from './document.ts';
import { isJsonObject, type JsonValue } from './json.ts';
import { shortFormHint } from './short-forms.ts';
import { shown } from './value.ts';

type Issue = z.core.$ZodIssue;

interface Context {
  document: ParsedDocument;
  schema: z.ZodType;
}

/** What a schema's types are called in messages. */
const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
};

/** Fields that hold something like a version: YAML reads `1.10` there as the number 1.1. */
const VERSION_LIKE = ['apiVersion', 'version', 'arxiv', 'doi', 'revision', 'name'];

/** Fields whose numbers lack a unit. */
const DURATIONS = ['timeout', 'backoff'];

/** What the schema says against a document, as findings with place and hint. */
export function schemaFindings(
  issues: readonly Issue[],
  value: JsonValue,
  document: ParsedDocument,
  schema: z.ZodType,
): Finding[] {
  return issues.flatMap((issue) => findingsOf(issue, value, { document, schema }, []));
}

/** A path for people: `pipeline.steps.train.run[0]`. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const plain = /^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step);
      return index === 0 ? plain : `.${plain}`;
    })
    .join('');
}

/** The value at a path. */
export function valueAt(value: JsonValue, path: Path): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const step of path) {
    if (Array.isArray(found)) found = found[Number(step)];
    else if (isJsonObject(found) && Object.hasOwn(found, step)) found = found[step];
    else return undefined;
  }
  return found;
}

function findingsOf(issue: Issue, value: JsonValue, context: Context, above: Path): Finding[] {
  const path = [...above, ...(issue.path as Path)];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownField([...path, key], context));
  const got = valueAt(value, path);
  if (got === undefined) {
    return [
      {
        code: 'SAME1008',
        message: `${pathText(path)} is missing`,
        place: context.document.place(path, 'key'),
      },
    ];
  }
  if (issue.code === 'invalid_union') return unionFindings(issue, path, got, value, context);
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? 'is not allowed';
    const name = String(path.at(-1));
    return [
      {
        code: 'SAME1005',
        message: `${pathText(path.slice(0, -1))}: ${shown(name)} ${why}`,
        place: context.document.place(path, 'key'),
      },
    ];
  }
  if (issue.code === 'invalid_type') return [wrongType([issue.expected], path, got, context)];
  return [wrongValue(issue, path, got, context)];
}

function unionFindings(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  got: JsonValue,
  value: JsonValue,
  context: Context,
): Finding[] {
  // The branch that fits from outside says best what is wrong inside.
  const inside = issue.errors.find((branch) =>
    branch.every((each) => each.path.length > 0 || each.code === 'too_small'),
  );
  if (inside) return inside.flatMap((each) => findingsOf(each, value, context, path));
  const top = issue.errors.flat();
  const types = top.flatMap((each) => (each.code === 'invalid_type' ? [each.expected] : []));
  const values = top.flatMap((each) => (each.code === 'invalid_value' ? each.values : []));
  if (values.length === 0) return [wrongType(types, path, got, context)];
  return [
    notOneOf([...(values as JsonValue[]), ...types.map((type) => TYPES[type] ?? type)], path, got, context),
  ];
}

function wrongType(expected: readonly string[], path: Path, got: JsonValue, context: Context): Finding {
  const last = path.at(-1);
  const types = [...new Set(expected.map((type) => TYPES[type] ?? type))].join(' or ');
  const written = context.document.written(path);
  const place = context.document.place(path);
  const scalar = typeof got === 'number' || typeof got === 'boolean';
  if (expected.includes('string') && scalar && written !== undefined) {
    const label = typeof last === 'number' ? '' : `${last}: `;
    const hint = DURATIONS.includes(String(last))
      ? `write ${label}${written}s`
      : `write ${label}"${written}"`;
    return typeof got === 'number' && typeof last === 'string' && VERSION_LIKE.includes(last)
      ? { code: 'SAME1006', message: `${pathText(path)} is the number ${got}, not text`, place, hint }
      : { code: 'SAME1005', message: `${pathText(path)}: expected ${types}, got ${shown(got)}`, place, hint };
  }
  const what = got === null ? 'nothing' : shown(got);
  const hint = shortFormHint(path, got);
  const finding: Finding = {
    code: 'SAME1005',
    message: `${pathText(path)}: expected ${types}, got ${what}`,
    place,
  };
  return hint === undefined ? finding : { ...finding, hint };
}

function wrongValue(issue: Issue, path: Path, got: JsonValue, context: Context): Finding {
  const field = pathText(path);
  const place = context.document.place(path);
  const finding = (message: string, code: ErrorCode = 'SAME1005'): Finding => ({ code, message, place });
  switch (issue.code) {
    case 'invalid_value':
      return notOneOf(issue.values as JsonValue[], path, got, context);
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return finding(`${field} is empty`);
      return finding(`${field}: ${shown(got)} is below the minimum ${issue.minimum}`);
    case 'too_big':
      if (issue.origin === 'string') {
        const code =
          field === 'metadata.name' ? 'SAME1201' : issue.maximum === 1024 ? 'SAME1014' : 'SAME1005';
        return finding(`${field} is longer than ${issue.maximum} characters`, code);
      }
      return finding(`${field}: ${shown(got)} is above the maximum ${issue.maximum}`);
    case 'invalid_format': {
      const codes: Record<string, ErrorCode> = {
        'metadata.name': 'SAME1201',
        'metadata.version': 'SAME1202',
      };
      return finding(`${field}: ${shown(got)} ${issue.message}`, codes[field]);
    }
    default:
      return finding(`${field}: ${issue.message}`);
  }
}

function notOneOf(values: readonly JsonValue[], path: Path, got: JsonValue, context: Context): Finding {
  const allowed = values.map((value) => (typeof value === 'string' ? value : shown(value)));
  const guess = typeof got === 'string' ? nearest(got, allowed) : undefined;
  const place = context.document.place(path);
  const message = `${pathText(path)}: ${shown(got)} is not ${allowed.length === 1 ? allowed[0] : `one of ${allowed.join(', ')}`}`;
  return guess === undefined
    ? { code: 'SAME1005', message, place }
    : { code: 'SAME1005', message, place, hint: `did you mean ${guess}?` };
}

function unknownField(path: Path, context: Context): Finding {
  const key = String(path.at(-1));
  const known = fieldsAt(context.schema, path.slice(0, -1));
  const guess = nearest(key, known);
  const place = context.document.place(path, 'key');
  const list = `known: ${known.join(', ')}`;
  const hint = guess === undefined ? list : `did you mean ${guess}? (${list})`;
  const above = path.slice(0, -1);
  if (above[0] === 'parameters') {
    return {
      code: 'SAME1105',
      message: `${pathText(above)}: keyword "${key}" is not supported`,
      place,
      hint,
    };
  }
  return {
    code: 'SAME1004',
    message: `unknown field "${key}"${above.length === 0 ? '' : ` in ${pathText(above)}`}`,
    place,
    hint,
  };
}

/** The fields that the schema knows at a path. */
function fieldsAt(root: z.ZodType, path: Path): string[] {
  let schema = unwrapped(root);
  for (const step of path) {
    const { def } = schema as unknown as { def: SchemaDef };
    const next = def.shape?.[step] ?? def.valueType ?? def.element;
    if (!next) return [];
    schema = unwrapped(next);
  }
  return Object.keys((schema as unknown as { def: SchemaDef }).def.shape ?? {});
}

/** The parts of zod's definitions that lead from a schema to the one below. */
interface SchemaDef {
  shape?: Record<string, z.ZodType>;
  valueType?: z.ZodType;
  element?: z.ZodType;
  innerType?: z.ZodType;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const { innerType } = (schema as unknown as { def: SchemaDef }).def;
  return innerType ? unwrapped(innerType) : schema;
}
