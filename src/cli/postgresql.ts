/** What talks to PostgreSQL: a chunk of its own, with its client. */
export { openPostgresqlIndex } from '../runs/metadata/postgresql-index.ts';
export { openPostgresqlStore } from '../runs/metadata/postgresql-store.ts';
