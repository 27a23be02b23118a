import { type JsonValue, stableText } from '../../program/json.ts';
import { foldName } from '../../program/name.ts';
import type { RunCondition, RunField, RunQuery } from '../run-query.ts';
import { tableName } from './postgresql-text.ts';

/** A statement and what its `$1`, `$2`, … stand for. */
export interface Statement {
  sql: string;
  values: unknown[];
}

type Leaf = Extract<RunCondition, { field: RunField }>;

/** Where a value is kept, by its kind: what a field cannot be has no place. */
interface Places {
  number?: string;
  text?: string;
  /** Of truth values, null, lists and objects: their JSON. */
  other?: string;
}

const instant = (column: string) =>
  `(to_char(r.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') COLLATE "C")`;

/** Fields of a run itself but `own`, which is not kept. */
const FIELDS: Record<string, Places> = {
  id: { text: 'r.id' },
  display: { text: 'r.display' },
  program: { text: 'r.program' },
  version: { text: 'r.version' },
  digest: { text: 'r.digest' },
  status: { text: 'r.status' },
  startedAt: { text: instant('started_at') },
  finishedAt: { text: instant('finished_at') },
  durationMs: { number: 'r.duration_ms' },
  engine: { text: 'r.engine' },
  target: { text: 'r.target' },
  profile: { text: 'r.profile' },
  parent: { text: 'r.parent' },
};

const CAPITALS = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'";

/**
 * The statement that answers a question with rows `id, shown`, and the one that counts what it would answer without a
 * limit (spec SAME-RUN-071, SAME-RUN-072). Whatever the question holds is bound, never written into a statement.
 * @param own ids of the runs that are the asker's own; only asked for where the question is about them
 */
export function searchStatements(
  { where, program, sort = [], limit }: RunQuery,
  own: () => readonly string[],
): { rows: Statement; total: Statement } {
  const asked = new Question(own);
  const conditions = [
    ...(program ? asked.program(program) : []),
    ...(where === undefined ? [] : [asked.condition(where)]),
  ];
  const meant = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const total = {
    sql: `SELECT count(*)::float8 AS total FROM same.runs r${meant}`,
    values: [...asked.values],
  };
  const sorted = sort.map(({ field, descending }, n) => asked.order(field, descending, `s${n}`));
  const joins = sorted.map(({ join }) => join).join('');
  const order = [...sorted.flatMap(({ by }) => by), 'r.id DESC'].join(', ');
  const cut = limit === undefined ? '' : ` LIMIT ${asked.bind(limit, 'bigint')}`;
  const sql = `SELECT r.id, r.shown FROM same.runs r${joins}${meant} ORDER BY ${order}${cut}`;
  return { rows: { sql, values: asked.values }, total };
}

class Question {
  readonly values: unknown[] = [];
  readonly #own: () => readonly string[];
  #ownIds: string | undefined;

  constructor(own: () => readonly string[]) {
    this.#own = own;
  }

