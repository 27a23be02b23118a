import { sha256 } from '../bundle/canonical-json.ts';
import { type TarSource, writeTar } from '../bundle/canonical-tar.ts';
import { gzip } from '../bundle/gzip.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { LARGEST_TREE_LIST_BYTES, parseTreeList, treeDigest } from '../bundle/tree.ts';
import type { Artifact } from '../engines/engine.ts';
import type { CarriedArchive } from '../engines/kubernetes/compilation.ts';
import { SameError } from '../errors/same-error.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import { formatBytes } from '../program/quantity.ts';
import type { Ports } from './ports.ts';
import type { ProgramFiles } from './program-files.ts';

/** Bytes before packing of what is looked at whether it fits into an object of a cluster. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * The files that a step sees.
 * @param taken paths that its inputs and outputs take the place of
 */
export async function codeArchive(
  artifact: ProgramArtifact,
  files: ProgramFiles,
  step: PlannedStep,
  taken: readonly string[],
): Promise<CarriedArchive | undefined> {
  if (files.digestFor(step) === treeDigest([])) return undefined;
  const seen = parseTreeList(files.listFor(step)).filter(
    ({ path }) => !taken.some((place) => path === place || path.startsWith(`${place}/`)),
  );
  if (seen.length === 0) return undefined;
  const field = `pipeline.${step.group}.${step.name}.code`;
  refuseLarge(
    field,
    seen.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  return packed(
    'code',
    field,
    seen.map(({ path, executable, sizeBytes }) => ({
      path,
      executable,
      sizeBytes,
      read: () => artifact.readCode(path),
    })),
  );
}

/** Content of the store. */
export async function contentArchive(
  { content }: Pick<Ports, 'content'>,
  artifact: Artifact,
  field: string,
): Promise<CarriedArchive> {
  const { digest, sizeBytes, executable = false } = artifact;
  refuseLarge(field, sizeBytes);
  const read = (of: string) => () => content.read(of, MOST_BYTES);
  if (!digest.startsWith('tree:'))
    return packed('given', field, [{ path: 'content', executable, sizeBytes, read: read(digest) }]);
  const files = parseTreeList(await content.read(digest.slice('tree:'.length), LARGEST_TREE_LIST_BYTES));
  return packed(
    'given',
    field,
    files.map((file) => ({ ...file, path: `content/${file.path}`, read: read(file.digest) })),
  );
}

/** Data that the program carries. */
export async function dataArchive(
  artifact: ProgramArtifact,
  uri: string,
  field: string,
): Promise<CarriedArchive> {
  const place = uri.replace(/^\.\//, '').replace(/\/$/, '');
  const files = (await artifact.codeEntries()).filter(
    ({ path }) => path === place || path.startsWith(`${place}/`),
  );
  refuseLarge(
    field,
    files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  return packed(
    'given',
    field,
    files.map(({ path, executable, sizeBytes }) => ({
      path: `content${path.slice(place.length)}`,
      executable,
      sizeBytes,
      read: () => artifact.readCode(path),
    })),
  );
}

function refuseLarge(field: string, sizeBytes: number): void {
  if (sizeBytes <= MOST_BYTES) return;
  throw new SameError({
    code: 'SAME1016',
    message: `${field} cannot be carried to a cluster: its ${formatBytes(sizeBytes)} do not fit into one of its objects`,
    place: 'same.yaml',
    hint: 'let a step of the run fetch or make what is large',
  });
}

async function packed(
  kind: string,
  field: string,
  files: { path: string; executable: boolean; sizeBytes: number; read(): Promise<Buffer> }[],
): Promise<CarriedArchive> {
  const sources: TarSource[] = files.map(({ path, executable, sizeBytes, read }) => ({
    path,
    executable,
    sizeBytes,
    async *chunks() {
      yield await read();
    },
  }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of gzip(writeTar(sources))) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return {
    name: `${kind}-${sha256(bytes).slice('sha256:'.length, 'sha256:'.length + 12)}.tgz`,
    bytes,
    field,
  };
}
