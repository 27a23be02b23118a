import type { Limits } from '../bundle/oci.ts';
import { type ProgramArtifact, packProgram } from '../bundle/program-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { Origin, SourceTree } from '../sources/source.ts';
import { completeLock } from './complete-lock.ts';
import type { Ports } from './ports.ts';
import { openProgramFiles } from './program-files.ts';
import { readSource } from './read-source.ts';

/** Packs a tree into a content store, with its lock completed where the source left it open. */
export async function packTree(
  ports: Ports,
  tree: SourceTree,
  content: ContentStore = ports.content,
  options: { dereference?: boolean; limits?: Partial<Limits> | undefined } = {},
): Promise<{ artifact: ProgramArtifact; origin: Origin }> {
  using temporary = ports.files.scratch();
  const { limits, ...how } = options;
  const source = await readSource(ports, tree, { workDirectory: temporary.path, ...how });
  const lock = await completeLock(ports, source, temporary.path);
  if (lock.added.length > 0) {
    ports.warn({
      code: 'SAME1503',
      message: `identity not reproducible from source: commit same.lock (${lock.added.join(', ')} locked just now)`,
      place: tree.label,
      hint: 'write it with: same lock -f FOLDER',
    });
  }
  const artifact = await packProgram({ ...source, ...(lock.lock ? { lock: lock.lock } : {}) }, content, {
    limits,
  });
  const pinned = Object.values(source.program.data ?? {}).some(
    ({ digest, size }) => digest ?? size !== undefined,
  );
  if (pinned) (await openProgramFiles(ports, artifact)).checkData();
  return { artifact, origin: source.origin };
}
