import type { Artifact } from '../../engines/engine.ts';
import type { JsonObject } from '../../program/json.ts';
import type { RunRecord } from '../run-record.ts';
import { filesAnswer } from './answers.ts';
import type { ArtifactService } from './endpoint.ts';
import { segmentsOf } from './fields.ts';
import type { History } from './history.ts';
import { loggedRunOf, splitRunId } from './history-runs.ts';
import { Refusal } from './refusal.ts';
import { decoded } from './routes.ts';

/** A file of a run, by the path that it is shown under. */
type Files = Map<string, { digest: string; sizeBytes: number }>;

/**
 * The files of runs: what steps logged lies where they logged it, of a second step that logged a path below the name of
 * that; outputs in `outputs/STEP/NAME`, and what steps printed in `logs`. What did not travel with a run is not there.
 */
export function historyArtifacts(history: History): ArtifactService & {
  files(id: string): Promise<Files>;
} {
  const files = async (id: string): Promise<Files> => {
    const { run, child } = splitRunId(id);
    const found = await history.run(run);
    const logged = found && child !== undefined ? loggedRunOf(found.record, child) : undefined;
    if (!found || (child !== undefined && !logged))
      throw new Refusal('RESOURCE_DOES_NOT_EXIST', `there is no run ${JSON.stringify(id)}`);
    const all: Files = new Map();
    if (logged) await add(history, all, '', logged.artifacts);
    else await addAll(history, all, found.record);
    return all;
  };
  const placed = async (path: string) => {
    const [id = '', word, ...rest] = segmentsOf(path);
    if (word !== 'artifacts')
      throw new Refusal('RESOURCE_DOES_NOT_EXIST', 'artifacts of a run are at RUN/artifacts');
    return { all: await files(id), path: rest.join('/') };
  };
  return {
    files,
    async list(path): Promise<JsonObject> {
      const place = await placed(path);
      return { files: filesAnswer(sizesOf(place.all), place.path, (name) => name) };
    },
    async read(encoded) {
      const place = await placed(encoded.split('/').map(decoded).join('/'));
      const file = place.all.get(place.path);
      const body = file && (await history.blob(file.digest));
      if (!body) throw new Refusal('RESOURCE_DOES_NOT_EXIST', `${JSON.stringify(place.path)} is not here`);
      const headers = { 'content-length': String(file.sizeBytes) };
      return { status: 200, type: 'application/octet-stream', headers, body };
    },
  };
}

/** Paths and sizes, as a listing takes them. */
export function sizesOf(files: Files): (readonly [string, number])[] {
  return [...files].map(([path, { sizeBytes }]) => [path, sizeBytes] as const);
}

async function addAll(history: History, all: Files, { steps }: RunRecord): Promise<void> {
  for (const { name, logged, outputs, logs } of steps) {
    await add(history, all, '', logged?.artifacts, name);
    for (const [output, artifact] of Object.entries(outputs))
      await add(history, all, `outputs/${name}/${output}`, artifact);
    if (logs) {
      await add(history, all, `logs/${name}.stdout`, logs.stdout);
      await add(history, all, `logs/${name}.stderr`, logs.stderr);
    }
  }
}

async function add(
  history: History,
  all: Files,
  place: string,
  artifact: Artifact | undefined,
  step = '',
): Promise<void> {
  if (!artifact) return;
  const { digest, sizeBytes } = artifact;
  if (!digest.startsWith('tree:')) {
    all.set(place, { digest, sizeBytes });
    return;
  }
  for (const file of (await history.tree(digest)) ?? []) {
    const path = place === '' ? file.path : `${place}/${file.path}`;
    all.set(all.has(path) && step !== '' ? `${step}/${file.path}` : path, file);
  }
}
