import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { TreeFile } from '../sources/source.ts';

/** The packed files of a stored program (all but manifest and lock), to be packed again. */
export async function storedFiles(artifact: ProgramArtifact): Promise<TreeFile[]> {
  return (await artifact.codeEntries()).map(({ path, executable, sizeBytes }) => ({
    path,
    executable,
    sizeBytes,
    async *chunks() {
      yield await artifact.readCode(path);
    },
    bytes: () => artifact.readCode(path),
  }));
}
