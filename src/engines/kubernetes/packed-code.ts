import { type TarSource, writeTar } from '../../bundle/canonical-tar.ts';
import { gzip } from '../../bundle/gzip.ts';
import {
  closeSync,
  createReadStream,
  join,
  lstatSync,
  makeDirectories,
  mkdtempSync,
  openSync,
  readdirSync,
  removeTree,
  writeFully,
} from '../../host/files.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { EngineContext } from '../engine.ts';

/** Name of a step's packed code. */
export const CODE = 'code.tar.gz';

/**
 * Packs the files that a step sees.
 * @param taken paths that its inputs and outputs take the place of
 * @param use is given the path of the archive, which is gone when it has ended
 * @returns what that returns; undefined where the step sees no file
 */
export async function withPackedCode<T>(
  { workDirectory, placeCode }: Pick<EngineContext, 'workDirectory' | 'placeCode'>,
  step: PlannedStep,
  taken: readonly string[],
  use: (archive: string) => Promise<T>,
): Promise<T | undefined> {
  makeDirectories(workDirectory);
  const directory = mkdtempSync(join(workDirectory, 'code-'));
  try {
    const tree = join(directory, 'tree');
    makeDirectories(tree);
    await placeCode(step, tree);
    const files = filesBelow(tree).filter(
      (path) => !taken.some((place) => path === place || path.startsWith(`${place}/`)),
    );
    if (files.length === 0) return undefined;
    const archive = join(directory, CODE);
    const fd = openSync(archive, 'wx', 0o600);
    try {
      for await (const chunk of gzip(writeTar(files.map((path) => fileSource(join(tree, path), path)))))
        writeFully(fd, chunk);
    } finally {
      closeSync(fd);
    }
    return await use(archive);
  } finally {
    removeTree(directory);
  }
}

/** A file of this machine as an entry of an archive. */
export function fileSource(full: string, path: string): TarSource {
  const { size, mode } = lstatSync(full);
  return { path, executable: (mode & 0o100) !== 0, sizeBytes: size, chunks: () => createReadStream(full) };
}

function filesBelow(directory: string, prefix = ''): string[] {
  return readdirSync(join(directory, prefix), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(directory, path) : [path];
    });
}
