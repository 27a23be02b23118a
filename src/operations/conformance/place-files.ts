import type { Ports } from '../ports.ts';
import { bytesOf, type Files, once, Unsupported } from './desk.ts';

const LONGEST_SEGMENT_BYTES = 255;

/**
 * Writes the files of a request into a directory.
 * @throws Unsupported for a path that no directory can have beside the others, or not within it
 */
export async function placeFiles(ports: Ports, directory: string, files: Files): Promise<void> {
  for (const path of Object.keys(files)) {
    const isDirectory = Object.keys(files).some((other) => other.startsWith(`${path}/`));
    if (isDirectory || !isPlaceable(path))
      throw new Unsupported(`no file can be called ${JSON.stringify(path.slice(0, 100))}`);
  }
  for (const [path, file] of Object.entries(files)) {
    const executable = file.executable === true;
    await ports.files.place(directory, { path, executable, body: once(bytesOf(file)) });
  }
}

function isPlaceable(path: string): boolean {
  return (
    path.isWellFormed() &&
    !path.includes('\0') &&
    path
      .split('/')
      .every((part) => !['', '.', '..'].includes(part) && Buffer.byteLength(part) <= LONGEST_SEGMENT_BYTES)
  );
}
