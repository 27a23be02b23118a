import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ByteStrings, requestBytes } from './byte-string.ts';
import { schemaProblems } from './schema.ts';

/** What a case expects: one of `result`, `contains` and `findings`. */
export interface Expectation {
  result?: unknown;
  contains?: unknown;
  findings?: { code: string; clause?: string; place?: string }[];
  /** Exit code beside findings, for `run`. */
  exit?: number;
}

/** One case, and where it stands. */
export interface Case {
  /** `CHAPTER/FILE: NAME`. */
  id: string;
  chapter: string;
  name: string;
  clauses: string[];
  verb: string;
  input: Record<string, unknown>;
  expect: Expectation;
  disabled?: string;
}

/** Case files that are not as the schema says, or cases that cannot be told apart: one line each. */
export class CaseFileError extends Error {}

const schema = resolve(import.meta.dirname, '../case.schema.json');

/** Files in the directory of cases that hold none. */
const others = ['elsewhere.json'];

/**
 * Reads every case below a directory.
 * @throws CaseFileError with every problem of every file
 */
export function readCases(directory: string): Case[] {
  const problems: string[] = [];
  const cases = globSync('**/*.json', { cwd: directory, exclude: others })
    .sort()
    .flatMap((file) => casesOf(directory, file, problems));
  if (problems.length > 0) throw new CaseFileError(problems.join('\n'));
  return cases;
}

function casesOf(directory: string, file: string, problems: string[]): Case[] {
  let document: { chapter: string; cases: Omit<Case, 'id' | 'chapter'>[] };
  try {
    document = JSON.parse(readFileSync(join(directory, file), 'utf8'));
  } catch (error) {
    problems.push(`${file}: ${(error as Error).message}`);
    return [];
  }
  const wrong = schemaProblems(document, schema);
  if (wrong.length > 0) {
    problems.push(
      ...wrong.map((line) => `${file}${line.replace(/^(?!\/)/, ' ')}`.replace('.json/', '.json /')),
    );
    return [];
  }
  const [room] = file.split('/');
  if (room !== document.chapter)
    problems.push(`${file} /chapter: is ${document.chapter}, in the directory ${room}`);
  const names = new Set<string>();
  return document.cases.map((each) => {
    if (names.has(each.name)) problems.push(`${file}: two cases are called ${JSON.stringify(each.name)}`);
    names.add(each.name);
    return { ...each, chapter: document.chapter, id: `${file.replace(/\.json$/, '')}: ${each.name}` };
  });
}

/** A case's input as an adapter gets it: every byte string as text or base64. */
export function requestInput(input: Record<string, unknown>, verb: string, strings: ByteStrings): object {
  const bytes = (value: unknown) => requestBytes(strings.bytes(value));
  const files = (value: unknown) =>
    mapped(value as object, (file) => ({
      ...bytes(file),
      ...((file as { executable?: boolean }).executable ? { executable: true } : {}),
    }));
  const member = ([name, value]: [string, unknown]): [string, unknown] => {
    if (['bytes', 'archive', 'manifest', 'parametersFile'].includes(name)) return [name, bytes(value)];
    if (name === 'files') return [name, files(value)];
    if (name === 'ancestors')
      return [name, (value as { files: object }[]).map((each) => ({ files: files(each.files) }))];
    if (name === 'data' && verb === 'pack') return [name, mapped(value as object, bytes)];
    return [name, value];
  };
  return Object.fromEntries(Object.entries(input).map(member));
}

function mapped(value: object, change: (member: unknown) => unknown): object {
  // A path may be called __proto__: as a plain member it would be lost.
  const entries = Object.entries(value).map(([name, member]) => [name, change(member)]);
  return Object.fromEntries(entries);
}
