import { equalJson, type JsonValue, stableText } from '../../program/json.ts';
import { foldName } from '../../program/name.ts';
import type {
  RunComparison,
  RunCondition,
  RunField,
  RunIndex,
  RunQuery,
  RunRow,
  RunRows,
} from '../run-query.ts';

/**
 * The plain way to find runs: it looks at every one. What any other index answers is held against it.
 * @param rows reads what there is now
 */
export function openScannedIndex(rows: () => readonly RunRow[]): RunIndex {
  return {
    search: (query) => searchRows(rows(), query),
    named: (text, limit) => namedRows(rows(), text, limit),
    row: (id) => rows().find((row) => row.id === id),
    odd: () => [],
    kept: false,
    rebuild: () => rows().length,
  };
}

/** The rows that a text names, as {@link RunIndex.named} says. */
export function namedRows(all: readonly RunRow[], text: string, limit: number): RunRows {
  const wanted = text.toLowerCase();
  const exact = all.filter(({ id }) => id === wanted);
  const found = exact.length > 0 ? exact : all.filter((row) => isNamed(row, text));
  found.sort((a, b) => (a.id < b.id ? 1 : -1));
  return { rows: found.slice(0, limit), total: found.length };
}

/** Whether a text that is no whole id names a run; none at all names nothing. */
export function isNamed({ id, display }: RunRow, text: string): boolean {
  const wanted = text.toLowerCase();
  return text !== '' && (id.startsWith(wanted) || id.endsWith(wanted) || display === text);
}

/** The rows that a question is about, in its order (spec SAME-RUN-071, SAME-RUN-072). */
export function searchRows(all: readonly RunRow[], { where, program, sort = [], limit }: RunQuery): RunRows {
  const found = all.filter((row) => isMeant(row, { where, program }));
  found.sort((a, b) => {
    for (const { field, descending } of sort) {
      const order = compareSorted(fieldOf(a, field), fieldOf(b, field), descending);
      if (order !== 0) return order;
    }
    return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
  });
  return { rows: limit === undefined ? found : found.slice(0, limit), total: found.length };
}

/** Whether a question is about a run. */
export function isMeant(row: RunRow, { where, program }: Pick<RunQuery, 'where' | 'program'>): boolean {
  return (
    (program === undefined ||
      (foldName(row.program) === foldName(program.name) &&
        (program.version === undefined || row.version === program.version) &&
        (program.digest === undefined || row.digest === program.digest))) &&
    (where === undefined || meets(row, where))
  );
}

/** What a run has in a field; undefined when it lacks it. */
export function fieldOf(row: RunRow, { of, name }: RunField): JsonValue | undefined {
  const values = of === 'run' ? (row as unknown as Record<string, JsonValue>) : row[of];
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** Whether a run meets a condition. */
export function meets(row: RunRow, condition: RunCondition): boolean {
  if ('and' in condition) return condition.and.every((one) => meets(row, one));
  if ('or' in condition) return condition.or.some((one) => meets(row, one));
  if ('not' in condition) return !meets(row, condition.not);
  const value = fieldOf(row, condition.field);
  if (value === undefined) return false;
  if ('in' in condition) return condition.in.some((one) => equalJson(value, one));
  return compares(value, condition.operator, condition.value);
}

function compares(value: JsonValue, operator: RunComparison, wanted: JsonValue): boolean {
  if (operator === '=') return equalJson(value, wanted);
  if (operator === '!=') return !equalJson(value, wanted);
  if (operator === 'like')
    return typeof value === 'string' && typeof wanted === 'string' && isLike(value, wanted);
  const order = orderOf(value, wanted);
  if (order === undefined) return false;
  return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[operator];
}

/** How two numbers or two texts are ordered; other values have no order. */
function orderOf(a: JsonValue, b: JsonValue): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return undefined;
}

/** Texts by code points: the order of their UTF-8, in which a database has them. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one === other) continue;
    const isHalf = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    if (isHalf(one) !== isHalf(other)) return isHalf(one) ? 1 : -1;
    return one - other;
  }
  return a.length - b.length;
}

/** How two values of a field are sorted, as {@link RunQuery} says; below 0 when the first comes first. */
export function compareSorted(
  a: JsonValue | undefined,
  b: JsonValue | undefined,
  descending: boolean,
): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  const kind = (value: JsonValue) => (typeof value === 'number' ? 0 : typeof value === 'string' ? 1 : 2);
  const order = kind(a) - kind(b) || (orderOf(a, b) ?? compareText(stableText(a), stableText(b)));
  return descending ? -order : order;
}

/** `%` is any text, `_` any character; in time of at most both lengths multiplied, whoever wrote them. */
function isLike(text: string, pattern: string): boolean {
  const [signs, wanted] = [Array.from(text, folded), Array.from(pattern, folded)];
  let [at, next] = [0, 0];
  let resume: { at: number; next: number } | undefined;
  while (at < signs.length) {
    if (wanted[next] === '%') resume = { at, next: ++next };
    else if (next < wanted.length && (wanted[next] === '_' || wanted[next] === signs[at])) {
      at++;
      next++;
    } else if (resume) {
      at = ++resume.at;
      next = resume.next;
    } else return false;
  }
  while (wanted[next] === '%') next++;
  return next === wanted.length;
}

function folded(sign: string): string {
  return /^[A-Z]$/.test(sign) ? sign.toLowerCase() : sign;
}
