import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a clause is held when no black box can see it. */
export interface Elsewhere {
  why: string;
  /** A test file of this repository. */
  test: string;
  /** The exact name of a test in it. */
  title: string;
}

/** The numbers of every clause in the chapters of a directory, in their order. */
export function clausesOf(directory: string): string[] {
  return globSync('*.md', { cwd: directory })
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(directory, file), 'utf8');
      return [...text.matchAll(/^\*\*(SAME-[A-Z]{3}-\d{3})\*\*/gm)].map(([, clause]) => clause!);
    });
}

/**
 * What is missing or wrong in the coverage of the specification, a line each.
 * @param clauses every clause
 * @param cases the clauses of cases that are not disabled, and of all cases
 * @param elsewhere the entries of elsewhere.json
 * @param root the directory that paths of tests begin at
 */
export function coverageProblems(options: {
  clauses: readonly string[];
  enabled: ReadonlySet<string>;
  named: ReadonlySet<string>;
  elsewhere: Record<string, Elsewhere>;
  root: string;
}): string[] {
  const { clauses, enabled, named, elsewhere, root } = options;
  const known = new Set(clauses);
  const uncovered = clauses
    .filter((clause) => !enabled.has(clause) && elsewhere[clause] === undefined)
    .map((clause) => `${clause} has no case and no entry in elsewhere.json`);
  const unknown = [...new Set([...named, ...Object.keys(elsewhere)])]
    .filter((clause) => !known.has(clause))
    .map((clause) => `${clause} is no clause of the specification`);
  const twice = Object.keys(elsewhere)
    .filter((clause) => enabled.has(clause))
    .map((clause) => `${clause} has cases, and an entry in elsewhere.json besides`);
  const wrong = Object.entries(elsewhere).flatMap(([clause, entry]) => entryProblems(clause, entry, root));
  return [...uncovered, ...unknown, ...twice, ...wrong];
}

function entryProblems(clause: string, entry: Elsewhere, root: string): string[] {
  const { why, test, title, ...others } = entry;
  if (
    ![why, test, title].every((text) => typeof text === 'string' && text !== '') ||
    Object.keys(others).length > 0
  )
    return [`${clause}: an entry of elsewhere.json has exactly why, test and title`];
  const file = join(root, test);
  if (!/^test\/[^.].*\.ts$/.test(test) || !existsSync(file)) return [`${clause}: there is no test ${test}`];
  return titlesOf(readFileSync(file, 'utf8')).has(title)
    ? []
    : [`${clause}: ${test} has no test ${JSON.stringify(title)}`];
}

/** The names of the tests in a file, as far as they are written out. */
export function titlesOf(text: string): Set<string> {
  const call = /\b(?:it|test)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
  return new Set(
    [...text.matchAll(call)].map(([, ...quoted]) =>
      (quoted.find((title) => title !== undefined) ?? '').replace(/\\(.)/g, '$1'),
    ),
  );
}
