import { canonicalJson } from '../../bundle/canonical-json.ts';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import { type ByteString, bytesOf, type Desk } from './desk.ts';

/** The canonical form of a JSON text. */
export async function canonicalize(desk: Desk, input: { bytes: ByteString }): Promise<{ canonical: string }> {
  const bytes = bytesOf(input.bytes);
  const { value, findings } = await desk.open().parseDocument(bytes, 'document.json');
  throwFindings(findings);
  try {
    // The parser of documents takes YAML too.
    JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new SameError({ code: 'SAME1001', message: 'not a JSON text' }, { cause });
  }
  return { canonical: canonicalJson(value) };
}
