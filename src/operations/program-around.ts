import type { Ports } from './ports.ts';

/**
 * Warns of what was written into the folder of a program: it would be packed with it the next time.
 * @param path what was written, as the user named it
 * @param doing how it got there, as in `get it elsewhere`
 */
export function warnOfProgram(ports: Ports, path: string, doing: string): void {
  const folder = programAround(ports, ports.files.resolve(path));
  if (folder === undefined) return;
  const name = path.split('/').findLast((part) => part !== '')!;
  ports.warn({
    code: 'SAME1902',
    message: `${path} is in the folder of a program (${folder}/same.yaml): the next create packs it with the program`,
    place: path,
    hint: `${doing} it elsewhere, like -o ${ports.files.resolve(`${folder}/..`)}/${name}, or add it to files.exclude in same.yaml`,
  });
}

/** The nearest folder above one that holds a program. */
function programAround(ports: Ports, path: string): string | undefined {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const folder = path.slice(0, at);
    if (ports.files.exists(`${folder}/same.yaml`)) return folder;
  }
  return undefined;
}
