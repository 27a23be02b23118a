import { canonicalJson } from '../../bundle/canonical-json.ts';
import { throwFindings } from '../../errors/same-error.ts';
import { type ByteString, bytesOf, type Desk } from './desk.ts';

/** A document's canonical form, when it is valid. */
export async function parse(
  desk: Desk,
  input: { document: 'program' | 'lock' | 'run'; bytes: ByteString },
): Promise<{ canonical: string }> {
  const ports = desk.open();
  const bytes = bytesOf(input.bytes);
  if (input.document === 'program') {
    const { value, findings } = await ports.parseManifest(bytes, 'same.yaml');
    throwFindings(findings);
    return { canonical: canonicalJson(value) };
  }
  if (input.document === 'lock') {
    const { lock, findings } = await ports.parseLock(bytes, 'same.lock');
    throwFindings(findings);
    return { canonical: canonicalJson(lock) };
  }
  const { value, findings } = await ports.parseDocument(bytes, 'run.json');
  throwFindings(findings);
  throwFindings(await ports.checkRunRecord(value, 'run.json'));
  return { canonical: canonicalJson(value) };
}
