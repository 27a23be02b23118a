import type { JsonValue } from '../program/json.ts';
import { foldName } from '../program/name.ts';
import type { Column } from './index-columns.ts';
import {
  bestOf,
  firstOf,
  instantTest,
  type Leaf,
  type NumberTest,
  numberTest,
  type Order,
  rowWith,
} from './index-order.ts';
import type { IndexTables } from './index-tables.ts';
import { keptAs } from './index-values.ts';
import type { RunCondition, RunField, RunQuery, RunRow, RunRows } from './run-query.ts';
import { compareSorted, fieldOf, meets } from './scanned-index.ts';

/** Marks the runs that are meant, by their numbers. */
type Marks = Uint8Array;

const ID: RunField = { of: 'run', name: 'id' };
/** Answers from the index as {@link searchRows} does from rows, in some nanoseconds for each run that there is. */
export function searchTables(tables: IndexTables, { where, program, sort = [], limit }: RunQuery): RunRows {
  const rowsOf = (found: Iterable<{ row: string }>): RunRow[] =>
    Array.from(found, ({ row }) => JSON.parse(row) as RunRow);
  if (!where && !program && sort.length === 0) {
    const found = tables.all<{ row: string }>('SELECT row FROM runs ORDER BY id DESC LIMIT ?', limit ?? -1);
    return { rows: rowsOf(found), total: tables.count() };
  }
  const search = new Search(tables);
  if (!where && !program && sort[0] && limit !== undefined) {
    const best = search.best(sort, limit);
    if (best) return { rows: rowsOf(best.map((n) => search.row(n))), total: tables.count() };
  }
  const conditions: RunCondition[] = where ? [where] : [];
  if (program?.version !== undefined) conditions.push(equals('version', program.version));
  if (program?.digest !== undefined) conditions.push(equals('digest', program.digest));
  const marks = search.marks({ and: conditions });
  if (program) {
    const name = foldName(program.name);
    const isNamed = search.matching(
      { of: 'run', name: 'program' },
      undefined,
      (value) => foldName(value as string) === name,
    );
    for (let n = 0; n < marks.length; n++) marks[n]! &= isNamed[n]!;
  }
  let total = 0;
  for (let n = 0; n < marks.length; n++) total += marks[n]!;
  if (total === 0) return { rows: [], total };
  const chosen = search.first(marks, total, limit ?? total, sort);
  return { rows: rowsOf(chosen.map((n) => search.row(n))), total };
}

function equals(name: string, value: string): RunCondition {
  return { field: { of: 'run', name }, operator: '=', value };
}

class Search {
  readonly #tables: IndexTables;
  readonly #length: number;
  readonly #columns = new Map<string, Column | undefined>();
  readonly #ids = new Map<number, string>();

  constructor(tables: IndexTables) {
    this.#tables = tables;
    this.#length = tables.length();
  }

  row(n: number): { row: string } {
    return this.#tables.get<{ row: string }>('SELECT row FROM runs WHERE n = ?', n)!;
  }

