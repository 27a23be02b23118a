import type { JsonObject } from '../../program/json.ts';
import { filesAnswer } from './answers.ts';
import type { AttemptLog } from './attempt-log.ts';
import { segmentsOf } from './fields.ts';
import { Refusal } from './refusal.ts';
import { decoded } from './routes.ts';
import type { TrackedRun } from './tracked-run.ts';

/** A place among the artifacts of a run. */
export interface ArtifactPlace {
  run: TrackedRun;
  segments: string[];
}

/** Where the path of an artifact leads: `RUN/artifacts/PATH`, or `models/MODEL/artifacts/PATH`. @throws Refusal */
export function artifactPlace(log: AttemptLog, path: string): ArtifactPlace {
  const segments = segmentsOf(path);
  if (segments[0] === 'models' && segments[2] === 'artifacts') {
    const model = log.model(segments[1]!);
    return { run: log.run(model.run), segments: ['models', model.name, ...segments.slice(3)] };
  }
  if (segments.length >= 2 && segments[1] === 'artifacts')
    return { run: log.run(segments[0]!), segments: segments.slice(2) };
  throw new Refusal(
    'RESOURCE_DOES_NOT_EXIST',
    'artifacts of a run are at RUN/artifacts, those of a model at models/MODEL/artifacts',
  );
}

/** The same, of a path as it stands in a URL. */
export function encodedPlace(log: AttemptLog, path: string): ArtifactPlace {
  return artifactPlace(log, path.split('/').map(decoded).join('/'));
}

/** What is directly in a directory, as the artifact service tells it: names without where they are. */
export function placeAnswer({ run, segments }: ArtifactPlace): JsonObject {
  const files = [...run.artifacts].map(([path, { sizeBytes }]) => [path, sizeBytes] as const);
  return { files: filesAnswer(files, segments.join('/'), (name) => name) };
}
