import { randomUUID } from 'node:crypto';
import type { Database } from '../../host/database.ts';
import type { JsonValue } from '../../program/json.ts';
import { stableText } from '../../program/json.ts';
import type { RunField, RunRow } from '../run-query.ts';
import { CHUNK, type Chunk, Column, chunkOf, type FieldChunk } from './columns.ts';
import { encodeEnds } from './ends.ts';
import { TABLES } from './schema.ts';
import { valuesOf } from './values.ts';

/** Of another version an index is made anew. */
const VERSION = 'same-runs-9';
/** Chunks that a field may have. */
const CHUNKS = 2 ** 20;
/** Codes that are remembered while many runs are taken. */
const REMEMBERED = 100_000;

/** Where a run's files are: a directory of its own, a pack, both, or neither when it came with a bundle. */
export interface RunPlace {
  month: string | null;
  dir: boolean;
  pack: number | null;
}

/**
 * The tables of the index of runs: a row of each, and of every field a column by the runs' numbers. Everything happens
 * within a transaction of the caller; what was put is in the columns once {@link flush} was called.
 */
export class IndexTables {
  readonly database: Database;
  readonly #statements = new Map<string, ReturnType<Database['prepare']>>();
  readonly #fields = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  readonly #chunks = new Map<number, Column>();
  #added = 0;
  #generation: string | undefined;

  constructor(database: Database) {
    this.database = database;
  }

  /** Whether the tables are there, and of this version. */
  isReady(): boolean {
    const isThere = this.get('SELECT 1 FROM sqlite_schema WHERE name = ?', 'meta');
    return isThere !== undefined && this.#meta('version') === VERSION;
  }

