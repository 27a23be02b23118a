import { after, before } from 'node:test';
import type { MetadataStore } from '../../../src/runs/metadata/metadata-store.ts';
import { openPostgresqlIndex } from '../../../src/runs/metadata/postgresql-index.ts';
import { openPostgresqlStore } from '../../../src/runs/metadata/postgresql-store.ts';
import type { TeamIndex } from '../../../src/runs/metadata/team-index.ts';
import { type Postgresql, startPostgresql, unavailable } from '../../components/postgresql.ts';
import { testRunIndex } from '../../contract/run-index.ts';

const skip = unavailable() ?? false;
let server: Postgresql;
before(async () => {
  if (!skip) server = await startPostgresql();
});
/** Connected once, and emptied before each use. */
let team: { index: TeamIndex; store: MetadataStore } | undefined;
let own: string[] = [];
after(async () => {
  await team?.store[Symbol.asyncDispose]();
  await team?.index[Symbol.asyncDispose]();
  server?.dispose();
});

testRunIndex(
  'the index of a team in PostgreSQL',
  async (runs) => {
    team ??= await openTeam();
    const { index, store } = team;
    server.psql('index', 'DELETE FROM same.runs');
    for (const { record, tags } of runs)
      await store.tellRun({ record, tags, async *series() {}, artifacts: [] });
    own = runs.filter((run) => run.own).map(({ record }) => record.id);
    return { index, [Symbol.dispose]: () => {} };
  },
  { skip },
);

async function openTeam() {
  const address = { kind: 'postgresql', address: server.database('index') } as const;
  const surroundings = {
    variables: { PGPASSWORD: server.password },
    signal: new AbortController().signal,
    isPatient: false,
    progress: () => {},
  };
  const store = openPostgresqlStore(address, surroundings);
  await store.check();
  const index = openPostgresqlIndex(address, surroundings, {
    has: (id) => own.includes(id),
    ids: () => own,
  });
  return { index, store };
}
