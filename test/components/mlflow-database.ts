import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoredMlflowRun } from './mlflow-store.ts';

const STATUS: Record<number, string> = { 1: 'RUNNING', 3: 'FINISHED', 4: 'FAILED', 5: 'KILLED' };

/** The tables that tell of runs, as MLflow 3.17 makes them (version dc11669786a5 of its schema). */
const TABLES = `
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num));
CREATE TABLE experiments (experiment_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(256) NOT NULL,
  artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT,
  workspace VARCHAR(63) DEFAULT 'default' NOT NULL);
CREATE TABLE "runs" (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), source_type VARCHAR(20), source_name VARCHAR(500),
  entry_point_name VARCHAR(50), user_id VARCHAR(256), status VARCHAR(9), start_time BIGINT, end_time BIGINT,
  source_version VARCHAR(50), lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200), experiment_id INTEGER,
  deleted_time BIGINT, PRIMARY KEY (run_uuid));
CREATE TABLE "metrics" ("key" VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,
  run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,
  PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan));
CREATE TABLE "params" ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL, run_uuid VARCHAR(32) NOT NULL,
  PRIMARY KEY ("key", run_uuid));
CREATE TABLE "tags" ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000), run_uuid VARCHAR(32) NOT NULL,
  PRIMARY KEY ("key", run_uuid));
INSERT INTO alembic_version VALUES ('dc11669786a5');
INSERT INTO experiments VALUES (0, 'Default', '/srv/study/mlruns/0', 'active', 1795306749000, 1795306749000, 'default');
INSERT INTO experiments VALUES (1, 'digits', '/srv/study/mlruns/1', 'active', 1795306749000, 1795306749000, 'default');
`;

/**
 * Writes a database as MLflow 3.17 does, with the artifacts of runs in `mlruns` beside it.
 * @param options.artifacts the address of a run's artifacts, by its id
 * @param options.more SQL that changes it further
 */
export function writeMlflowDatabase(
  path: string,
  runs: readonly StoredMlflowRun[],
  options: { artifacts?: (id: string) => string; more?: string } = {},
): void {
  const { artifacts = (id) => `/srv/study/mlruns/1/${id}/artifacts`, more = '' } = options;
  mkdirSync(dirname(path), { recursive: true });
  using database = new DatabaseSync(path);
  database.exec(TABLES);
  const into = (table: string, row: Record<string, string | number | null>) =>
    database
      .prepare(
        `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row).map(() => '?')})`,
      )
      .run(...Object.values(row));
  for (const run of runs) {
    const { id: run_uuid, status = 3, start = 1795306749072, end = 1795306749414 } = run;
    into('runs', {
      run_uuid,
      name: 'some-name-1',
      source_type: 'UNKNOWN',
      user_id: 'grace',
      status: STATUS[status] ?? String(status),
      start_time: start,
      end_time: end,
      lifecycle_stage: run.deleted ? 'deleted' : 'active',
      artifact_uri: artifacts(run_uuid),
      experiment_id: 1,
    });
    for (const [key, value] of Object.entries(run.params ?? {})) into('params', { key, value, run_uuid });
    for (const [key, value] of Object.entries(run.tags ?? {})) into('tags', { key, value, run_uuid });
    for (const [key, lines] of Object.entries(run.metrics ?? {}))
      for (const line of lines.trimEnd().split('\n')) {
        const [timestamp, value, step] = line.split(' ').map(Number) as [number, number, number];
        const is_nan = Number(Number.isNaN(value));
        into('metrics', { key, value: is_nan ? 0 : value, timestamp, run_uuid, step, is_nan });
      }
    for (const [name, content] of Object.entries(run.artifacts ?? {})) {
      const file = join(dirname(path), 'mlruns/1', run_uuid, 'artifacts', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }
  database.exec(more);
}
