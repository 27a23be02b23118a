import type { ToldRun } from './metadata-store.ts';
import type { MlflowClient } from './mlflow-client.ts';

const PROXY = '/api/2.0/mlflow-artifacts/artifacts';

/**
 * Puts the files of a run where the tracking server keeps them.
 * @param place the run's `artifact_uri`
 * @returns what is not sent, and why, one line each
 * @throws as the client does
 */
export async function sendArtifacts(
  client: MlflowClient,
  place: string,
  files: ToldRun['artifacts'],
): Promise<string[]> {
  const url = URL.parse(place);
  if (url?.protocol !== 'mlflow-artifacts:') {
    if (files.length === 0) return [];
    const scheme = url ? url.protocol : 'a directory';
    return [
      `its ${count(files.length)} not sent: the tracking server keeps files at ${scheme} without taking them itself`,
    ];
  }
  if (url.host !== '' && url.host !== client.base.host)
    return [
      `its ${count(files.length)} not sent: the tracking server keeps them at another one, ${url.host}`,
    ];
  const notes: string[] = [];
  for (const { path, artifact, body } of files) {
    const why = refused(path);
    if (why !== undefined) {
      notes.push(`file ${JSON.stringify(path)} is not sent: MLflow takes no path ${why}`);
      continue;
    }
    const segments = `${url.pathname.replace(/^\/+|\/+$/g, '')}/${path.split('/').map(encodeURIComponent).join('/')}`;
    await client.call({
      method: 'PUT',
      path: `${PROXY}/${segments}`,
      body: { sizeBytes: artifact.sizeBytes, open: body },
    });
  }
  return notes;
}

function count(files: number): string {
  return files === 1 ? 'file is' : `${files} files are`;
}

/** The server decodes a path until nothing changes, and looks at the outcome. */
function refused(path: string): string | undefined {
  if (path.includes('#')) return 'with #';
  if (/%[0-9a-f]{2}/i.test(path)) return 'with % before two digits';
  if (/[\p{Cc}]/u.test(path) || path !== path.toWellFormed()) return 'with control characters';
  if (/^[A-Za-z]:[\\/]/.test(path) || path.startsWith('\\\\')) return 'that begins like one of Windows';
  return undefined;
}
