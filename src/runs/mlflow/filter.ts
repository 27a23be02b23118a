import type { JsonValue } from '../../program/json.ts';
import type { RunComparison, RunCondition, RunField, RunQuery } from '../run-query.ts';
import { Refusal } from './refusal.ts';

/** What attributes of the protocol's runs are here. */
export type Attributes = Readonly<Record<string, RunField>>;

/** A text in quotes, a name with quoted parts, a sign; what is none of these is refused. */
const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")|((?:[\w.\-/+%]|(?<=\.)(?:"[^"]*"|`[^`]*`))+)|(!=|<=|>=|[<>=(),]))/y;
const MOST_LENGTH = 64 * 1024;
const COMPARISONS: readonly string[] = ['=', '!=', '<', '<=', '>', '>=', 'like', 'ilike'];
const GROUPS = new Map<string, RunField['of']>([
  ['param', 'parameters'],
  ['params', 'parameters'],
  ['parameter', 'parameters'],
  ['metric', 'metrics'],
  ['metrics', 'metrics'],
  ['tag', 'tags'],
  ['tags', 'tags'],
  ['attribute', 'run'],
  ['attributes', 'run'],
  ['attr', 'run'],
  ['run', 'run'],
]);
/** What runs have that are shown with a status of the protocol. */
const STATUSES = new Map<string, string[]>([
  ['FINISHED', ['succeeded']],
  ['FAILED', ['failed', 'timeout', 'interrupted']],
  ['KILLED', ['canceled']],
  ['RUNNING', ['running']],
  ['SCHEDULED', ['pending']],
]);

/**
 * Reads a filter of MLflow's protocol: comparisons joined by AND. Values of parameters are texts there, so that `'0.1'`
 * means the number 0.1 too.
 * @throws Refusal INVALID_PARAMETER_VALUE it is none
 */
export function parseFilter(text: string, attributes: Attributes): RunCondition | undefined {
  const tokens = tokensOf(text);
  if (tokens.length === 0) return undefined;
  const conditions: RunCondition[] = [];
  let at = 0;
  const next = () => tokens[at++] ?? { kind: 'end' as const, text: 'the end' };
  for (;;) {
    const field = fieldOf(next(), attributes);
    let operator = next().text.toLowerCase();
    const isNegated = operator === 'not';
    if (isNegated) operator = next().text.toLowerCase();
    if (operator === 'is') {
      const isNot = tokens[at]?.text.toLowerCase() === 'not' && at++ >= 0;
      if (next().text.toLowerCase() !== 'null') throw invalid('IS goes with NULL or NOT NULL');
      const there = isThere(field);
      conditions.push(isNot ? there : { not: there });
    } else if (operator === 'in') {
      const values = listOf(next);
      const among: RunCondition = { in: values.flatMap((value) => valuesOf(field, value)), field };
      conditions.push(isNegated ? { not: among } : among);
    } else if (!isNegated && COMPARISONS.includes(operator)) {
      conditions.push(comparison(field, operator, next()));
    } else throw invalid(`${JSON.stringify(operator)} is no comparison`);
    const joint = next();
    if (joint.kind === 'end') return conditions.length === 1 ? conditions[0] : { and: conditions };
    if (joint.kind !== 'word' || joint.text.toLowerCase() !== 'and')
      throw invalid(`comparisons are joined by AND, not by ${JSON.stringify(joint.text)}`);
  }
}

/** Reads `order_by`: `metrics.acc DESC`, `start_time`. @throws Refusal */
export function parseOrder(texts: readonly string[], attributes: Attributes): NonNullable<RunQuery['sort']> {
  return texts.map((text) => {
    const [, name = '', direction = 'asc'] = /^\s*(.*?)(?:\s+(asc|desc))?\s*$/i.exec(text) ?? [];
    const tokens = tokensOf(name);
    if (tokens.length !== 1) throw invalid(`${JSON.stringify(text)} is nothing to sort by`);
    return { field: fieldOf(tokens[0]!, attributes), descending: direction.toLowerCase() === 'desc' };
  });
}

interface Token {
  kind: 'text' | 'word' | 'sign' | 'end';
  text: string;
}

function tokensOf(text: string): Token[] {
  if (text.length > MOST_LENGTH) throw invalid(`a filter may have ${MOST_LENGTH} characters`);
  const tokens: Token[] = [];
  const trimmed = text.trimEnd();
  for (let at = 0; at < trimmed.length; ) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(trimmed);
    if (!match) throw invalid(`cannot be read from ${JSON.stringify(trimmed.slice(at, at + 40))} on`);
    const [, quoted, word, sign] = match;
    if (quoted !== undefined) {
      const inner = quoted.slice(1, -1);
      const plain = quoted.startsWith("'") ? inner.replaceAll("''", "'") : inner;
      tokens.push({ kind: 'text', text: plain.replace(/\\(.)/g, '$1') });
    } else tokens.push(word === undefined ? { kind: 'sign', text: sign! } : { kind: 'word', text: word });
    at = TOKEN.lastIndex;
  }
  return tokens;
}

function fieldOf(token: Token, attributes: Attributes): RunField {
  const { text } = token;
  if (token.kind !== 'word') throw invalid(`${JSON.stringify(text)} is no field`);
  const dot = text.indexOf('.');
  const of = dot < 0 ? 'run' : GROUPS.get(text.slice(0, dot).toLowerCase());
  const name = text.slice(dot + 1).replace(/^(["`])(.*)\1$/, '$2');
  if (of === undefined || name === '')
    throw invalid(`${JSON.stringify(text)} is none of metrics., params., tags., attributes.`);
  if (of !== 'run') return { of, name };
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (!attribute)
    throw invalid(`runs have no attribute ${JSON.stringify(name)}: ${Object.keys(attributes).join(', ')}`);
  return attribute;
}

