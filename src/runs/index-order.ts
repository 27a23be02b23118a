import type { JsonValue } from '../program/json.ts';
import type { RunCondition, RunField } from './run-query.ts';

/** A condition on one field. */
export type Leaf = Extract<RunCondition, { field: RunField }>;
/** Which of two runs comes first, by their numbers. */
export type Order = (a: number, b: number) => number;

/** The first and the last instant whose year has four digits. */
const INSTANTS = [-62_167_219_200_000, 253_402_300_799_999] as const;

/** What a number has to be; nothing when none meets the condition. NaN, which stands for no number, never does. */
export function numberTest(leaf: Leaf): ((value: number) => boolean) | undefined {
  if ('in' in leaf) {
    const wanted = new Set(leaf.in.filter((value) => typeof value === 'number'));
    return wanted.size === 0 ? undefined : (value) => wanted.has(value);
  }
  const { operator, value: wanted } = leaf;
  if (operator === '!=') return (value) => !Number.isNaN(value) && value !== wanted;
  if (typeof wanted !== 'number' || operator === 'like') return undefined;
  return {
    '=': (value: number) => value === wanted,
    '<': (value: number) => value < wanted,
    '<=': (value: number) => value <= wanted,
    '>': (value: number) => value > wanted,
    '>=': (value: number) => value >= wanted,
  }[operator];
}

/** The same of an instant, which is kept as a number and compared as the text that it is. */
export function instantTest(
  leaf: Leaf,
  meetsLeaf: (value: JsonValue) => boolean,
): (value: number) => boolean {
  if ('operator' in leaf && typeof leaf.value === 'string' && leaf.operator !== 'like') {
    const { operator, value: wanted } = leaf;
    const from = firstInstant((text) => text >= wanted);
    const after = firstInstant((text) => text > wanted);
    return {
      '=': (value: number) => value >= from && value < after,
      '!=': (value: number) => value < from || value >= after,
      '<': (value: number) => value < from,
      '<=': (value: number) => value < after,
      '>': (value: number) => value >= after,
      '>=': (value: number) => value >= from,
    }[operator];
  }
  return (value) => !Number.isNaN(value) && meetsLeaf(new Date(value).toISOString());
}

/** The first instant whose text is so, as all later ones are. */
function firstInstant(isSo: (text: string) => boolean): number {
  let [low, high]: [number, number] = [INSTANTS[0], INSTANTS[1] + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isSo(new Date(middle).toISOString())) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first `limit` of a list in an order, sorted: a heap of the best so far, the last of them on top. */
export function firstOf(list: Uint32Array, limit: number, compare: Order): number[] {
  if (limit >= list.length / 4) return Array.from(list).sort(compare).slice(0, limit);
  const heap: number[] = [];
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      let last = at;
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < heap.length && compare(heap[below]!, heap[last]!) > 0) last = below;
      if (last === at) return;
      [heap[at], heap[last]] = [heap[last]!, heap[at]!];
      at = last;
    }
  };
  for (const one of list) {
    if (heap.length < limit) {
      heap.push(one);
      if (heap.length === limit) for (let at = limit >> 1; at >= 0; at--) sink(at);
    } else if (limit > 0 && compare(one, heap[0]!) < 0) {
      heap[0] = one;
      sink(0);
    }
  }
  return heap.sort(compare);
}
