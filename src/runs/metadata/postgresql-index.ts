import { canonicalJson } from '../../bundle/canonical-json.ts';
import type { RunQuery, RunRow, RunRows } from '../run-query.ts';
import type { RunRecord } from '../run-record.ts';
import type { MetadataStoreAddress, MetadataSurroundings } from './metadata-store.ts';
import type { ShownRun } from './postgresql-run.ts';
import { schemaVersion } from './postgresql-schema.ts';
import { searchStatements } from './postgresql-search.ts';
import { openPostgresqlSession } from './postgresql-session.ts';
import type { KeptRun, OwnRuns, TeamIndex } from './team-index.ts';

/** The runs of a team that a database has been told. @throws SAME1814 · SAME1805; its answers SAME1811, SAME1812 */
export function openPostgresqlIndex(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
  own: OwnRuns,
): TeamIndex {
  const session = openPostgresqlSession(address, surroundings);
  return {
    search: (query: RunQuery): Promise<RunRows> =>
      session.within('read', async (connection) => {
        // A database that nobody told anything has no runs.
        if ((await schemaVersion(connection, session.place.address)) === undefined)
          return { rows: [], total: 0 };
        const asked = searchStatements(query, own.ids);
        const found = await connection.query<{ id: string; shown: ShownRun }>(
          asked.rows.sql,
          asked.rows.values,
        );
        const rows = found.map(({ id, shown }): RunRow => ({ ...shown, own: own.has(id) }));
        if (query.limit === undefined) return { rows, total: rows.length };
        const [count] = await connection.query<{ total: number }>(asked.total.sql, asked.total.values);
        return { rows, total: count?.total ?? 0 };
      }),
    records: (ids) =>
      session.within('read', async (connection) => {
        const found = await connection.query<{ record: RunRecord; shown: ShownRun; note: string | null }>(
          'SELECT record, shown, note FROM same.runs WHERE id = ANY($1::text[])',
          [ids],
        );
        const runs = new Map(
          found.map(({ record, shown, note }): [string, KeptRun] => [
            record.id,
            // The database has names in an order of its own.
            {
              record: JSON.parse(canonicalJson(record)),
              own: own.has(record.id),
              tags: shown.tags,
              ...(note === null ? {} : { note }),
            },
          ]),
        );
        return ids.flatMap((id) => runs.get(id) ?? []);
      }),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
