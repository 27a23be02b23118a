import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Rig, RunOptions } from './rig.ts';

/** What any command makes in an empty home; empty, it holds nothing. */
const scaffold = [
  '',
  'work/',
  'content/',
  'content/ingest/',
  'content/blobs/',
  'content/blobs/sha256/',
  'home/',
];

/** Every file and directory below a directory with mode and digest; `cache/` and the index may change whenever they like. */
export function listing(directory: string): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    const name = relative(directory, path);
    if (/^(home\/)?(cache|index-[0-9a-f]+\.sqlite.*)$/.test(name)) return;
    if (stat.isDirectory()) {
      if (!scaffold.includes(name.replace(/^home\//, '').replace(/(?<=.)$/, '/'))) lines.push(`${name}/`);
      for (const child of readdirSync(path).sort()) visit(join(path, child));
      return;
    }
    const bytes = stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
    lines.push(
      `${name} ${(stat.mode & 0o777).toString(8)} ${createHash('sha256').update(bytes).digest('hex')}`,
    );
  };
  visit(directory);
  return lines;
}

/** A refusal that is wanted. */
export interface Refusal extends RunOptions {
  /** The codes of all findings in order, or the only one. */
  code: string | string[];
  exit?: number;
  /** Something that the places, messages, hints must hold: of the findings joined by line feeds. */
  place?: string | RegExp;
  message?: string | RegExp;
  hint?: string | RegExp;
}

/** A finding as `--json` prints it. */
export interface ShownFinding {
  code: string;
  message: string;
  place?: string;
  hint?: string;
}

/**
 * Runs a command that must be refused, with `--json`: once, since findings go to stderr as lines all the same. Checks
 * the document, the lines, the exit code, and that neither the home nor the working directory has changed.
 */
export async function assertRefused(rig: Rig, words: string[], wanted: Refusal): Promise<ShownFinding[]> {
  const { code, exit = 2, place, message, hint, ...options } = wanted;
  const places = [...new Set([rig.home, options.cwd ?? rig.root])];
  const before = places.map(listing);
  const dashes = words.indexOf('--');
  const told = dashes < 0 ? [...words, '--json'] : words.toSpliced(dashes, 0, '--json');
  const ended = await rig.same(told, options);
  const label = `same ${told.join(' ')}\n${ended.stdout}${ended.stderr}`;
  assert.ok(ended.stdout.startsWith('{'), `no JSON document: ${label}`);
  const document = ended.json();
  assert.equal(document.apiVersion, 'same/v1', label);
  assert.equal(document.kind, 'Error', label);
  assert.equal(document.exitCode, exit, label);
  assert.equal(ended.code, exit, label);
  const findings = document.findings as ShownFinding[];
  const codes = findings.map((finding) => finding.code);
  assert.deepEqual(codes, typeof code === 'string' ? [code] : code, label);
  const lines = ended.stderr.split('\n').filter((line) => /^SAME\d{4} /.test(line));
  assert.deepEqual(
    lines.map((line) => line.slice(0, 8)),
    codes,
    `one line each, code first: ${label}`,
  );
  const all = (key: 'place' | 'message' | 'hint') => findings.map((finding) => finding[key] ?? '').join('\n');
  const holds = (key: 'place' | 'message' | 'hint', part: string | RegExp | undefined) => {
    if (part === undefined) return;
    const text = all(key);
    assert.ok(
      typeof part === 'string' ? text.includes(part) : part.test(text),
      `${key} lacks ${part}: ${label}`,
    );
  };
  holds('place', place);
  holds('message', message);
  holds('hint', hint);
  assert.deepEqual(places.map(listing), before, `it changed something: ${label}`);
  return findings;
}
