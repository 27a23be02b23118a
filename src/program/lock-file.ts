import type { Finding } from '../errors/same-error.ts';
import { parseDocument, sortFindings } from './document.ts';
import type { Lock } from './lock.ts';
import { lockSchema } from './lock-schema.ts';
import { schemaFindings } from './schema-findings.ts';

/** Reads and checks `same.lock`; everything wrong with it is SAME1505, with its place. */
export function parseLock(bytes: Uint8Array, file: string): { lock?: Lock; findings: Finding[] } {
  const document = parseDocument(bytes, file);
  const result = lockSchema.safeParse(document.value);
  if (document.findings.length === 0 && result.success) return { lock: result.data, findings: [] };
  const findings =
    document.value === undefined || result.success
      ? document.findings
      : [...document.findings, ...schemaFindings(result.error.issues, document.value, document, lockSchema)];
  return {
    findings: sortFindings(findings).map((finding) => ({
      ...finding,
      code: 'SAME1505',
      hint: finding.hint ?? 'same lock writes it anew',
    })),
  };
}
