import type { Finding } from '../errors/same-error.ts';
import { matchesGlob } from '../program/glob.ts';
import { printable } from './entry.ts';
import type { TreeFile } from './source.ts';

/** Names of files that hold credentials whatever is in them. */
const NAMES: [RegExp, string][] = [
  [/^\.env(?!\.(example|sample|template|dist|defaults)$)(\..+)?$/, 'a file of environment variables'],
  [/^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/, 'a private ssh key'],
  [/^\.(netrc|git-credentials|pgpass|htpasswd)$/, 'a file of credentials'],
];

/** Shapes of keys and tokens; each is linear, and none matches a mention of itself. */
const SHAPES: [RegExp, string][] = [
  [
    /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\r?\n|\\n)\s{0,8}(?:[A-Za-z0-9+/=]{16}|[A-Z][A-Za-z-]+:)/,
    'a private key',
  ],
  [/\b(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}\b/, 'an AWS access key'],
  [/\bgh[pousr]_[A-Za-z0-9]{36,255}\b/, 'a GitHub token'],
  [/\bgithub_pat_[A-Za-z0-9_]{22,255}\b/, 'a GitHub token'],
  [/\bglpat-[A-Za-z0-9_-]{20,}/, 'a GitLab token'],
  [/\bhf_[A-Za-z0-9]{34,}\b/, 'a Hugging Face token'],
  [/\bxox[abprs]-[A-Za-z0-9-]{20,}/, 'a Slack token'],
  [/\bAIza[A-Za-z0-9_-]{35}\b/, 'a Google API key'],
  [/\bsk-(?:ant-|proj-)[A-Za-z0-9_-]{32,}/, 'an API key'],
  [/\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}/, 'a PyPI token'],
  [/\bnpm_[A-Za-z0-9]{36}\b/, 'an npm token'],
];

/** Longer than any shape above: what the next chunk must be looked at together with. */
const OVERLAP = 512;

/**
 * Looks through files for keys, tokens and `.env` (spec bundle, threat 11). A finding names file and line, never the secret.
 * @param allowed paths or globs of files that may hold what looks like a secret.
 */
export async function scanSecrets(
  files: readonly TreeFile[],
  allowed: readonly string[] = [],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const file of files) {
    if (allowed.some((glob) => glob === file.path || matchesGlob(file.path, glob))) continue;
    const found = await secretIn(file);
    if (!found) continue;
    const path = printable(file.path);
    findings.push({
      code: 'SAME1213',
      message: `${path} ${found.line === undefined ? 'is' : 'seems to hold'} ${found.what}`,
      place: found.line === undefined ? path : `${path}:${found.line}`,
      hint: `take it out, or list ${path} in files.allowSecret`,
    });
  }
  return findings;
}

async function secretIn(file: TreeFile): Promise<{ what: string; line?: number } | undefined> {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const named = NAMES.find(([pattern]) => pattern.test(name));
  if (named) return { what: named[1] };
  let [carry, lines] = ['', 0];
  for await (const chunk of file.chunks()) {
    const text = carry + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    if (carry === '' && text.slice(0, 8192).includes('\0')) return undefined;
    for (const [pattern, what] of SHAPES) {
      const match = pattern.exec(text);
      if (match) return { what, line: lines + text.slice(0, match.index).split('\n').length };
    }
    lines += text.slice(0, -OVERLAP).split('\n').length - 1;
    carry = text.slice(-OVERLAP);
  }
  return undefined;
}
