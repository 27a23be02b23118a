import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommandError, killAdapters, openAdapter } from './adapter.ts';
import { buildArchive } from './archive-builder.ts';
import { openByteStrings } from './byte-string.ts';
import { type Case, CaseFileError, readCases } from './case-file.ts';
import { clausesOf, coverageProblems, type Elsewhere } from './coverage.ts';
import { help, type Options, parseOptions, UsageError } from './options.ts';
import { count, failureText, type Result, summaryText, writeReports } from './report.ts';
import { runCases } from './run-cases.ts';

const root = resolve(import.meta.dirname, '../..');

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const)
  process.once(signal, () => {
    killAdapters();
    process.exit(128 + number);
  });

process.exitCode = await main(process.argv.slice(2));

async function main(words: string[]): Promise<number> {
  try {
    if (words.includes('--help')) {
      process.stdout.write(help);
      return 0;
    }
    return await conformance(parseOptions(words));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CaseFileError || error instanceof CommandError))
      throw error;
    process.stderr.write(`${error.message}\n`);
    if (error instanceof UsageError) process.stderr.write(help);
    return 2;
  }
}

async function conformance(options: Options): Promise<number> {
  const directory = options.cases ?? join(root, 'conformance/v1');
  const all = readCases(directory);
  const { filter } = options;
  const cases = filter === undefined ? all : all.filter((each) => isMeant(each, filter));
  if (cases.length === 0)
    throw new UsageError(
      filter === undefined ? `no cases in ${directory}` : `no case has ${JSON.stringify(filter)}`,
    );
  const adapters = options.adapters.map((command) => openAdapter(command, options));
  const strings = openByteStrings({ golden: join(directory, 'golden'), buildArchive });
  const results = await runCases(cases, adapters, {
    jobs: options.jobs,
    strings,
    onResult: (result) => {
      if (isFailure(result)) process.stdout.write(failureText(result));
    },
  });
  const problems = options.coverage ? coverage(directory, all, results) : [];

  for (const problem of problems) process.stdout.write(`coverage ${problem}\n`);
  process.stdout.write(`\n${summaryText(results)}\n`);
  if (options.report !== undefined) writeReports(options.report, results, problems);
  const { pass, fail, error, skip, disabled } = count(results);
  const failed = fail + error + problems.length;
  process.stdout.write(`conformance: ${pass} passed, ${failed} failed, ${skip + disabled} skipped\n`);
  return failed > 0 || pass === 0 ? 1 : 0;
}

function isFailure({ outcome }: Result): boolean {
  return outcome === 'fail' || outcome === 'error';
}

function isMeant(each: Case, text: string): boolean {
  return [each.id, each.verb, ...each.clauses].some((place) => place.includes(text));
}

/** A case that every adapter skipped has shown nothing, so that it covers nothing. */
function coverage(directory: string, cases: readonly Case[], results: readonly Result[]): string[] {
  const shown = results.filter(({ outcome }) => outcome !== 'skip' && outcome !== 'disabled');
  const file = join(directory, 'elsewhere.json');
  return coverageProblems({
    clauses: clausesOf(join(root, 'spec/v1')),
    enabled: new Set(shown.flatMap((result) => result.case.clauses)),
    named: new Set(cases.flatMap(({ clauses }) => clauses)),
    elsewhere: existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Elsewhere>) : {},
    root,
  });
}
