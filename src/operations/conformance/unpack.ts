import { sha256 } from '../../bundle/canonical-json.ts';
import { LIMIT_NAMES } from '../../bundle/limits.ts';
import type { Limits } from '../../bundle/oci.ts';
import { comparePaths } from '../../bundle/portable-path.ts';
import { unpackProgram } from '../unpack-program.ts';
import { type ByteString, bytesOf, type Desk } from './desk.ts';

/** Limits of the protocol, by the names that they have on the command line. */
export type LimitNumbers = Partial<Record<string, number>>;

/** Writes the files of a bundle as a plain tree, and says what was written. */
export async function unpack(desk: Desk, input: { archive: ByteString; limits?: LimitNumbers }) {
  const ports = desk.open();
  const source = `${desk.directory}/bundle`;
  ports.files.write(source, bytesOf(input.archive));
  const directory = `${desk.directory}/unpacked`;
  const { digests } = await unpackProgram(ports, { source, directory, limits: limitsOf(input.limits) });
  const entries = [...ports.files.entries(directory)].sort((a, b) => comparePaths(a.path, b.path));
  const { program, index, archive } = digests!;
  return {
    digests: { program, index, archive },
    files: entries.map(({ path, executable, sizeBytes }) => ({
      path,
      mode: executable ? 0o755 : 0o644,
      size: sizeBytes,
      sha256: sha256(ports.files.read(`${directory}/${path}`)!).slice('sha256:'.length),
    })),
  };
}

/** The limits of the reader that a case sets. */
export function limitsOf(limits: LimitNumbers = {}): Partial<Limits> {
  const known = Object.entries(LIMIT_NAMES).filter(([, name]) => limits[name] !== undefined);
  return Object.fromEntries(known.map(([limit, name]) => [limit, limits[name]]));
}
