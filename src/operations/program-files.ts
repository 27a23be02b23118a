import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { treeList } from '../bundle/tree.ts';
import type { Artifact } from '../engines/engine.ts';
import { SameError } from '../errors/same-error.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import { matchesGlob } from '../program/glob.ts';
import type { Program } from '../program/schema.ts';
import type { Environments, Ports } from './ports.ts';

/** Documents that no step sees unless its `code` names them (spec SAME-STP). */
const DOCUMENTS = new Set(['README.md', 'LICENSE', 'CITATION.cff']);

interface CodeFile {
  path: string;
  executable: boolean;
  sizeBytes: number;
  digest: string;
  bytes: Buffer;
}

/** A stored program's files, as its steps may see them. */
export interface ProgramFiles {
  /** Digest of the files that the step sees, as a tree. */
  digestFor(step: PlannedStep): string;
  place(step: PlannedStep, directory: string): void;
  /** Declared data that the program carries, put into the store. @throws SAME1301 another digest than declared */
  data(program: Program): Promise<Record<string, Artifact & { uri: string }>>;
}

/** Reads the program's code layer once. */
export async function openProgramFiles(ports: Ports, artifact: ProgramArtifact): Promise<ProgramFiles> {
  const files: CodeFile[] = [];
  for (const entry of await artifact.codeEntries()) {
    const bytes = await artifact.readCode(entry.path);
    files.push({ ...entry, digest: sha256(bytes), bytes });
  }
  const dataPaths = Object.values(artifact.program.data ?? {}).map(({ uri }) => normalPath(uri));
  const chosen = new Map<string, CodeFile[]>();
  const filesFor = (step: PlannedStep): CodeFile[] => {
    const known = chosen.get(step.name);
    if (known) return known;
    const globs = step.code;
    const list = globs
      ? files.filter(({ path }) => globs.some((glob) => matchesGlob(path, glob)))
      : files.filter(({ path }) => !DOCUMENTS.has(path) && !dataPaths.some((data) => isBelow(path, data)));
    chosen.set(step.name, list);
    return list;
  };
  return {
    digestFor: (step) => `tree:${sha256(treeList(filesFor(step)))}`,
    place: (step, directory) => ports.files.place(directory, filesFor(step)),
    async data(program) {
      const entries: [string, Artifact & { uri: string }][] = [];
      for (const [name, pointer] of Object.entries(program.data ?? {})) {
        const artifact = await storeData(ports, files, normalPath(pointer.uri));
        checkData(name, artifact, pointer);
        entries.push([name, { ...artifact, uri: pointer.uri }]);
      }
      return Object.fromEntries(entries);
    },
  };
}

async function storeData(ports: Ports, files: readonly CodeFile[], path: string): Promise<Artifact> {
  const single = files.find((file) => file.path === path);
  if (single) {
    await ports.content.write(single.bytes);
    const { digest, sizeBytes, executable } = single;
    return executable ? { digest, sizeBytes, executable } : { digest, sizeBytes };
  }
  const below = files
    .filter((file) => isBelow(file.path, path))
    .map((file) => ({ ...file, path: file.path.slice(path.length + 1) }));
  for (const { bytes } of below) await ports.content.write(bytes);
  const list = await ports.content.write(treeList(below));
  return { digest: `tree:${list.digest}`, sizeBytes: below.reduce((sum, file) => sum + file.sizeBytes, 0) };
}

function checkData(
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

/** The environments of a stored program on this machine. */
export function openProgramEnvironments(
  ports: Ports,
  artifact: ProgramArtifact,
  workDirectory: string,
  allowUnmet = false,
): Environments {
  return ports.openEnvironments({
    allowUnmet,
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
