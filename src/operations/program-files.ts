import { canonicalBytes, sha256, sha256OfChunks } from '../bundle/canonical-json.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { type TreeEntry, treeDigest, treeList } from '../bundle/tree.ts';
import type { Artifact } from '../engines/engine.ts';
import { SameError } from '../errors/same-error.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import { matchesGlob } from '../program/glob.ts';
import { isAddress } from '../program/remote-data.ts';
import type { Environments, Ports } from './ports.ts';

/** Documents that no step sees unless its `code` names them (spec SAME-STP). */
const DOCUMENTS = new Set(['README.md', 'LICENSE', 'CITATION.cff']);

/** A stored program's files, as its steps may see them. */
export interface ProgramFiles {
  /** Digest of the files that the step sees, as a tree. */
  digestFor(step: PlannedStep): string;
  /** The list that it is the digest of. */
  listFor(step: PlannedStep): Buffer;
  place(step: PlannedStep, directory: string): Promise<void>;
  /** Digests of the declared data that the program carries. @throws SAME1301 another digest or size than declared */
  checkData(): Record<string, Artifact & { uri: string }>;
  /** The same, with the data put into the store for steps to link. */
  storeData(): Promise<Record<string, Artifact & { uri: string }>>;
}

/** The files that steps of one declaration see. */
interface SeenFiles {
  paths: ReadonlySet<string>;
  digest: string;
  list: Buffer;
}

/**
 * Reads and hashes the program's code layer once, in constant memory.
 * @param stored content in the store of data that lies elsewhere, by name; other data elsewhere is passed over
 */
export async function openProgramFiles(
  ports: Ports,
  artifact: ProgramArtifact,
  stored: Readonly<Record<string, Artifact>> = {},
): Promise<ProgramFiles> {
  const files: TreeEntry[] = [];
  for await (const { path, executable, sizeBytes, body } of artifact.codeStream()) {
    files.push({ path, executable, sizeBytes, digest: await sha256OfChunks(body) });
  }
  const pointers = Object.entries(artifact.program.data ?? {});
  const dataPaths = pointers.filter(([, { uri }]) => !isAddress(uri)).map(([, { uri }]) => normalPath(uri));
  const isData = (path: string) => dataPaths.some((data) => isBelow(path, data));
  const seenBy = ({ code: globs }: PlannedStep): SeenFiles => {
    const seen = globs
      ? files.filter(({ path }) => globs.some((glob) => matchesGlob(path, glob)))
      : files.filter(({ path }) => !DOCUMENTS.has(path) && !isData(path));
    return { paths: new Set(seen.map(({ path }) => path)), digest: treeDigest(seen), list: treeList(seen) };
  };
  // Steps see the same files more often than not.
  const known = new Map<string, SeenFiles>();
  const filesFor = (step: PlannedStep): SeenFiles => {
    const globs = step.code === undefined ? '' : JSON.stringify(step.code);
    let seen = known.get(globs);
    if (!seen) {
      seen = seenBy(step);
      known.set(globs, seen);
    }
    return seen;
  };
  const checkData = () =>
    Object.fromEntries(
      pointers.flatMap(([name, pointer]) => {
        const isHere = Object.hasOwn(stored, name);
        if (isAddress(pointer.uri) && !isHere) return [];
        const found = isHere ? stored[name]! : dataArtifact(files, normalPath(pointer.uri));
        refuseOtherData(name, found, pointer);
        return [[name, { ...found, uri: pointer.uri }]];
      }),
    );
  return {
    digestFor: (step) => filesFor(step).digest,
    listFor: (step) => filesFor(step).list,
    async place(step, directory) {
      const wanted = filesFor(step).paths;
      if (wanted.size === 0) return;
      for await (const file of artifact.codeStream()) {
        if (wanted.has(file.path)) await ports.files.place(directory, file);
      }
    },
    checkData,
    async storeData() {
      const data = checkData();
      if (pointers.length === 0) return data;
      for await (const { path, body } of artifact.codeStream())
        if (isData(path)) await ports.content.ingest(body);
      for (const path of dataPaths)
        if (!files.some((file) => file.path === path))
          await ports.content.write(treeList(filesBelow(files, path)));
      return data;
    },
  };
}

function dataArtifact(files: readonly TreeEntry[], path: string): Artifact {
  const single = files.find((file) => file.path === path);
  if (single) {
    const { digest, sizeBytes, executable } = single;
    return executable ? { digest, sizeBytes, executable } : { digest, sizeBytes };
  }
  const below = filesBelow(files, path);
  return {
    digest: treeDigest(below),
    sizeBytes: below.reduce((sum, file) => sum + file.sizeBytes, 0),
  };
}

/** The files of a directory of the program, by their paths in it. */
function filesBelow(files: readonly TreeEntry[], directory: string): TreeEntry[] {
  return files
    .filter(({ path }) => isBelow(path, directory))
    .map((file) => ({ ...file, path: file.path.slice(directory.length + 1) }));
}

function refuseOtherData(
  name: string,
  artifact: Artifact,
  pointer: { digest?: string; size?: number; uri: string },
): void {
  const wrong =
    pointer.digest !== undefined && pointer.digest !== artifact.digest
      ? `digest is ${artifact.digest}, declared ${pointer.digest}`
      : pointer.size !== undefined && pointer.size !== artifact.sizeBytes
        ? `size is ${artifact.sizeBytes} bytes, declared ${pointer.size}`
        : undefined;
  if (wrong) throw new SameError({ code: 'SAME1301', message: `data.${name}: ${wrong}`, place: pointer.uri });
}

/**
 * The environments of a stored program on this machine.
 * @param containers steps run in containers: an environment that has an image is that image
 * @param allowBuild packages may have to be built, which executes their code
 */
export function openProgramEnvironments(
  ports: Ports,
  artifact: ProgramArtifact,
  workDirectory: string,
  allowUnmet = false,
  containers = false,
  allowBuild = false,
): Environments {
  return ports.openEnvironments({
    allowBuild,
    allowUnmet,
    containers,
    codeFiles: () => artifact.codeStream(),
    program: artifact.program,
    lock: artifact.lock,
    readCode: async (path) => {
      const entries = await artifact.codeEntries();
      return entries.some((entry) => entry.path === path) ? artifact.readCode(path) : undefined;
    },
    workDirectory,
    signal: ports.cancel,
  });
}

/** sha256 over the canonical JSON of a value: the parts of a run's display id. */
export function digestOfValue(value: unknown): string {
  return sha256(canonicalBytes(value as never));
}

function normalPath(uri: string): string {
  return uri.replace(/^\.\//, '').replace(/\/$/, '');
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
