import type { Finding } from '../errors/same-error.ts';
import { coerceText, coerceTexts } from '../program/coercion.ts';
import { type JsonValue, stableText } from '../program/json.ts';
import type { ParameterSchema } from '../program/schema.ts';
import { shown, typeOf, valueProblems } from '../program/value.ts';
import { type Dimension, listedValues, MOST_TRIALS, rangeSize } from './search-space.ts';

/** What the words for one parameter ask for: several values to try, one value, or what is wrong with them. */
export type Expression = { dimension: Dimension } | { value: JsonValue } | { findings: Finding[] };

/** One parameter as the words of a sweep name it. */
export interface ParameterExpression {
  name: string;
  schema: ParameterSchema;
  /** As messages call it: `--lr`, `--set`. */
  from: string;
  texts: readonly string[];
}

/**
 * Reads what is to be tried for a parameter, by its declared type (spec SAME-SWP-004 to 007): `a,b`, a JSON list,
 * `range(…)`, `linear(…)`, `log(…)`, `choice(…)`; any other text is one value, as in a run. Every value of a list is
 * checked, and both ends of an interval.
 */
export function parseExpression(parameter: ParameterExpression): Expression {
  const { schema, texts } = parameter;
  const { type } = typeOf(schema);
  const [text = ''] = texts;
  const composed = type === 'array' || type === 'object';
  if (texts.length === 1) {
    const [, called, inside] = /^(range|linear|log|choice)\((.*)\)$/s.exec(text) ?? [];
    if (called === 'choice') return composed ? jsonList(parameter, `[${inside}]`) : list(parameter, inside!);
    if (called !== undefined && !composed)
      return numeric(parameter, called as 'range' | 'linear' | 'log', inside!);
    const [, open] = (isNumber(type) && /^(range|linear|log|choice)\([^)]*$/s.exec(text)) || [];
    if (open !== undefined)
      return refused(
        parameter,
        'SAME1102',
        `the bracket of ${text} is not closed`,
        `write it like ${parameter.from}='${text})'`,
      );
    if (!composed && text.startsWith('[')) return jsonList(parameter, text);
    if (!composed && text.includes(',')) return list(parameter, text);
  }
  const one = coerceTexts(schema, texts);
  if ('problem' in one) return refused(parameter, 'SAME1102', one.problem);
  const findings = wrongValues(parameter, [one.value]);
  return findings.length > 0 ? { findings } : { value: one.value };
}

function isNumber(type: string): boolean {
  return type === 'integer' || type === 'number';
}

function list(parameter: ParameterExpression, text: string): Expression {
  const items = text.split(',').map((item) => coerceText(parameter.schema, item));
  const findings = items.flatMap((item) =>
    'problem' in item ? refused(parameter, 'SAME1102', item.problem).findings : [],
  );
  if (findings.length > 0) return { findings };
  return choice(
    parameter,
    items.map((item) => (item as { value: JsonValue }).value),
  );
}

function jsonList(parameter: ParameterExpression, text: string): Expression {
  const read = coerceText({ type: 'array' }, text);
  if ('problem' in read) return refused(parameter, 'SAME1102', read.problem);
  if (!Array.isArray(read.value))
    return refused(parameter, 'SAME1102', `expected a list, got ${shown(text)}`);
  return choice(parameter, read.value);
}

function choice(parameter: ParameterExpression, values: JsonValue[]): Expression {
  const seen = new Set<string>();
  const twice = values.find((value, index) => seen.add(stableText(value)).size === index);
  if (twice !== undefined) return refused(parameter, 'SAME1621', `${shown(twice)} is there twice`);
  if (values.length === 0) return refused(parameter, 'SAME1621', 'there is nothing to choose from');
  return checked(parameter, { name: parameter.name, kind: 'choice', values });
}

