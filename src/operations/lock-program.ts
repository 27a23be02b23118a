import { canonicalJson } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import { completeLock } from './complete-lock.ts';
import type { Ports } from './ports.ts';
import { readSource } from './read-source.ts';

/**
 * `same lock`: resolves what the sources leave open and writes `same.lock` into the folder. What is locked already
 * and still fits stays; entries of other platforms stay too.
 */
export async function lockProgram(
  ports: Ports,
  options: { source: string; update?: boolean },
): Promise<{ path: string; changed: boolean; added: string[] }> {
  using temporary = ports.files.temporary();
  using source = await ports.openSource(options.source, {
    workDirectory: temporary.path,
    signal: ports.cancel,
  });
  if (source.kind !== 'tree' || source.origin.kind !== 'directory') {
    throw new SameError({
      code: 'SAME1208',
      message: `${source.label} is no folder: same.lock is written beside same.yaml`,
    });
  }
  const read = await readSource(ports, source, { workDirectory: temporary.path });
  const { lock, added } = await completeLock(
    ports,
    options.update ? { ...read, lock: undefined } : read,
    temporary.path,
    true,
  );
  const path = `${ports.files.resolve(options.source)}/same.lock`;
  const text = `${canonicalJson((lock ?? { apiVersion: 'same/v1', kind: 'Lock' }) as unknown as JsonValue)}\n`;
  const changed = ports.files.read(path)?.toString('utf8') !== text;
  if (changed) ports.files.write(path, text);
  return { path, changed, added };
}
