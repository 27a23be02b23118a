import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A run as the file store of MLflow 3 keeps it. */
export interface StoredMlflowRun {
  id: string;
  /** 1 running, 3 finished, 4 failed, 5 killed. */
  status?: number;
  start?: number;
  end?: number | null;
  deleted?: boolean;
  params?: Record<string, string>;
  metrics?: Record<string, string>;
  tags?: Record<string, string>;
  artifacts?: Record<string, string>;
}

/** Tags of a run called "outer": one of the user's, a note, what the client notes by itself. */
export const USUAL_TAGS: Record<string, string> = {
  team: 'x',
  'mlflow.runName': 'outer',
  'mlflow.user': 'grace',
  'mlflow.source.name': '/home/grace/train.py',
  'mlflow.note.content': 'two\nlines',
  'mlflow.source.git.commit': '0123456789abcdef0123456789abcdef01234567',
};

/** Writes a store as the real client (MLflow 3.17) does, field by field. */
export function writeMlflowStore(
  root: string,
  runs: readonly StoredMlflowRun[],
  experiment = 'digits',
): void {
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  write('0/meta.yaml', meta({ experiment_id: "'0'", name: 'Default', lifecycle_stage: 'active' }));
  const at = '293364683892423222';
  write(`${at}/meta.yaml`, meta({ experiment_id: `'${at}'`, name: experiment, lifecycle_stage: 'active' }));
  for (const run of runs) {
    const { id, status = 3, start = 1795306749072, end = 1795306749414 } = run;
    const text = {
      artifact_uri: `file:///srv/study/mlruns/${at}/${id}/artifacts`,
      end_time: String(end),
      entry_point_name: "''",
      experiment_id: `'${at}'`,
      lifecycle_stage: run.deleted ? 'deleted' : 'active',
      run_id: /^[0-9]+$/.test(id) ? `'${id}'` : id,
      run_name: 'some-name-1',
      source_name: "''",
      source_type: '4',
      source_version: "''",
      start_time: String(start),
      status: String(status),
      tags: '[]',
      user_id: 'grace',
    };
    write(`${at}/${id}/meta.yaml`, meta(text));
    for (const kind of ['params', 'metrics', 'tags', 'artifacts'] as const)
      for (const [name, content] of Object.entries(run[kind] ?? {}))
        write(`${at}/${id}/${kind}/${name}`, content);
  }
}

function meta(fields: Record<string, string>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
