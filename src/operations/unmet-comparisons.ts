import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { JsonValue } from '../program/json.ts';
import type { RunCondition, RunField, RunSearch } from '../runs/run-query.ts';

/** Runs that are looked at for a name that may be meant. */
const LOOKED_AT = 200;

/**
 * Why a filter that no run meets may be a slip: a comparison of a parameter with text where it never is text, or with a
 * program that no run is of. What stands behind `not` is not looked at.
 */
export async function unmetComparisons(index: RunSearch, condition: RunCondition): Promise<Finding[]> {
  if ('and' in condition || 'or' in condition) {
    const findings: Finding[] = [];
    for (const part of 'and' in condition ? condition.and : condition.or)
      findings.push(...(await unmetComparisons(index, part)));
    return findings;
  }
  if ('not' in condition) return [];
  const { field } = condition;
  const values = 'in' in condition ? condition.in : [condition.value];
  if ('operator' in condition && ['!=', 'like'].includes(condition.operator)) return [];
  const texts = values.filter((value) => typeof value === 'string');
  if (texts.length === 0 || texts.length < values.length) return [];
  if (field.of === 'parameters') return neverText(index, field, texts);
  const isEqual = 'in' in condition || condition.operator === '=';
  return field.of === 'run' && field.name === 'program' && isEqual ? unknownProgram(index, field, texts) : [];
}

async function neverText(index: RunSearch, field: RunField, texts: readonly string[]): Promise<Finding[]> {
  const counts = async (where: RunCondition) => (await index.search({ where, limit: 1 })).total;
  const isText: RunCondition = { field, operator: 'like', value: '%' };
  if ((await counts(isText)) > 0 || (await counts({ field, operator: '!=', value: '' })) === 0) return [];
  const meant = texts.filter(isBareValue);
  return [
    {
      code: 'SAME1902',
      message: `parameters.${field.name} is text in no run here, and ${shown(texts)} is`,
      ...(meant.length === 0 ? {} : { hint: `write ${meant.join(', ')} without quotes` }),
    },
  ];
}

async function unknownProgram(
  index: RunSearch,
  field: RunField,
  texts: readonly string[],
): Promise<Finding[]> {
  if ((await index.search({ where: { field, in: [...texts] }, limit: 1 })).total > 0) return [];
  const { rows } = await index.search({ limit: LOOKED_AT });
  if (rows.length === 0) return [];
  const meant = nearest(texts[0]!, new Set(rows.map(({ program }) => program)));
  return [
    {
      code: 'SAME1902',
      message: `no run here is of a program ${shown(texts)}`,
      ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
    },
  ];
}

/** The name of a program that may be meant by one that no run is of, which may be a slip; nothing where none is near. */
export async function meantProgram(index: RunSearch, name: string): Promise<Finding[]> {
  if ((await index.search({ program: { name }, limit: 1 })).total > 0) return [];
  const { rows } = await index.search({ limit: LOOKED_AT });
  const meant = nearest(name, new Set(rows.map(({ program }) => program)));
  if (meant === undefined) return [];
  return [
    {
      code: 'SAME1902',
      message: `no run here is of a program ${shown([name])}`,
      place: '-n',
      hint: `did you mean ${meant}?`,
    },
  ];
}

/** Whether a text would be another value without its quotes. */
function isBareValue(text: string): boolean {
  try {
    const value: JsonValue = JSON.parse(text);
    return value === null || ['number', 'boolean'].includes(typeof value);
  } catch {
    return false;
  }
}

function shown(texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(' or ');
}
