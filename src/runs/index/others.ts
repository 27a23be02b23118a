import { join, namesIn } from '../../host/files.ts';
import type { RunRow } from '../run-query.ts';
import type { RunRecord } from '../run-record.ts';
import { rowOf, withTags } from '../run-row.ts';
import { stampOf, sureStamp } from './stamps.ts';
import type { IndexTables } from './tables.ts';

/** Runs that came along with bundles: what refers to a program, by its digest, never changes. */
export interface OtherRuns {
  /** A directory for each program that something refers to, named by its digest's digits. */
  directory: string;
  /** The runs among what refers to a program, and whether all of it could be read. */
  read(program: string): Promise<{ records: RunRecord[]; whole: boolean }>;
}

/** What has to be taken into the index of others' runs. */
interface Change {
  program: string;
  stamp: string;
  rows: RunRow[];
}

/** What the tables have of others' runs. */
export function keptOthers(tables: IndexTables): Change[] {
  return tables
    .all<{ subject: string; stamp: string }>('SELECT subject, stamp FROM subjects')
    .map(({ subject, stamp }) => ({
      program: subject,
      stamp,
      rows: tables
        .all<{ row: string }>('SELECT row FROM others WHERE subject = ?', subject)
        .map(({ row }) => JSON.parse(row) as RunRow),
    }));
}

/** Reads what changed of others' runs since the tables were made. */
export async function changesOfOthers(tables: IndexTables, others: OtherRuns): Promise<Change[]> {
  const rows = tables.all<{ subject: string; stamp: string }>('SELECT subject, stamp FROM subjects');
  const known = new Map(rows.map(({ subject, stamp }) => [subject, stamp]));
  const changes: Change[] = [];
  for (const hex of namesIn(others.directory)) {
    const program = `sha256:${hex}`;
    const stamp = stampOf(join(others.directory, hex)) ?? '';
    const before = known.get(program);
    known.delete(program);
    if (stamp === '' || stamp === before) continue;
    const { records, whole } = await others.read(program);
    const rows = records.map((record) => rowOf({ record, own: false }));
    changes.push({ program, stamp: whole ? sureStamp(stamp) : '', rows });
  }
  for (const program of known.keys()) changes.push({ program, stamp: '', rows: [] });
  return changes;
}

/**
 * Takes them, within a transaction of the caller. A run of one's own is never passed over for one with its id.
 * @param tagsOf what users said of a run
 */
export function applyOthers(
  tables: IndexTables,
  changes: readonly Change[],
  tagsOf: (id: string) => Record<string, string>,
): void {
  for (const { program, stamp, rows } of changes) {
    const had = tables.all<{ id: string }>('SELECT id FROM others WHERE subject = ?', program);
    tables.run('DELETE FROM others WHERE subject = ?', program);
    for (const row of rows) {
      tables.run('INSERT OR REPLACE INTO others VALUES (?, ?, ?)', row.id, program, JSON.stringify(row));
    }
    if (rows.length === 0 && stamp === '') tables.run('DELETE FROM subjects WHERE subject = ?', program);
    else tables.run('INSERT OR REPLACE INTO subjects VALUES (?, ?)', program, stamp);
    for (const id of new Set([...had.map(({ id }) => id), ...rows.map(({ id }) => id)])) {
      if (tables.get('SELECT 1 FROM runs WHERE id = ? AND month IS NOT NULL', id)) continue;
      if (!putOther(tables, id, tagsOf(id))) tables.remove(id);
    }
  }
  tables.flush();
}

/**
 * Takes a run that came along with a bundle.
 * @param said tags of its annotations
 * @returns whether there is one of this id
 */
export function putOther(tables: IndexTables, id: string, said: Readonly<Record<string, string>>): boolean {
  const other = tables.get<{ row: string }>('SELECT row FROM others WHERE id = ? LIMIT 1', id);
  if (other) tables.put(withTags(JSON.parse(other.row), said), { month: null, dir: false, pack: null });
  return other !== undefined;
}

/** The rows of runs that came along with bundles. @param tagsOf what users said of a run */
export function otherRows(
  tables: IndexTables,
  tagsOf: (id: string) => Readonly<Record<string, string>>,
): RunRow[] {
  return tables.all<{ row: string }>('SELECT row FROM others').map(({ row }) => {
    const other: RunRow = JSON.parse(row);
    return withTags(other, tagsOf(other.id));
  });
}