  bind(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  program({ name, version, digest }: NonNullable<RunQuery['program']>): string[] {
    return [
      `r.program_folded = ${this.bind(foldName(name), 'text')}`,
      ...(version === undefined ? [] : [`r.version = ${this.bind(version, 'text')}`]),
      ...(digest === undefined ? [] : [`r.digest = ${this.bind(digest, 'text')}`]),
    ];
  }

  condition(condition: RunCondition): string {
    if ('and' in condition) return this.#joined(condition.and, 'AND', 'TRUE');
    if ('or' in condition) return this.#joined(condition.or, 'OR', 'FALSE');
    if ('not' in condition) return `NOT ${this.condition(condition.not)}`;
    const { field } = condition;
    if (field.of === 'run') {
      const places = this.#placesOf(field.name);
      const [place] = Object.values(places);
      return place === undefined
        ? 'FALSE'
        : `(${place} IS NOT NULL AND coalesce(${this.#test(condition, places)}, FALSE))`;
    }
    const name = this.bind(tableName(field.name), 'text');
    const test = this.#test(condition, placesIn(field.of, 'v'));
    return `EXISTS (SELECT FROM same.${field.of} v WHERE v.run = r.id AND v.name = ${name} AND coalesce(${test}, FALSE))`;
  }

  /** What joins a field's values, and by what they are sorted. */
  order(field: RunField, descending: boolean, alias: string): { join: string; by: string[] } {
    const way = descending ? 'DESC' : 'ASC';
    const { of } = field;
    if (of === 'run') {
      const places = Object.values(this.#placesOf(field.name));
      return { join: '', by: places.flatMap((place) => [`(${place} IS NULL)`, `${place} ${way}`]) };
    }
    const name = this.bind(tableName(field.name), 'text');
    const { number, text, other } = placesIn(of, alias);
    const kind = of === 'parameters' ? [`(${number} IS NULL) ${way}`, `(${text} IS NULL) ${way}`] : [];
    return {
      join: ` LEFT JOIN same.${of} ${alias} ON ${alias}.run = r.id AND ${alias}.name = ${name}`,
      by: [
        `(${alias}.run IS NULL)`,
        ...kind,
        ...[number, text, other].flatMap((place) => (place === undefined ? [] : [`${place} ${way}`])),
      ],
    };
  }

  #joined(conditions: readonly RunCondition[], word: 'AND' | 'OR', none: 'TRUE' | 'FALSE'): string {
    if (conditions.length === 0) return none;
    return `(${conditions.map((one) => this.condition(one)).join(` ${word} `)})`;
  }

  #placesOf(name: string): Places {
    if (name !== 'own') return Object.hasOwn(FIELDS, name) ? FIELDS[name]! : {};
    this.#ownIds ??= this.bind(this.#own(), 'text[]');
    return { other: `CASE WHEN r.id = ANY(${this.#ownIds}) THEN 'true' ELSE 'false' END` };
  }

  #test(leaf: Leaf, places: Places): string {
    if ('in' in leaf) return this.#isOneOf(leaf.in, places);
    const { operator, value } = leaf;
    if (operator === '=') return this.#isOneOf([value], places);
    if (operator === '!=') return `NOT coalesce(${this.#isOneOf([value], places)}, FALSE)`;
    if (operator === 'like') {
      if (typeof value !== 'string' || places.text === undefined || !isHeld(value)) return 'FALSE';
      const pattern = `translate(${this.bind(value, 'text')}, ${CAPITALS})`;
      return `translate(${places.text}, ${CAPITALS}) LIKE ${pattern} ESCAPE ''`;
    }
    if (typeof value === 'number' && places.number !== undefined)
      return `${places.number} ${operator} ${this.bind(value, 'float8')}`;
    if (typeof value !== 'string' || places.text === undefined) return 'FALSE';
    // No text that is kept has the character 0: what comes before one with it is all up to what stands before that.
    const end = value.indexOf('\0');
    if (end === -1) return `${places.text} ${operator} ${this.bind(value, 'text')}`;
    return `${places.text} ${operator.startsWith('<') ? '<=' : '>'} ${this.bind(value.slice(0, end), 'text')}`;
  }

  #isOneOf(values: readonly JsonValue[], { number, text, other }: Places): string {
    const numbers = values.filter((value) => typeof value === 'number');
    const texts = values.filter((value) => typeof value === 'string').filter(isHeld);
    const others = values.filter((value) => typeof value !== 'number' && typeof value !== 'string');
    const tests = [
      ...(number && numbers.length > 0 ? [`${number} = ANY(${this.bind(numbers, 'float8[]')})`] : []),
      ...(text && texts.length > 0 ? [`${text} = ANY(${this.bind(texts, 'text[]')})`] : []),
      ...(other && others.length > 0
        ? [`${other} = ANY(${this.bind(others.map(stableText), 'text[]')})`]
        : []),
    ];
    // Of three tests two have no value to look at, which must not hide the third.
    return tests.length === 0 ? 'FALSE' : `(${tests.map((test) => `coalesce(${test}, FALSE)`).join(' OR ')})`;
  }
}

function placesIn(of: 'parameters' | 'metrics' | 'tags', alias: string): Places {
  if (of === 'metrics') return { number: `${alias}.value` };
  if (of === 'tags') return { text: `${alias}.value` };
  return { number: `${alias}.number`, text: `${alias}.text`, other: `${alias}.other` };
}

/** Whether a database can hold a text at all: no other can be equal to one that is kept. */
function isHeld(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
