import {
  type Database,
  isDamagedDatabase,
  isDatabaseError,
  openDatabase,
  removeDatabase,
} from '../../host/database.ts';
import { existsSync, isErrno } from '../../host/files.ts';
import type { RunIndex, RunRow, RunRows } from '../run-query.ts';
import { oddRuns } from './check.ts';
import { namedInTables } from './named.ts';
import { applyOthers, changesOfOthers, keptOthers, type OtherRuns, otherRows } from './others.ts';
import { ChangedMeanwhile, IndexRefresh, type IndexSources } from './refresh.ts';
import { namedRows, openScannedIndex, searchRows } from './scanned-index.ts';
import { searchTables } from './search.ts';
import { IndexTables } from './tables.ts';

/** What an index is kept in, made from, and stood in for by where it cannot be kept. */
export interface RunIndexOptions extends IndexSources {
  /** The database's file. */
  path: string;
  others: OtherRuns;
  /** How long others may keep the database to themselves before every run is looked at. */
  waitMs?: number;
  /** Reads every run that ran here. */
  scanOwn(): RunRow[];
  /** Reads every run that came along with a bundle. */
  scanOthers(): Promise<RunRow[]>;
}

/** An index that holds a file open. */
export interface OpenRunIndex extends RunIndex {
  close(): void;
}

/**
 * The index of a home's runs in a database that is made from their files, and made anew when it is missing, damaged or of
 * another version (spec SAME-RUN-090). What came with bundles is looked at here, what ran here at each question. Where no
 * database can be kept, or others hold it for too long, every run is looked at.
 * @param anew makes it anew whatever it holds
 */
export async function openRunIndex(options: RunIndexOptions, anew = false): Promise<OpenRunIndex> {
  // Nothing is made by looking where nothing is.
  if (!anew && ![options.path, options.files.directory, options.others.directory].some(existsSync))
    return { ...openScannedIndex(options.scanOwn), close: () => {} };
  for (const isLast of [false, true]) {
    try {
      return await openKept(options, anew);
    } catch (error) {
      if (!isOfDatabase(error)) throw error;
      if (isLast || !isDamagedDatabase(error) || !isRemoved(options.path)) break;
    }
  }
  const others = await options.scanOthers();
  const rows = () => merged(options.scanOwn(), others);
  return { ...openScannedIndex(rows), close: () => {} };
}

/**
 * The index as it is, where it is up to date: nothing is made or changed. Otherwise one that keeps and finds nothing.
 */
export function lookAtRunIndex(options: RunIndexOptions): OpenRunIndex {
  const none = { ...openScannedIndex(() => []), close: () => {} };
  if (!existsSync(options.path)) return none;
  let database: Database | undefined;
  let isKept = false;
  try {
    database = openDatabase(options.path, options.waitMs);
    const tables = new IndexTables(database);
    if (!tables.isReady() || new IndexRefresh(tables, options).isStale()) return none;
    isKept = true;
    return {
      search: (query) => answer(tables, () => searchTables(tables, query)),
      named: (text, limit) => answer(tables, () => namedInTables(tables, text, limit)),
      row: (id) => rowIn(tables, id),
      odd: () => oddIn(tables),
      kept: true,
      rebuild: () => tables.count(),
      close: () => database?.close(),
    };
  } catch (error) {
    if (!isOfDatabase(error)) throw error;
    return none;
  } finally {
    if (!isKept) database?.close();
  }
}

/** All of an answer is of one moment. */
function answer<T>(tables: IndexTables, question: () => T): T {
  try {
    tables.begin('BEGIN');
    return question();
  } finally {
    if (tables.database.isTransaction) tables.database.exec('COMMIT');
  }
}

function oddIn(tables: IndexTables): string[] {
  try {
    return answer(tables, () => oddRuns(tables));
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return [''];
  }
}

function rowIn(tables: IndexTables, id: string): RunRow | undefined {
  const known = tables.get<{ row: string }>('SELECT row FROM runs WHERE id = ?', id);
  return known && JSON.parse(known.row);
}

async function openKept(options: RunIndexOptions, anew: boolean): Promise<OpenRunIndex> {
  const { path, others, scanOwn, annotations, waitMs } = options;
  const database = openDatabase(path, waitMs);
  try {
    const tables = new IndexTables(database);
    const refresh = new IndexRefresh(tables, options);
    const within = (work: () => void) => {
      try {
        tables.begin('BEGIN IMMEDIATE');
        work();
        database.exec('COMMIT');
      } catch (error) {
        tables.forget();
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    };
    const withinUnlessChanged = (work: () => void): boolean => {
      try {
        within(work);
        return true;
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) throw error;
        return false;
      }
    };
    const take = () => {
      while (refresh.isStale() && !withinUnlessChanged(() => refresh.apply()));
    };
    if (anew || !tables.isReady()) within(() => (anew || !tables.isReady() ? tables.clear() : undefined));
    const changes = await changesOfOthers(tables, others);
    const tagsOf = (id: string) => annotations.of(id).tags;
    if (changes.length > 0) within(() => applyOthers(tables, changes, tagsOf));
    // All that others can keep from being done has been done once when the first question comes.
    take();
    refresh.warn();
    const asked = (ofTables: () => RunRows, ofRows: (rows: RunRow[]) => RunRows): RunRows => {
      try {
        take();
        return answer(tables, ofTables);
      } catch (error) {
        if (!isDatabaseError(error)) throw error;
        return ofRows(merged(scanOwn(), othersAllTheSame()));
      }
    };
    /** Often others only keep the database from being changed; what cannot even be read is said to be missing. */
    const othersAllTheSame = (): RunRow[] => {
      try {
        return otherRows(tables, tagsOf);
      } catch (error) {
        if (!isDatabaseError(error)) throw error;
        options.onDamaged({
          code: 'SAME1612',
          message: 'the index of runs cannot be read: runs that came with bundles are missing here',
          place: path,
          hint: 'make it anew: same reindex',
        });
        return [];
      }
    };
    const index: OpenRunIndex = {
      search: (query) =>
        asked(
          () => searchTables(tables, query),
          (rows) => searchRows(rows, query),
        ),
      named: (text, limit) =>
        asked(
          () => namedInTables(tables, text, limit),
          (rows) => namedRows(rows, text, limit),
        ),
      row: (id) => rowIn(tables, id),
      odd: () => oddIn(tables),
      kept: true,
      rebuild() {
        withinUnlessChanged(() => {
          const kept = keptOthers(tables);
          tables.clear();
          applyOthers(tables, kept, tagsOf);
          refresh.apply();
        });
        return index.search({ limit: 0 }).total;
      },
      close: () => database.close(),
    };
    return index;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Own runs, and those of others whose ids are none of theirs. */
function merged(own: readonly RunRow[], others: readonly RunRow[]): RunRow[] {
  const rows = new Map([...others, ...own].map((row) => [row.id, row]));
  return [...rows.values()];
}

/** Whether an error says that no database can be kept where it should be. */
function isOfDatabase(error: unknown): boolean {
  return isDatabaseError(error) || isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR');
}

function isRemoved(path: string): boolean {
  try {
    removeDatabase(path);
    return true;
  } catch {
    return false;
  }
}
