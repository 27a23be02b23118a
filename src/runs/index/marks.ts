import type { JsonValue } from '../../program/json.ts';
import type { RunCondition, RunField } from '../run-query.ts';
import { CHUNK, type Chunk, Column, type FieldChunk } from './columns.ts';
import { instantTest, type Leaf, type NumberTest, numberTest, rowWith } from './order.ts';
import { fieldOf, meets } from './scanned-index.ts';
import type { IndexTables } from './tables.ts';
import { keptAs } from './values.ts';

/** Marks the runs that are meant, by their numbers. */
export type Marks = Uint8Array;
/** Marks the runs of a chunk that meet something. */
type Marker = (number: number, marks: Marks) => void;
/** A chunk that is there. */
export interface ReadableChunk extends FieldChunk {
  /** Reads it, and lets go of it once the work is done. */
  use<T>(work: (chunk: Chunk) => T): T;
}

/** The field that every run has, and whose numbers grow with time. */
export const ID: RunField = { of: 'run', name: 'id' };

/** The values of runs by their numbers, read where something asks for them. */
export class IndexValues {
  readonly #tables: IndexTables;
  readonly #chunks = new Map<string, ReadableChunk[]>();
  /** A number above those of all runs. */
  readonly length: number;

  constructor(tables: IndexTables) {
    this.#tables = tables;
    this.length = tables.length();
  }

  /** The chunks of a field, by what is asked of a field. */
  chunks(field: RunField): ReadableChunk[] {
    const key = `${field.of}.${field.name}`;
    const known = this.#chunks.get(key);
    if (known) return known;
    const chunks = this.#tables.chunks(field).map(
      (chunk): ReadableChunk => ({
        ...chunk,
        use: (work) => {
          const held = this.#tables.chunk(chunk)!;
          const done = work(held);
          // The next one gets this memory: to be given other costs more than to fill it.
          held.values.numbers.buffer.transfer(0);
          return done;
        },
      }),
    );
    this.#chunks.set(key, chunks);
    return chunks;
  }

  /** The column of a field, or undefined when no run has it. */
  column(field: RunField): Column | undefined {
    const chunks = this.chunks(field);
    if (chunks.length === 0) return undefined;
    const column = new Column(this.length);
    for (const { number, use } of chunks) use((chunk) => column.place(number * CHUNK, chunk));
    return column;
  }

  /** Marks the runs that meet a condition, a chunk after the other, as what is still near is read fastest; counts them. */
  marks(condition: RunCondition): { marks: Marks; total: number } {
    const chunks = Math.ceil(this.length / CHUNK);
    const marks = new Uint8Array(chunks * CHUNK);
    const mark = this.#marker(condition);
    let total = 0;
    for (let n = 0; n < chunks; n++) {
      const part = marks.subarray(n * CHUNK, (n + 1) * CHUNK);
      mark(n, part);
      total += counted(part);
    }
    return { marks, total };
  }

  #marker(condition: RunCondition): Marker {
    if ('field' in condition) return this.#ofLeaf(condition);
    if ('not' in condition) {
      const [all, mark] = [this.#ofAll(), this.#marker(condition.not)];
      const those = new Uint8Array(CHUNK);
      return (number, marks) => {
        all(number, marks);
        mark(number, those);
        without(marks, those);
      };
    }
    const markers = ('or' in condition ? condition.or : condition.and).map((one) => this.#marker(one));
    const [first, ...others] = markers;
    const those = new Uint8Array(CHUNK);
    if ('or' in condition) {
      return (number, marks) => {
        if (first) first(number, marks);
        else marks.fill(0);
        for (const mark of others) {
          mark(number, those);
          either(marks, those);
        }
      };
    }
    const begin = first ?? this.#ofAll();
    return (number, marks) => {
      begin(number, marks);
      for (const mark of others) {
        if (!marks.includes(1)) return;
        mark(number, those);
        both(marks, those);
      }
    };
  }

  #ofLeaf(leaf: Leaf): Marker {
    const { field } = leaf;
    const meetsLeaf = (value: JsonValue) => meets(rowWith(field, value), leaf);
    const kept = keptAs(field);
    if (kept === 'row') {
      const found = new Uint8Array(Math.ceil(this.length / CHUNK) * CHUNK);
      for (const { n, value } of this.texts(field)) found[n] = Number(meetsLeaf(value));
      return (number, marks) => marks.set(found.subarray(number * CHUNK, (number + 1) * CHUNK));
    }
    return this.#matching(
      field,
      kept === 'instant' ? instantTest(leaf, meetsLeaf) : numberTest(leaf),
      meetsLeaf,
    );
  }

  /** Those whose value of a field is such a number, or such another value. */
  #matching(
    field: RunField,
    isNumber: NumberTest | undefined,
    isOther: (value: JsonValue) => boolean,
  ): Marker {
    const chunks = this.#byNumber(field);
    const others = new Set<number>();
    if (this.#tables.hasTexts(field))
      for (const [code, value] of this.#tables.dictionary(field)) if (isOther(value)) others.add(code);
    return (number, marks) => {
      const chunk = chunks.get(number);
      if (!chunk) marks.fill(0);
      chunk?.use(({ values, indexes }) => {
        const found = indexes ? new Uint8Array(values.numbers.length) : marks;
        if (isNumber) isNumber(values.numbers, found);
        else found.fill(0);
        values.markCodes(others, found);
        if (indexes) spread(found, indexes, marks);
      });
    };
  }

  #ofAll(): Marker {
    const chunks = this.#byNumber(ID);
    return (number, marks) => {
      const chunk = chunks.get(number);
      if (!chunk) marks.fill(0);
      chunk?.use((ids) => {
        for (let n = 0; n < CHUNK; n++) marks[n] = Number(has(ids, n));
      });
    };
  }

  /** Of a field that is kept in rows only. */
  *texts(field: RunField): Generator<{ n: number; value: JsonValue }> {
    if (field.name === 'id') {
      for (const { n, id } of this.#tables.each<{ n: number; id: string }>('SELECT n, id FROM runs'))
        yield { n, value: id };
      return;
    }
    for (const { n, row } of this.#tables.each<{ n: number; row: string }>('SELECT n, row FROM runs')) {
      const value = fieldOf(JSON.parse(row), field);
      if (value !== undefined) yield { n, value };
    }
  }

  #byNumber(field: RunField): Map<number, ReadableChunk> {
    return new Map(this.chunks(field).map((chunk) => [chunk.number, chunk]));
  }
}

function has({ values, indexes }: Chunk, n: number): boolean {
  return values.has(indexes ? indexes[n]! : n);
}

function counted(marks: Marks): number {
  let total = 0;
  for (let n = 0; n < CHUNK; n++) total += marks[n]!;
  return total;
}

// Each a function of its own: it is called for every chunk, and soon compiled for what it does.
function both(marks: Marks, those: Marks): void {
  for (let n = 0; n < CHUNK; n++) marks[n]! &= those[n]!;
}

function either(marks: Marks, those: Marks): void {
  for (let n = 0; n < CHUNK; n++) marks[n]! |= those[n]!;
}

function without(marks: Marks, those: Marks): void {
  for (let n = 0; n < CHUNK; n++) marks[n]! &= ~those[n]!;
}

function spread(found: Marks, indexes: Uint8Array, marks: Marks): void {
  for (let n = 0; n < CHUNK; n++) marks[n] = found[indexes[n]!]!;
}
