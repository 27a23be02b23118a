import { sha256OfChunks } from '../bundle/canonical-json.ts';
import { type TreeEntry, treeDigest } from '../bundle/tree.ts';
import { SameError } from '../errors/same-error.ts';
import {
  chmodSync,
  closeSync,
  dirname,
  join,
  MATERIALISED_AT_S,
  makeDirectories,
  openSync,
  utimesSync,
  writeFully,
} from '../host/files.ts';
import type { Environment } from '../program/schema.ts';
import type { CodeFile, CodeFiles, ContainerImage } from './environment.ts';

/**
 * The image of an environment that has one, and what identifies it (spec SAME-PIP-066, 067).
 * @throws SAME1009 the Dockerfile is not in the program
 */
export async function containerImage(
  name: string,
  { image, dockerfile, requires }: Environment,
  codeFiles: CodeFiles,
): Promise<{ container: ContainerImage; key: string; said: string } | undefined> {
  const commands = requires?.commands ?? [];
  if (image !== undefined) {
    const key = `image:${image.slice(image.indexOf('@') + 1)}`;
    return { container: { image, requires: commands }, key, said: image };
  }
  if (dockerfile === undefined) return undefined;
  const path = dockerfile.split('/').filter((part) => part !== '' && part !== '.');
  const directory = path.slice(0, -1).map((part) => `${part}/`);
  const isBelow = (file: string) => file.startsWith(directory.join(''));
  const within = (file: string) => file.slice(directory.join('').length);
  const entries: TreeEntry[] = [];
  for await (const { path: file, executable, sizeBytes, body } of codeFiles()) {
    if (!isBelow(file)) continue;
    entries.push({ path: within(file), executable, sizeBytes, digest: await sha256OfChunks(body) });
  }
  const own = path.at(-1)!;
  if (!entries.some((entry) => entry.path === own)) {
    throw new SameError({
      code: 'SAME1009',
      message: `environments.${name}.dockerfile: there is no ${dockerfile} among the program's files`,
    });
  }
  const digest = treeDigest(entries);
  const place = async (into: string): Promise<void> => {
    for await (const file of codeFiles())
      if (isBelow(file.path)) await writeFile(join(into, within(file.path)), file);
  };
  return {
    container: { dockerfile: own, context: { digest, place }, requires: commands },
    key: `dockerfile:${digest}`,
    said: `${dockerfile} (${digest})`,
  };
}

async function writeFile(path: string, { executable, body }: CodeFile): Promise<void> {
  const mode = executable ? 0o755 : 0o644;
  makeDirectories(dirname(path));
  const fd = openSync(path, 'wx', mode);
  try {
    for await (const chunk of body) writeFully(fd, chunk);
  } finally {
    closeSync(fd);
  }
  // The mode of open is cut by the caller's umask.
  chmodSync(path, mode);
  utimesSync(path, MATERIALISED_AT_S, MATERIALISED_AT_S);
}