  /** Begins a transaction, for which nothing is remembered of tables that another process made anew since the last. */
  begin(mode: 'BEGIN' | 'BEGIN IMMEDIATE'): void {
    this.database.exec(mode);
    const generation = this.isReady() ? this.#meta<string>('generation') : undefined;
    if (generation !== this.#generation) this.forget();
    this.#generation = generation;
  }

  /** Makes the tables, in the place of whatever is there. */
  clear(): void {
    this.forget();
    this.#statements.clear();
    const tables = 'SELECT name FROM sqlite_schema WHERE type = ?';
    for (const { name } of this.all<{ name: string }>(tables, 'table'))
      this.database.exec(`DROP TABLE "${name.replaceAll('"', '""')}"`);
    this.database.exec(TABLES);
    this.#generation = randomUUID();
    this.run(
      "INSERT INTO meta VALUES ('version', ?), ('generation', ?), ('count', 0)",
      VERSION,
      this.#generation,
    );
  }

  run(sql: string, ...values: (string | number | null | Uint8Array)[]): void {
    this.#statement(sql).run(...values);
  }

  get<T>(sql: string, ...values: (string | number | null)[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }

  all<T>(sql: string, ...values: (string | number | null)[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  each<T>(sql: string, ...values: (string | number | null)[]): Iterable<T> {
    return this.#statement(sql).iterate(...values) as Iterable<T>;
  }

  /** How many runs there are. */
  count(): number {
    return this.#added + this.#meta<number>('count')!;
  }

  /** A number above those of all runs. */
  length(): number {
    return (this.get<{ last: number | null }>('SELECT max(n) AS last FROM runs')?.last ?? 0) + 1;
  }

  /** Takes a run, in the place of what was known of it. */
  put(row: RunRow, { month, dir, pack }: RunPlace): void {
    const known = this.get<{ n: number; row: string }>('SELECT n, row FROM runs WHERE id = ?', row.id);
    const text = JSON.stringify(row);
    if (known) {
      this.run(
        'UPDATE runs SET month = ?, dir = ?, pack = ?, row = ? WHERE n = ?',
        month,
        Number(dir),
        pack,
        text,
        known.n,
      );
      if (known.row === text) return;
      this.#mark(known.n, JSON.parse(known.row), true);
      this.#mark(known.n, row, false);
      return;
    }
    const { n } = this.get<{ n: number }>(
      'INSERT INTO runs(id, month, dir, pack, row) VALUES (?, ?, ?, ?, ?) RETURNING n',
      row.id,
      month,
      Number(dir),
      pack,
      text,
    )!;
    this.#added++;
    this.#mark(n, row, false);
  }

  /** Forgets a run. */
  remove(id: string): void {
    const known = this.get<{ n: number; row: string }>('SELECT n, row FROM runs WHERE id = ?', id);
    if (!known) return;
    this.#mark(known.n, JSON.parse(known.row), true);
    this.run('DELETE FROM runs WHERE n = ?', known.n);
    this.#added--;
  }

  /** Writes the columns. */
  flush(): void {
    for (const [at, chunk] of this.#chunks) {
      const bytes = chunk.encode();
      if (bytes)
        this.run('INSERT OR REPLACE INTO columns VALUES (?, ?, ?)', at, encodeEnds(chunk.numbers), bytes);
      else this.run('DELETE FROM columns WHERE at = ?', at);
    }
    this.#chunks.clear();
    if (this.#added !== 0) this.run("UPDATE meta SET value = value + ? WHERE key = 'count'", this.#added);
    this.#added = 0;
  }

  /** Forgets what was put and not committed. */
  forget(): void {
    this.#chunks.clear();
    this.#fields.clear();
    this.#codes.clear();
    this.#added = 0;
  }

  /** The chunks of a field that hold something, each with the ends of its numbers; what they hold is not read yet. */
  chunks({ of, name }: RunField): FieldChunk[] {
    const field = this.#field(of, name, false);
    if (field === undefined) return [];
    return this.all<{ at: number; ends: Uint8Array | null }>(
      'SELECT at, ends FROM columns WHERE at BETWEEN ? AND ?',
      field * CHUNKS,
      field * CHUNKS + CHUNKS - 1,
    ).map(({ at, ends }) => ({ at, number: at % CHUNKS, ends }));
  }

  /** What a chunk holds. */
  chunk({ at }: Pick<FieldChunk, 'at'>): Chunk | undefined {
    const stored = this.get<{ data: Uint8Array }>('SELECT data FROM columns WHERE at = ?', at);
    return stored && chunkOf(stored.data);
  }

  /** Whether a field has values that are no numbers. */
  hasTexts({ of, name }: RunField): boolean {
    return (
      this.get('SELECT 1 FROM texts WHERE field = ? LIMIT 1', this.#field(of, name, false) ?? -1) !==
      undefined
    );
  }

  /** The values of a field that are no numbers, by code. */
  dictionary({ of, name }: RunField): Map<number, JsonValue> {
    const field = this.#field(of, name, false);
    const rows = this.all<{ code: number; json: string }>(
      'SELECT code, json FROM texts WHERE field = ?',
      field ?? -1,
    );
    return new Map(rows.map(({ code, json }) => [code, JSON.parse(json) as JsonValue]));
  }

  #meta<T>(key: string): T | undefined {
    return this.get<{ value: T }>('SELECT value FROM meta WHERE key = ?', key)?.value;
  }

  #mark(n: number, row: RunRow, isGone: boolean): void {
    for (const [of, name, value] of valuesOf(row)) {
      const field = this.#field(of, name, true)!;
      const at = field * CHUNKS + Math.floor(n / CHUNK);
      let chunk = this.#chunks.get(at);
      if (!chunk) {
        chunk = new Column(CHUNK);
        const stored = this.chunk({ at });
        if (stored) chunk.place(0, stored);
        this.#chunks.set(at, chunk);
      }
      if (isGone) chunk.clear(n % CHUNK);
      else if (typeof value === 'number') chunk.setNumber(n % CHUNK, value);
      else chunk.setCode(n % CHUNK, this.#code(field, value));
    }
  }

  #field(of: string, name: string, make: boolean): number | undefined {
    const key = `${of}.${name}`;
    const known = this.#fields.get(key);
    if (known !== undefined) return known;
    if (make) this.run('INSERT OR IGNORE INTO fields(of, name) VALUES (?, ?)', of, name);
    const field = this.get<{ field: number }>('SELECT field FROM fields WHERE of = ? AND name = ?', of, name);
    if (field) this.#fields.set(key, field.field);
    return field?.field;
  }

  #code(field: number, value: JsonValue): number {
    const json = stableText(value);
    const key = `${field} ${json}`;
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    this.run('INSERT OR IGNORE INTO texts(field, json) VALUES (?, ?)', field, json);
    const { code } = this.get<{ code: number }>(
      'SELECT code FROM texts WHERE field = ? AND json = ?',
      field,
      json,
    )!;
    if (this.#codes.size >= REMEMBERED) this.#codes.clear();
    this.#codes.set(key, code);
    return code;
  }

  #statement(sql: string): ReturnType<Database['prepare']> {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
