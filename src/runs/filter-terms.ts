import { nearest } from '../errors/suggestion.ts';
import type { JsonValue } from '../program/json.ts';
import { type RunComparison, type RunField, runFields } from './run-query.ts';

/** What is wrong with a filter of runs. */
export interface FilterProblem {
  message: string;
  /** Where, in UTF-16 code units from the beginning. */
  at: number;
  hint?: string;
}

/** A value as it was written. */
export interface Written {
  text: string;
  /** In quotes: a text, whatever it looks like. */
  quoted: boolean;
  at: number;
}

const GROUPS = ['parameters', 'metrics', 'tags'] as const;
/** How MLflow and others call what is asked of. */
const OTHER_GROUPS = new Map<string, (typeof GROUPS)[number] | 'run'>([
  ['params', 'parameters'],
  ['param', 'parameters'],
  ['parameter', 'parameters'],
  ['metric', 'metrics'],
  ['tag', 'tags'],
  ['attributes', 'run'],
  ['attribute', 'run'],
  ['attr', 'run'],
  ['run', 'run'],
]);
const OTHER_FIELDS = new Map<string, (typeof runFields)[number]>([
  ['run_id', 'id'],
  ['start_time', 'startedAt'],
  ['created', 'startedAt'],
  ['end_time', 'finishedAt'],
  ['duration', 'durationMs'],
  ['name', 'program'],
]);
const STATUSES = ['pending', 'running', 'succeeded', 'failed', 'canceled', 'timeout', 'interrupted'];
const OTHER_STATUSES = new Map<string, string>([
  ['finished', 'succeeded'],
  ['killed', 'canceled'],
  ['cancelled', 'canceled'],
  ['scheduled', 'pending'],
]);
const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const WORDS: Record<string, JsonValue> = { true: true, false: false, null: null };

/** Reads the name of a field alone: of a column, or what to sort by. */
export function parseRunField(text: string): { field: RunField } | { problem: FilterProblem } {
  return readField(text.trim(), 0);
}

/** Reads `status`, `parameters.NAME`, `metrics.NAME` or `tags.NAME`, the name in back-ticks where it is odd. */
export function readField(written: string, at: number): { field: RunField } | { problem: FilterProblem } {
  const dot = written.indexOf('.');
  const root = dot < 0 ? written : written.slice(0, dot);
  const name = dot < 0 ? undefined : written.slice(dot + 1).replaceAll('`', '');
  const of = GROUPS.find((group) => group === root);
  if (of !== undefined && name) return { field: { of, name } };
  if (name === undefined && (runFields as readonly string[]).includes(root))
    return { field: { of: 'run', name: root } };
  const hint = meantField(root, name);
  return {
    problem: { message: `there is no field "${written}"`, at, hint: hint ?? `fields: ${FIELDS}` },
  };
}

const FIELDS = `${runFields.join(', ')}, parameters.NAME, metrics.NAME, tags.NAME`;

function meantField(root: string, name: string | undefined): string | undefined {
  const group = GROUPS.find((one) => one === root);
  if (group !== undefined) return `say which: ${group}.NAME`;
  if (name === undefined) {
    const field = OTHER_FIELDS.get(root.toLowerCase()) ?? nearest(root, runFields);
    if (field !== undefined) return `did you mean ${field}?`;
    return `a parameter is written parameters.${root}, a figure metrics.${root}, a tag tags.${root}`;
  }
  const lower = root.toLowerCase();
  const meant = OTHER_GROUPS.get(lower) ?? nearest(root, GROUPS);
  if (meant === 'run') {
    const field = OTHER_FIELDS.get(name.toLowerCase()) ?? nearest(name, runFields);
    return field === undefined ? undefined : `write ${field}`;
  }
  const quoted = /[\s'"<>=!(),&|]/.test(name) ? `\`${name}\`` : name;
  return meant === undefined ? undefined : `write ${meant}.${quoted}`;
}

/**
 * The value that a field is compared with: by what the field holds, `1.0` is a version or a figure.
 * @returns the value, or why nothing can be compared so
 */
export function checkComparison(
  field: RunField,
  operator: RunComparison | 'in',
  written: Written,
): { value: JsonValue } | { problem: FilterProblem } {
  const refused = (message: string, hint?: string): { problem: FilterProblem } => ({
    problem: { message, at: written.at, ...(hint === undefined ? {} : { hint }) },
  });
  const shown = field.of === 'run' ? field.name : `${field.of}.${field.name}`;
  const plain = valueOfText(written);
  if (field.of === 'metrics' || (field.of === 'run' && field.name === 'durationMs')) {
    if (operator === 'like') return refused(`${shown} is a number, and like is of text`);
    if (typeof plain === 'number') return { value: plain };
    return refused(`${shown} is a number, and ${JSON.stringify(written.text)} is none`);
  }
  if (field.of === 'run' && field.name === 'own') {
    if (typeof plain === 'boolean' && ['=', '!=', 'in'].includes(operator)) return { value: plain };
    return refused('own is true or false', 'write own = true or own = false');
  }
  if (field.of === 'run' && field.name === 'status' && operator !== 'like') return statusOf(written, refused);
  if (field.of !== 'parameters' || operator === 'like') return { value: written.text };
  if (['=', '!=', 'in'].includes(operator) || typeof plain === 'number' || typeof plain === 'string')
    return { value: plain };
  return refused(`${written.text} is neither less nor more than anything`, 'compare it with = or !=');
}

function statusOf(
  { text }: Written,
  refused: (message: string, hint: string) => { problem: FilterProblem },
): { value: JsonValue } | { problem: FilterProblem } {
  if (STATUSES.includes(text)) return { value: text };
  const lower = text.toLowerCase();
  const meant = STATUSES.includes(lower) ? lower : (OTHER_STATUSES.get(lower) ?? nearest(text, STATUSES));
  return refused(
    `there is no status "${text}"`,
    meant === undefined ? `statuses: ${STATUSES.join(', ')}` : `did you mean ${meant}?`,
  );
}

function valueOfText({ text, quoted }: Written): JsonValue {
  if (quoted) return text;
  if (NUMBER.test(text) && Number.isFinite(Number(text))) return Number(text) + 0;
  return Object.hasOwn(WORDS, text) ? WORDS[text]! : text;
}
