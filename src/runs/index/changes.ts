import { join, namesIn } from '../../host/files.ts';
import type { RunFiles } from '../run-files.ts';
import { isRunId } from '../run-id.ts';
import { stampOf, UNSURE } from './stamps.ts';
import type { IndexTables } from './tables.ts';

/** Months whose directories changed, or packs of which could not all be read and are different now, and months that are gone. */
export function changedMonths(
  tables: IndexTables,
  files: RunFiles,
): { months: { month: string; stamp: string }[]; gone: string[] } {
  const rows = tables.all<{ month: string; stamp: string }>('SELECT month, stamp FROM months');
  const known = new Map(rows.map(({ month, stamp }) => [month, stamp]));
  const torn = new Set(
    tables
      .all<{ month: string; name: string; stamp: string }>(
        'SELECT month, name, stamp FROM packs WHERE whole = 0',
      )
      .filter(({ month, name, stamp }) => stampOf(join(files.directory, month, name)) !== stamp)
      .map(({ month }) => month),
  );
  const months = files.months().flatMap((month) => {
    const stamp = stampOf(join(files.directory, month)) ?? UNSURE;
    const before = known.get(month);
    known.delete(month);
    return stamp !== UNSURE && stamp === before && !torn.has(month) ? [] : [{ month, stamp }];
  });
  return { months, gone: [...known.keys()] };
}

/** Annotations that are new, changed or gone, without a stamp then. @param directory of files `ID.jsonl` */
export function changedTags(
  tables: IndexTables,
  directory: string,
): { id: string; stamp: string | undefined }[] {
  const rows = tables.all<{ id: string; stamp: string }>('SELECT id, stamp FROM tags');
  const known = new Map(rows.map(({ id, stamp }) => [id, stamp]));
  const changed = namesIn(directory).flatMap((name) => {
    const id = name.slice(0, -'.jsonl'.length);
    if (!isRunId(id) || name !== `${id}.jsonl`) return [];
    const stamp = stampOf(join(directory, name));
    const before = known.get(id);
    known.delete(id);
    return stamp === before && stamp !== undefined ? [] : [{ id, stamp }];
  });
  return [...changed, ...[...known.keys()].map((id) => ({ id, stamp: undefined }))];
}
