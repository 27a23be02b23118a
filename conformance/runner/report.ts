import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from './case-file.ts';

/** What became of a case. */
export type Outcome = 'pass' | 'fail' | 'error' | 'skip' | 'disabled';

/** One case with one adapter. */
export interface Result {
  adapter: string;
  case: Case;
  outcome: Outcome;
  durationMs: number;
  /** What differs, or why there is no reply, or why it was not run. */
  details: string[];
}

/** How many cases had each outcome. */
export type Counts = Record<Outcome, number>;

/** @returns how many results had each outcome */
export function count(results: readonly Result[]): Counts {
  const counts: Counts = { pass: 0, fail: 0, error: 0, skip: 0, disabled: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/** One line for a case that failed, and what differs below it. */
export function failureText({ adapter, case: each, outcome, details }: Result): string {
  const lines = details.flatMap((detail) => detail.split('\n')).map((line) => `    ${line}\n`);
  return `${outcome} ${each.id} [${each.verb}; ${each.clauses.join(', ')}] with ${adapter}\n${lines.join('')}`;
}

/** A table of counts for each adapter, a row for each chapter. */
export function summaryText(results: readonly Result[]): string {
  return [...Map.groupBy(results, ({ adapter }) => adapter)]
    .map(([adapter, own]) => {
      const chapters = [...Map.groupBy(own, (each) => each.case.chapter)];
      const rows = [...chapters, ['all', own] as const].map(([name, list]) => {
        const counts = Object.entries(count(list)).map(
          ([outcome, number]) => `${String(number).padStart(6)} ${outcome}`,
        );
        return `  ${name.padEnd(14)}${counts.join('')}\n`;
      });
      return `${adapter}\n${rows.join('')}`;
    })
    .join('\n');
}

/** Writes `report.json` and `junit.xml` into a directory, which is made. */
export function writeReports(
  directory: string,
  results: readonly Result[],
  problems: readonly string[],
): void {
  mkdirSync(directory, { recursive: true });
  const plain = results.map(({ adapter, case: each, outcome, durationMs, details }) => ({
    adapter,
    case: each.id,
    chapter: each.chapter,
    verb: each.verb,
    clauses: each.clauses,
    outcome,
    durationMs,
    details,
  }));
  const document = { kind: 'ConformanceReport', counts: count(results), coverage: problems, results: plain };
  writeFileSync(join(directory, 'report.json'), `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(join(directory, 'junit.xml'), junit(results));
}

function junit(results: readonly Result[]): string {
  const suites = [...Map.groupBy(results, (each) => `${each.adapter} ${each.case.chapter}`)].map(
    ([name, own]) => {
      const counts = count(own);
      const seconds = own.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
      return `  <testsuite name="${xml(name)}" tests="${own.length}" failures="${counts.fail}" errors="${counts.error}" skipped="${counts.skip + counts.disabled}" time="${seconds.toFixed(3)}">\n${own.map(junitCase).join('')}  </testsuite>\n`;
    },
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function junitCase({ adapter, case: each, outcome, durationMs, details }: Result): string {
  const element = { pass: '', fail: 'failure', error: 'error', skip: 'skipped', disabled: 'skipped' }[
    outcome
  ];
  const body = element ? `\n      <${element} message="${xml(details.join('\n'))}"/>\n    ` : '';
  return `    <testcase classname="${xml(adapter)}" name="${xml(each.id)}" time="${(durationMs / 1000).toFixed(3)}">${body}</testcase>\n`;
}

/** Text as XML 1.0 can hold it. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