  marks(condition: RunCondition): Marks {
    if ('field' in condition) return this.#ofLeaf(condition);
    if ('not' in condition) {
      const [all, marks] = [this.#all(), this.marks(condition.not)];
      for (let n = 0; n < marks.length; n++) marks[n] = all[n]! & ~marks[n]!;
      return marks;
    }
    if ('or' in condition) {
      const union = new Uint8Array(this.#length);
      for (const one of condition.or) {
        const marks = this.marks(one);
        for (let n = 0; n < marks.length; n++) union[n]! |= marks[n]!;
      }
      return union;
    }
    const [first, ...others] = condition.and;
    const both = first ? this.marks(first) : this.#all();
    for (const one of others) {
      const marks = this.marks(one);
      for (let n = 0; n < marks.length; n++) both[n]! &= marks[n]!;
    }
    return both;
  }

  /** Those whose value of a field is such a number, or such another value. */
  matching(field: RunField, isNumber: NumberTest | undefined, isOther: (value: JsonValue) => boolean): Marks {
    const marks = new Uint8Array(this.#length);
    const column = this.#column(field);
    if (!column) return marks;
    const { numbers } = column;
    if (isNumber) isNumber(numbers, marks);
    if (!this.#tables.hasTexts(field)) return marks;
    const dictionary = [...this.#tables.dictionary(field)];
    column.markCodes(new Set(dictionary.flatMap(([code, value]) => (isOther(value) ? [code] : []))), marks);
    return marks;
  }

  /**
   * The first in an order that a column of numbers decides, of those that are marked, or of all.
   * @returns nothing where something else decides too, or too few have a number
   */
  best(sort: NonNullable<RunQuery['sort']>, limit: number, marks?: Marks): number[] | undefined {
    const [first] = sort;
    if (!first || limit === 0 || keptAs(first.field) === 'row') return undefined;
    const column = this.#column(first.field);
    if (!column) return undefined;
    if (keptAs(first.field) === 'value' && this.#tables.hasTexts(first.field)) return undefined;
    const found = bestOf(column.numbers, marks, limit, first.descending, this.#order(sort));
    return found.length === limit ? found : undefined;
  }

  /** The first of the marked ones, in an order. */
  first(marks: Marks, total: number, limit: number, sort: NonNullable<RunQuery['sort']>): number[] {
    const best = this.best(sort, limit, marks);
    if (best) return best;
    const compare = this.#order(sort);
    const marked = new Uint32Array(total);
    for (let n = 0, to = 0; n < marks.length; n++) if (marks[n] === 1) marked[to++] = n;
    return firstOf(marked, limit, compare);
  }

  #ofLeaf(leaf: Leaf): Marks {
    const { field } = leaf;
    const meetsLeaf = (value: JsonValue) => meets(rowWith(field, value), leaf);
    const kept = keptAs(field);
    if (kept === 'row') {
      const marks = new Uint8Array(this.#length);
      for (const { n, value } of this.#texts(field)) marks[n] = Number(meetsLeaf(value));
      return marks;
    }
    return this.matching(
      field,
      kept === 'instant' ? instantTest(leaf, meetsLeaf) : numberTest(leaf),
      meetsLeaf,
    );
  }

  #all(): Marks {
    const { numbers } = this.#column(ID) ?? { numbers: new Float64Array(this.#length).fill(Number.NaN) };
    const marks = new Uint8Array(this.#length);
    for (let n = 0; n < marks.length; n++) marks[n] = Number(!Number.isNaN(numbers[n]));
    return marks;
  }

  #order(sort: NonNullable<RunQuery['sort']>): Order {
    const orders = sort.map(({ field, descending }) =>
      field.of === 'run' && field.name === 'id'
        ? descending
          ? this.#newestFirst()
          : reversed(this.#newestFirst())
        : this.#orderOf(field, descending),
    );
    orders.push(this.#newestFirst());
    const [first, second] = orders as [Order, Order];
    if (orders.length === 2) return (a, b) => first(a, b) || second(a, b);
    return (a, b) => {
      for (const order of orders) {
        const found = order(a, b);
        if (found !== 0) return found;
      }
      return 0;
    };
  }

  #newestFirst(): Order {
    // Looked at when two are equal in all else.
    let numbers: Float64Array | undefined;
    return (a, b) => {
      numbers ??= this.#column(ID)!.numbers;
      return numbers[b]! - numbers[a]! || (this.#id(a) < this.#id(b) ? 1 : -1);
    };
  }

  #orderOf(field: RunField, descending: boolean): Order {
    const values = new Map<number, JsonValue>();
    const column = this.#column(field);
    if (keptAs(field) === 'row') for (const { n, value } of this.#texts(field)) values.set(n, value);
    else if (column && this.#tables.hasTexts(field)) {
      const dictionary = this.#tables.dictionary(field);
      const ordered = [...dictionary].sort(([, a], [, b]) => compareSorted(a, b, false));
      const ranks = new Map(ordered.map(([code], rank) => [code, rank]));
      const sign = descending ? -1 : 1;
      // Numbers come before the others, and what is not there last, in either direction.
      return (a, b) => {
        const [one, other] = [column.code(a), column.code(b)];
        const [hasOne, hasOther] = [column.has(a), column.has(b)];
        if (!hasOne || !hasOther) return Number(hasOther) - Number(hasOne);
        if (one === 0 && other === 0) return sign * (column.numbers[a]! - column.numbers[b]!);
        if (one === 0 || other === 0) return sign * (one === 0 ? -1 : 1);
        return sign * (ranks.get(one)! - ranks.get(other)!);
      };
    }
    if (values.size > 0) return (a, b) => compareSorted(values.get(a), values.get(b), descending);
    if (!column) return () => 0;
    const { numbers } = column;
    const sign = descending ? -1 : 1;
    return (a, b) => {
      const [one, other] = [numbers[a]!, numbers[b]!];
      const [lacksOne, lacksOther] = [Number.isNaN(one), Number.isNaN(other)];
      if (!lacksOne && !lacksOther) return sign * (one - other);
      return Number(lacksOne) - Number(lacksOther);
    };
  }

  /** Of a field that is kept in rows only. */
  *#texts(field: RunField): Generator<{ n: number; value: JsonValue }> {
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

  #id(n: number): string {
    let id = this.#ids.get(n);
    if (id === undefined) {
      id = this.#tables.get<{ id: string }>('SELECT id FROM runs WHERE n = ?', n)!.id;
      this.#ids.set(n, id);
    }
    return id;
  }

  #column(field: RunField): Column | undefined {
    const key = `${field.of}.${field.name}`;
    if (!this.#columns.has(key)) this.#columns.set(key, this.#tables.column(field, this.#length));
    return this.#columns.get(key);
  }
}

function reversed(order: Order): Order {
  return (a, b) => order(b, a);
}