function comparison(field: RunField, operator: string, token: Token): RunCondition {
  if (token.kind !== 'text' && token.kind !== 'word')
    throw invalid(`${JSON.stringify(token.text)} is no value`);
  const values = valuesOf(field, token.text);
  if (operator === '=' && values.length > 1) return { field, in: values };
  if (operator === '!=' && values.length > 1)
    return { and: [isThere(field), { not: { field, in: values } }] };
  if (operator === 'ilike') return { field, operator: 'like', value: token.text };
  if (operator === 'like') return { field, operator, value: token.text };
  const compared = values.map(
    (value): RunCondition => ({ field, operator: operator as RunComparison, value }),
  );
  return compared.length === 1 ? compared[0]! : { or: compared };
}

/** What a text may stand for in a field. */
function valuesOf(field: RunField, text: string): JsonValue[] {
  if (field.of === 'metrics') {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number)) throw invalid(`${JSON.stringify(text)} is no number`);
    return [number];
  }
  if (field.of === 'run') {
    if (field.name === 'status') return STATUSES.get(text.toUpperCase()) ?? [text];
    if (field.name.endsWith('At') && /^[0-9]+$/.test(text)) return [instantOf(Number(text))];
    return [text];
  }
  if (field.of === 'tags') return [text];
  const number = Number(text);
  const words: Record<string, JsonValue> = { true: true, false: false, none: null, null: null };
  const word = Object.hasOwn(words, text.toLowerCase()) ? [words[text.toLowerCase()]!] : [];
  return [text, ...(text.trim() !== '' && Number.isFinite(number) ? [number] : []), ...word];
}

function instantOf(ms: number): string {
  try {
    return new Date(ms).toISOString();
  } catch {
    throw invalid(`${ms} is no time`);
  }
}

/** Nothing is like every text: a run that lacks the field meets no comparison. */
function isThere(field: RunField): RunCondition {
  return {
    or: [
      { field, operator: '=', value: '' },
      { field, operator: '!=', value: '' },
    ],
  };
}

function listOf(next: () => Token): string[] {
  if (next().text !== '(') throw invalid('IN goes with a list in brackets');
  const values: string[] = [];
  for (;;) {
    const value = next();
    if (value.kind !== 'text' && value.kind !== 'word') throw invalid('IN goes with a list of values');
    values.push(value.text);
    const sign = next().text;
    if (sign === ')') return values;
    if (sign !== ',') throw invalid('the values of IN have commas between them');
  }
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_PARAMETER_VALUE', `filter: ${message}`);
}
