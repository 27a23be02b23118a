import type { Finding } from '../errors/same-error.ts';

/** Reads the `NAME=VALUE` of each `--set`; every word that is not so is a finding (SAME1902). */
export function readSetWords(words: readonly string[]): {
  values: { name: string; text: string }[];
  findings: Finding[];
} {
  const values: { name: string; text: string }[] = [];
  const findings: Finding[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) values.push({ name: word.slice(0, equals), text: word.slice(equals + 1) });
    else findings.push({ code: 'SAME1902', message: `--set takes NAME=VALUE, got "${word}"` });
  }
  return { values, findings };
}
