import { SameError } from '../../errors/same-error.ts';
import { findRuns, recordsOf, type ToldRun } from '../../operations/find-runs.ts';
import type { Ports } from '../../operations/ports.ts';
import { type RunColumn, type RunQuestion, readRunQuestion } from '../../operations/run-question.ts';
import type { RunRow, RunRows } from '../../runs/run-query.ts';
import { tagsOf } from '../../runs/run-row.ts';
import type { Cli } from '../cli.ts';
import { AT_A_TERMINAL, type ListWords } from '../list-words.ts';
import { renderRuns } from '../render/listing.ts';
import {
  columnsFor,
  renderRunCsv,
  renderRunMarkdown,
  renderRunTable,
  runCells,
} from '../render/run-table.ts';
import { saidFields } from '../render/said.ts';
import { plain, plainLine } from '../render/text.ts';

/** What tells runs within one apart. */
const WITHIN: RunColumn[] = [
  { of: 'run', name: 'id' },
  { of: 'run', name: 'display' },
  { of: 'run', name: 'status' },
  { all: 'parameters' },
  { all: 'metrics' },
];

/** Where the runs of a listing are. */
export interface ListedRuns {
  find(question: RunQuestion): Promise<RunRows>;
  records(rows: readonly RunRow[]): Promise<ToldRun[]>;
  /** What is said of runs that are not in the home that asks. */
  others?: string;
}

/**
 * `same list runs` of the home, once its words are told apart.
 * @param runs others than those of the home
 * @throws SAME1902 with what is wrong with them
 */
export async function listStoredRuns(
  cli: Cli,
  { format: asked = 'table', ...words }: ListWords,
  runs?: ListedRuns,
): Promise<void> {
  const format = formatOf(cli, asked);
  const isLook = format === 'table' && process.stdout.isTTY === true && words.limit === undefined;
  const question = readRunQuestion(isLook ? { ...words, limit: String(AT_A_TERMINAL) } : words);
  const { find, records } = runs ?? ofHome(cli.ports());
  if (format !== 'json') question.query.uncounted = true;
  const { rows, total, uncounted } = await find(question);
  const asTable = question.columns ?? (words.within === undefined ? undefined : WITHIN);
  const columns = columnsFor(rows, format === 'table' ? asTable : question.columns);
  if (format === 'json') {
    const items = question.columns
      ? runCells(rows, columns)
      : (await records(rows)).map(({ record, own, elsewhere, ...said }) => ({
          ...record,
          own,
          ...(elsewhere ? { elsewhere } : {}),
          ...saidFields({ ...said, tags: tagsOf(record, said.tags) }),
        }));
    return cli.printJson('RunList', { total, items });
  }
  if (format === 'csv')
    cli.print(process.stdout.isTTY ? plain(renderRunCsv(rows, columns)) : renderRunCsv(rows, columns));
  else if (rows.length === 0) cli.say(nothing(words));
  else if (format === 'md') cli.print(renderRunMarkdown(rows, columns));
  else cli.print(asTable ? renderRunTable(rows, columns) : renderRuns(rows, runs?.others));
  const more = total - rows.length;
  if (uncounted) cli.say('and maybe more; all of them with --limit all');
  else if (more > 0) cli.say(`and ${more} more; all of them with --limit all`);
}

function ofHome(ports: Ports): ListedRuns {
  return {
    async find(question) {
      const { within } = question;
      if (within === undefined) return findRuns(ports, question);
      return (await import('../../operations/runs-within.ts')).findRunsWithin(ports, question, within);
    },
    records: (rows) => recordsOf(ports, rows),
  };
}

function nothing({ name, where, within }: ListWords): string {
  if (within !== undefined)
    return `no run within ${plainLine(within)}${where === undefined ? '' : ' meets the filter'}`;
  if (where !== undefined) return 'no run meets the filter';
  return name === undefined
    ? 'no runs yet; make one with: same run program NAME:VERSION'
    : `no runs of ${plainLine(name)} yet; all runs: same list runs`;
}

function formatOf(cli: Cli, format: string): 'table' | 'md' | 'csv' | 'json' {
  const known = ['table', 'md', 'csv', 'json'] as const;
  const chosen = known.find((one) => one === format);
  if (chosen === undefined || (cli.json && chosen !== 'table' && chosen !== 'json')) {
    throw new SameError({
      code: 'SAME1902',
      message: chosen
        ? `--json is a format, and so is --format ${format}`
        : `there is no format ${JSON.stringify(format)}`,
      place: '--format',
      hint: chosen ? 'leave out one of them' : `formats: ${known.join(', ')}`,
    });
  }
  return cli.json ? 'json' : chosen;
}
