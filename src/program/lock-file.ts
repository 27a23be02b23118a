import type { Finding } from '../errors/same-error.ts';
import { parseDocument, sortFindings } from './document.ts';
import type { Lock } from './lock.ts';
import { lockSchema } from './lock-schema.ts';
import { schemaFindings } from './schema-findings.ts';

/**
 * Reads and checks `same.lock`, which is JSON and otherwise held to what manifests are (SAME-PRG-001 to 005); everything
 * wrong with it is SAME1505, with its place.
 */
export function parseLock(
  bytes: Uint8Array,
  file: string,
  limitBytes?: number,
): { lock?: Lock; findings: Finding[] } {
  const document = parseDocument(bytes, file, limitBytes);
  if (document.findings.length === 0 && !isJson(bytes)) {
    const place = document.place([]);
    return refused([{ code: 'SAME1505', message: `${file} is YAML, but a lock is JSON`, place }]);
  }
  const result = lockSchema.safeParse(document.value);
  if (document.findings.length === 0 && result.success) return { lock: result.data, findings: [] };
  if (document.value === undefined || result.success) return refused(document.findings);
  const taken = new Set(document.findings.map(({ place }) => place));
  const fields = schemaFindings(result.error.issues, document.value, document, lockSchema);
  return refused([...document.findings, ...fields.filter(({ place }) => !taken.has(place))]);
}

function refused(findings: readonly Finding[]): { findings: Finding[] } {
  return {
    findings: sortFindings(findings).map((finding) => ({
      ...finding,
      code: 'SAME1505',
      hint: finding.hint ?? 'same lock writes it anew',
    })),
  };
}

/** The parser of documents takes YAML too. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}
