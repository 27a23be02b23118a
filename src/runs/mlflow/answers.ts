import type { JsonObject, JsonValue } from '../../program/json.ts';
import type { Point } from './fields.ts';

/** The one experiment of a step. */
export const EXPERIMENT_ID = '0';

/** A run in the words of MLflow's protocol, whoever keeps it. */
export interface ProtocolRun {
  id: string;
  experiment: string;
  name: string;
  status: 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
  startedMs: number;
  endedMs?: number;
  isDeleted?: boolean;
  metrics: Iterable<Point>;
  parameters: Iterable<readonly [string, string]>;
  tags: Iterable<readonly [string, string]>;
  inputs?: readonly object[];
  models?: readonly string[];
}

/** An answer's `run`. */
export function runAnswer(run: ProtocolRun): JsonObject {
  const { id, experiment, name, status, startedMs, endedMs } = run;
  return {
    info: {
      run_id: id,
      run_uuid: id,
      run_name: name,
      experiment_id: experiment,
      user_id: '',
      status,
      start_time: startedMs,
      ...(endedMs === undefined ? {} : { end_time: endedMs }),
      artifact_uri: `mlflow-artifacts:/${id}/artifacts`,
      lifecycle_stage: run.isDeleted ? 'deleted' : 'active',
    },
    data: {
      metrics: [...run.metrics].map(pointAnswer),
      params: [...run.parameters].map(([key, value]) => ({ key, value })),
      tags: [...run.tags].map(([key, value]) => ({ key, value })),
    },
    inputs: { dataset_inputs: [...(run.inputs ?? [])] as JsonValue[] },
    outputs: { model_outputs: (run.models ?? []).map((model_id) => ({ model_id, step: 0 })) },
  };
}

/** A metric of an answer: what JSON has no number for is a word. */
export function pointAnswer({ name, value, timestamp, step }: Point): JsonObject {
  return { key: name, value: Number.isFinite(value) ? value : String(value), timestamp, step };
}

/** An answer's `experiment`. */
export function experimentAnswer(id: string, name: string, startedMs = 0): JsonObject {
  return {
    experiment_id: id,
    name,
    artifact_location: `mlflow-artifacts:/experiments/${id}`,
    lifecycle_stage: 'active',
    creation_time: startedMs,
    last_update_time: startedMs,
    tags: [],
  };
}

/**
 * What is directly in a directory of artifacts.
 * @param files paths and sizes
 * @param directory `` for the topmost one
 * @param shown what the paths in the answer begin with
 */
export function filesAnswer(
  files: Iterable<readonly [string, number]>,
  directory: string,
  shown: (name: string) => string,
): JsonObject[] {
  const found = new Map<string, JsonObject>();
  const prefix = directory === '' ? '' : `${directory}/`;
  for (const [path, sizeBytes] of files) {
    if (path === directory) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      found.set(name, { path: shown(name), is_dir: false, file_size: sizeBytes });
    }
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    if (rest.length > 0) found.set(name, { path: shown(name), is_dir: true });
    else found.set(name, { path: shown(name), is_dir: false, file_size: sizeBytes });
  }
  return [...found.values()];
}
