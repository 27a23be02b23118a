import type { JsonValue } from '../../program/json.ts';
import { foldName } from '../../program/name.ts';
import type { RunCondition, RunField, RunQuery, RunRow, RunRows } from '../run-query.ts';
import type { Column } from './columns.ts';
import { boundsOf } from './ends.ts';
import { ID, IndexValues, type Marks } from './marks.ts';
import { MANY, nearestEnds, nearestNewest } from './nearest.ts';
import { Best, firstOf, type Order } from './order.ts';
import { compareSorted, isMeant } from './scanned-index.ts';
import type { IndexTables } from './tables.ts';
import { keptAs } from './values.ts';

type Sort = NonNullable<RunQuery['sort']>;

/**
 * Answers from the index as {@link searchRows} does from rows, in some nanoseconds for each run that there is.
 * @param many from how many runs on some are looked for among the first of each chunk, where all need not be counted
 */
export function searchTables(tables: IndexTables, query: RunQuery, many: number = MANY): RunRows {
  const { where, program, sort = [], limit } = query;
  const rowsOf = (found: Iterable<{ row: string }>): RunRow[] =>
    Array.from(found, ({ row }) => JSON.parse(row) as RunRow);
  if (!where && !program && sort.length === 0) {
    const found = tables.all<{ row: string }>('SELECT row FROM runs ORDER BY id DESC LIMIT ?', limit ?? -1);
    return { rows: rowsOf(found), total: tables.count() };
  }
  const search = new Search(tables);
  const isAll = !where && !program;
  if (limit !== undefined && (isAll || (query.uncounted && tables.count() >= many))) {
    const rows = search.nearest(sort, limit, (row) => isMeant(row, query));
    if (rows) return isAll ? { rows, total: tables.count() } : { rows, total: limit + 1, uncounted: true };
  }
  if (isAll && limit !== undefined) {
    const best = search.best(sort, limit);
    if (best) return { rows: rowsOf(best.map((n) => search.row(n))), total: tables.count() };
  }
  const conditions: RunCondition[] = program ? programConditions(tables, program) : [];
  if (where) conditions.push(where);
  const { marks, total } = search.values.marks({ and: conditions });
  if (total === 0) return { rows: [], total };
  const chosen = search.first(marks, total, limit ?? total, sort);
  return { rows: rowsOf(chosen.map((n) => search.row(n))), total };
}

/** Names are the same in any capitals: those that are there are looked through. */
function programConditions(
  tables: IndexTables,
  { name, version, digest }: NonNullable<RunQuery['program']>,
): RunCondition[] {
  const folded = foldName(name);
  const field: RunField = { of: 'run', name: 'program' };
  const named = [...tables.dictionary(field).values()].filter(
    (value) => foldName(value as string) === folded,
  );
  const conditions: RunCondition[] = [{ field, in: named }];
  if (version !== undefined) conditions.push(equals('version', version));
  if (digest !== undefined) conditions.push(equals('digest', digest));
  return conditions;
}

function equals(name: string, value: string): RunCondition {
  return { field: { of: 'run', name }, operator: '=', value };
}

class Search {
  readonly #tables: IndexTables;
  readonly values: IndexValues;
  readonly #columns = new Map<string, Column | undefined>();
  readonly #ids = new Map<number, string>();

  constructor(tables: IndexTables) {
    this.#tables = tables;
    this.values = new IndexValues(tables);
  }

  row(n: number): { row: string } {
    return this.#tables.get<{ row: string }>('SELECT row FROM runs WHERE n = ?', n)!;
  }

  /**
   * The first in an order that numbers of a field decide, of those that are marked, or of all; without one the newest.
   * Chunks that can have better ones are looked at first, and those that have none not at all.
   * @returns nothing where something else decides too, or too few have a number
   */
  best(sort: Sort, limit: number, marks?: Marks): number[] | undefined {
    const [{ field, descending } = { field: ID, descending: true }] = sort;
    const isId = field.of === 'run' && field.name === 'id';
    if (limit === 0 || (keptAs(field) === 'row' && !isId)) return undefined;
    if (!isId && this.#tables.hasTexts(field)) return undefined;
    let order: Order | undefined;
    const best = new Best(limit, descending, (a, b) => {
      // Of two equal ones the others of the order decide, and ids are equal only in what is kept as a number.
      order ??= this.#order(isId ? sort : sort.slice(1));
      return order(a, b);
    });
    const chunks = this.values.chunks(field).flatMap(({ number, ends, use }) => {
      if (!ends) return [];
      const [least, most] = boundsOf(ends);
      return [{ number, use, first: descending ? most : least }];
    });
    chunks.sort((a, b) => (descending ? b.first - a.first : a.first - b.first));
    for (const { number, use, first } of chunks) {
      if (!best.mayTake(first)) break;
      use((chunk) => best.look(number, chunk, marks));
    }
    const found = best.found();
    return found.length === limit ? found : undefined;
  }

  /** The first of very many that are meant, in an order that is kept for some of them; nothing where it is not. */
  nearest(sort: Sort, limit: number, isMeant: (row: RunRow) => boolean): RunRow[] | undefined {
    const [{ field, descending } = { field: ID, descending: true }] = sort;
    if (field.of === 'run' && field.name === 'id')
      return descending ? nearestNewest(this.#tables, limit, isMeant) : undefined;
    if (keptAs(field) === 'row' || this.#tables.hasTexts(field)) return undefined;
    let order: Order | undefined;
    return nearestEnds(this.#tables, { field, descending }, limit, isMeant, (a, b) => {
      order ??= this.#order(sort.slice(1));
      return order(a, b);
    });
  }

  /** The first of the marked ones, in an order. */
  first(marks: Marks, total: number, limit: number, sort: Sort): number[] {
    const best = limit < total ? this.best(sort, limit, marks) : undefined;
    if (best) return best;
    const compare = this.#order(sort);
    const marked = new Uint32Array(total);
    for (let n = 0, to = 0; n < marks.length; n++) if (marks[n] === 1) marked[to++] = n;
    return firstOf(marked, limit, compare);
  }

  #order(sort: Sort): Order {
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
    if (keptAs(field) === 'row') for (const { n, value } of this.values.texts(field)) values.set(n, value);
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
    if (!this.#columns.has(key)) this.#columns.set(key, this.values.column(field));
    return this.#columns.get(key);
  }
}

function reversed(order: Order): Order {
  return (a, b) => order(b, a);
}