function numeric(
  parameter: ParameterExpression,
  kind: 'range' | 'linear' | 'log',
  inside: string,
): Expression {
  const { name, schema } = parameter;
  const { type } = typeOf(schema);
  if (!isNumber(type)) {
    const hint = `the text itself is written ${parameter.from}='${JSON.stringify([`${kind}(${inside})`])}'`;
    return refused(parameter, 'SAME1621', `${kind}(…) is of numbers, and it is a ${type}`, hint);
  }
  const words = inside.split(',');
  const usage = kind === 'range' ? 'range(START,END[,STEP])' : `${kind}(LOW,HIGH)`;
  if (words.length < 2 || words.length > (kind === 'range' ? 3 : 2))
    return refused(parameter, 'SAME1621', `expected ${usage}, got ${kind}(${inside})`);
  const numbers = words.map((word) => coerceText({ type }, word));
  const findings = numbers.flatMap((number) =>
    'problem' in number ? refused(parameter, 'SAME1102', number.problem).findings : [],
  );
  if (findings.length > 0) return { findings };
  const [first, second, step = 1] = numbers.map((number) => (number as { value: number }).value);
  return kind === 'range'
    ? range(parameter, { name, kind, start: first!, end: second!, step })
    : interval(parameter, kind, first!, second!);
}

function range(parameter: ParameterExpression, dimension: Dimension & { kind: 'range' }): Expression {
  const { start, end, step } = dimension;
  const size = rangeSize(dimension);
  const written = `range(${start},${end},${step})`;
  if (size === 0)
    return refused(parameter, 'SAME1621', `${written} is empty: the end is not part of a range`);
  if (size > MOST_TRIALS)
    return refused(parameter, 'SAME1621', `${written} has more than ${MOST_TRIALS} values`);
  return checked(parameter, dimension);
}

function interval(
  parameter: ParameterExpression,
  kind: 'linear' | 'log',
  low: number,
  high: number,
): Expression {
  const { name, schema } = parameter;
  const written = `${kind}(${low},${high})`;
  const asList = 'write the values as a list: a,b,c';
  if (schema.enum || schema.const !== undefined)
    return refused(
      parameter,
      'SAME1621',
      `${written} reaches values that are not among those declared`,
      asList,
    );
  if (low >= high) return refused(parameter, 'SAME1621', `${written} has no value between its ends`);
  if (kind === 'log' && low <= 0)
    return refused(
      parameter,
      'SAME1621',
      `${written} begins at ${low}, and only what is above 0 has a logarithm`,
    );
  const { multipleOf = typeOf(schema).type === 'integer' ? 1 : undefined } = schema;
  if (typeOf(schema).type === 'integer' && !Number.isInteger(multipleOf))
    return refused(
      parameter,
      'SAME1621',
      `${written} cannot keep to integers that are multiples of ${multipleOf}`,
      asList,
    );
  return checked(parameter, { name, kind, low, high, ...(multipleOf === undefined ? {} : { multipleOf }) });
}

/** Every value there is a list of, and of an interval both ends: what lies between two valid ends is valid. */
function checked(parameter: ParameterExpression, dimension: Dimension): Expression {
  const values = listedValues(dimension) ?? ends(dimension);
  const findings = wrongValues(parameter, values);
  return findings.length > 0 ? { findings } : { dimension };
}

function ends(dimension: Dimension): JsonValue[] {
  return 'low' in dimension ? [dimension.low, dimension.high] : [];
}

function wrongValues(parameter: ParameterExpression, values: readonly JsonValue[]): Finding[] {
  const { name, schema, from } = parameter;
  const problems = values.flatMap((value) => {
    // Words say null by the text null; a text of four letters has no word of its own.
    if (value === 'null' && typeOf(schema).nullable)
      return [{ kind: 'type' as const, message: 'the text "null" cannot be told from null here' }];
    return valueProblems(schema, value);
  });
  const shownProblems = problems.slice(0, 10).map(
    ({ kind, message }): Finding => ({
      code: kind === 'type' ? 'SAME1102' : 'SAME1103',
      message: `parameter "${name}": ${message} (from ${from})`,
    }),
  );
  if (problems.length > shownProblems.length) {
    const more = problems.length - shownProblems.length;
    shownProblems.push({
      code: 'SAME1103',
      message: `parameter "${name}": ${more} more values are not valid`,
    });
  }
  return shownProblems;
}

function refused(
  { name, from }: ParameterExpression,
  code: Finding['code'],
  message: string,
  hint?: string,
): { findings: Finding[] } {
  return {
    findings: [
      {
        code,
        message: `parameter "${name}": ${message} (from ${from})`,
        ...(hint === undefined ? {} : { hint }),
      },
    ],
  };
}
