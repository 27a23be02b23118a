import type { JsonValue } from '../../program/json.ts';
import type { RunCondition, RunField, RunRow } from '../run-query.ts';
import { CHUNK, type Chunk } from './columns.ts';

/** A condition on one field. */
export type Leaf = Extract<RunCondition, { field: RunField }>;
/** Which of two runs comes first, by their numbers. */
export type Order = (a: number, b: number) => number;

/** The first and the last instant whose year has four digits. */
const INSTANTS = [-62_167_219_200_000, 253_402_300_799_999] as const;

/** A row with one value. */
export function rowWith({ of, name }: RunField, value: JsonValue): RunRow {
  const fields = of === 'run' ? { [name]: value } : { [of]: { [name]: value } };
  return fields as unknown as RunRow;
}

/** Marks the numbers that are meant; NaN, which stands for no number, never is. */
export type NumberTest = (numbers: Float64Array, marks: Uint8Array) => void;

/** Which numbers meet a condition; nothing when none does. Each comparison is a loop of its own, as many runs want it. */
export function numberTest(leaf: Leaf): NumberTest | undefined {
  if ('in' in leaf) {
    const wanted = new Set(leaf.in.filter((value) => typeof value === 'number'));
    return wanted.size === 0 ? undefined : each((value) => wanted.has(value));
  }
  const { operator, value: wanted } = leaf;
  if (operator === '!=') return each((value) => !Number.isNaN(value) && value !== wanted);
  if (typeof wanted !== 'number' || operator === 'like') return undefined;
  return (numbers, marks) => {
    const { length } = numbers;
    if (operator === '<') for (let n = 0; n < length; n++) marks[n] = numbers[n]! < wanted ? 1 : 0;
    else if (operator === '<=') for (let n = 0; n < length; n++) marks[n] = numbers[n]! <= wanted ? 1 : 0;
    else if (operator === '>') for (let n = 0; n < length; n++) marks[n] = numbers[n]! > wanted ? 1 : 0;
    else if (operator === '>=') for (let n = 0; n < length; n++) marks[n] = numbers[n]! >= wanted ? 1 : 0;
    else for (let n = 0; n < length; n++) marks[n] = numbers[n] === wanted ? 1 : 0;
  };
}

function each(isMeant: (value: number) => boolean): NumberTest {
  return (numbers, marks) => {
    for (let n = 0; n < numbers.length; n++) marks[n] = isMeant(numbers[n]!) ? 1 : 0;
  };
}

/** {@link numberTest} of an instant, which is kept as a number and compared as the text that it is. */
export function instantTest(leaf: Leaf, meetsLeaf: (value: JsonValue) => boolean): NumberTest {
  if ('operator' in leaf && typeof leaf.value === 'string' && leaf.operator !== 'like') {
    const { operator, value: wanted } = leaf;
    const from = firstInstant((text) => text >= wanted);
    const after = firstInstant((text) => text > wanted);
    return each(
      {
        '=': (value: number) => value >= from && value < after,
        '!=': (value: number) => value < from || value >= after,
        '<': (value: number) => value < from,
        '<=': (value: number) => value < after,
        '>': (value: number) => value >= after,
        '>=': (value: number) => value >= from,
      }[operator],
    );
  }
  return each((value) => !Number.isNaN(value) && meetsLeaf(new Date(value).toISOString()));
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

/**
 * The first `limit` of those that have a number, the greatest or the smallest first. Most are passed over for not being
 * better than the last of the best so far.
 */
export class Best {
  readonly #limit: number;
  readonly #sign: number;
  readonly #ofEqual: Order;
  readonly #numbers = new Float64Array(CHUNK);
  #best: { n: number; value: number }[] = [];
  /** The greatest of those that may be taken; all numbers with the sign of the order. */
  #bar = Number.POSITIVE_INFINITY;

  /** @param ofEqual which comes first of two that have the same number */
  constructor(limit: number, descending: boolean, ofEqual: Order) {
    this.#limit = limit;
    this.#sign = descending ? -1 : 1;
    this.#ofEqual = ofEqual;
  }

  /** Whether a number may be one of the best. */
  mayTake(value: number): boolean {
    return this.#sign * value <= this.#bar;
  }

  /** Looks at a chunk. @param marks of those that are meant, of all chunks; all when it is left out */
  look(number: number, { values, indexes }: Chunk, marks: Uint8Array | undefined): void {
    const from = number * CHUNK;
    let { numbers } = values;
    if (indexes) {
      for (let n = 0; n < CHUNK; n++) this.#numbers[n] = numbers[indexes[n]!]!;
      numbers = this.#numbers;
    }
    const sign = this.#sign;
    for (let n = next(numbers, 0, sign, this.#bar); n < CHUNK; n = next(numbers, n + 1, sign, this.#bar))
      if (!marks || marks[from + n] === 1) this.#take(from + n, sign * numbers[n]!);
  }

  /** Those that were found, the best first. */
  found(): number[] {
    this.#cut();
    return this.#best.map(({ n }) => n);
  }

  #take(n: number, value: number): void {
    this.#best.push({ n, value });
    if (this.#best.length < this.#limit * 4) return;
    this.#cut();
    this.#bar = this.#best[this.#limit - 1]!.value;
  }

  #cut(): void {
    this.#best.sort((a, b) => a.value - b.value || this.#ofEqual(a.n, b.n));
    this.#best.length = Math.min(this.#best.length, this.#limit);
  }
}

/** The next that is not beyond the bar. NaN, which stands for no number, is. */
function next(numbers: Float64Array, from: number, sign: number, bar: number): number {
  let n = from;
  while (n < CHUNK && !(sign * numbers[n]! <= bar)) n++;
  return n;
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
