import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

/** What the runner was asked to do. */
export interface Options {
  adapters: string[];
  /** Only cases with this text. */
  filter?: string;
  jobs: number;
  /** Directory for reports. */
  report?: string;
  coverage: boolean;
  /** Directory of cases; undefined means those beside the runner. */
  cases?: string;
  timeoutMs: number;
}

/** Words on the command line that mean nothing. */
export class UsageError extends Error {}

/** The options, a line each. */
export const help = `node conformance/runner/main.ts --adapter COMMAND [--adapter COMMAND …]
  --adapter COMMAND    an implementation; once for each
  --filter TEXT        only cases whose "CHAPTER/FILE: NAME", verb or clauses contain TEXT
  --jobs N             so many at a time
  --report DIRECTORY   write report.json and junit.xml there
  --coverage           also fail when a clause has no case and no test elsewhere
  --cases DIRECTORY    other cases than conformance/v1
  --timeout SECONDS    the longest time for one case, 30 by default
`;

/** @throws UsageError */
export function parseOptions(words: string[]): Options {
  const values = parse(words);
  const number = (name: 'jobs' | 'timeout', absent: number): number => {
    const text = values[name];
    if (text === undefined) return absent;
    if (!/^[1-9][0-9]{0,3}$/.test(text))
      throw new UsageError(`--${name} must be a number, not ${JSON.stringify(text)}`);
    return Number(text);
  };
  const adapters = values.adapter ?? [];
  if (adapters.length === 0) throw new UsageError('say what to test: --adapter COMMAND');
  if (values.coverage && values.filter !== undefined)
    throw new UsageError('--coverage needs all cases, and --filter leaves some out');
  return {
    adapters,
    filter: values.filter,
    jobs: number('jobs', availableParallelism()),
    report: values.report,
    coverage: values.coverage ?? false,
    cases: values.cases,
    timeoutMs: number('timeout', 30) * 1000,
  };
}

function parse(words: string[]) {
  try {
    return parseArgs({
      args: words,
      strict: true,
      options: {
        adapter: { type: 'string', multiple: true },
        filter: { type: 'string' },
        jobs: { type: 'string' },
        report: { type: 'string' },
        coverage: { type: 'boolean' },
        cases: { type: 'string' },
        timeout: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
