import { Command } from 'commander';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import { findRuns, recordsOf } from '../../operations/find-runs.ts';
import { listRemoteRuns } from '../../operations/list-remote-runs.ts';
import { refuseAccess } from '../../operations/registry-access.ts';
import { isRegistryText } from '../../operations/registry-address.ts';
import { type RunWords, readRunQuestion } from '../../operations/run-question.ts';
import type { RegistryAccess } from '../../registry/registry.ts';
import { runFields } from '../../runs/run-query.ts';
import { tagsOf } from '../../runs/run-row.ts';
import type { Cli } from '../cli.ts';
import { renderRemoteRuns, renderRuns } from '../render/listing.ts';
import {
  columnsFor,
  renderRunCsv,
  renderRunMarkdown,
  renderRunTable,
  runCells,
} from '../render/run-table.ts';
import { saidFields } from '../render/said.ts';
import { plain, plainLine } from '../render/text.ts';
import { type RegistryOptions, registryAccess, withCommon, withRegistry } from '../words.ts';

interface ListOptions extends RunWords, RegistryOptions {
  format?: string;
}

/** `same list runs [-n NAME[:VERSION]] [--where …]`, `same list runs oci://HOST/[NAMESPACE/]NAME[:VERSION]` */
export function listRunsCommand(cli: Cli): Command {
  const command = new Command('list runs')
    .description(
      `List runs, newest first, those of authors marked; or those that a registry has.

A filter compares fields of runs: ${runFields.join(', ')}, parameters.NAME, metrics.NAME, tags.NAME, an odd NAME in back-ticks: with = != < <= > >= like in, joined by and, or, not and brackets. In like, % is any text and _ any character. Text is quoted where it must be.`,
    )
    .argument('[reference]', 'oci://HOST/[NAMESPACE/]NAME[:VERSION]: runs in a registry')
    .option('-n, --name <name>', 'only runs of NAME or NAME:VERSION')
    .option('--where <filter>', 'only runs that meet a filter')
    .option('--sort <fields>', 'fields with commas between them; -FIELD is from high to low')
    .option(
      '--columns <fields>',
      'what to show, with commas between; parameters.*, metrics.*, tags.* for all',
    )
    .option('--limit <number>', `at most so many, or all; at a terminal ${AT_A_TERMINAL}`)
    .option('--format <format>', 'table, md, csv or json', 'table');
  return withRegistry(
    withCommon(command, [
      'same list runs',
      'same list runs -n arXiv.1303.5778v1',
      "same list runs --where 'parameters.lr < 0.01 and metrics.acc > 0.9 and status = succeeded' --sort -metrics.acc",
      'same list runs --where "tags.kept = yes or program like \'%5778%\'" --limit 10',
      'same list runs --columns id,status,parameters.*,metrics.acc --format csv > runs.csv',
      'same list runs oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
    ]),
  ).action(async (reference: string | undefined, options: ListOptions) => {
    const access = registryAccess(options);
    const { name, where, sort, columns, limit, format = 'table' } = options;
    const words = { name, where, sort, columns, limit };
    if (reference !== undefined) {
      refuseQuestion({ ...words, format: format === 'table' ? undefined : format }, reference);
      return listThere(cli, reference, access);
    }
    refuseAccess(access, 'the home');
    await listHere(cli, defined(words), formatOf(cli, format));
  });
}

/** Most runs that are listed where a person looks and asked for no number. */
const AT_A_TERMINAL = 50;

async function listHere(cli: Cli, words: RunWords, format: 'table' | 'md' | 'csv' | 'json'): Promise<void> {
  const isLook = format === 'table' && process.stdout.isTTY === true && words.limit === undefined;
  const question = readRunQuestion(isLook ? { ...words, limit: String(AT_A_TERMINAL) } : words);
  const ports = cli.ports();
  const { rows, total } = await findRuns(ports, question);
  const columns = columnsFor(rows, question.columns);
  if (format === 'json') {
    const items = question.columns
      ? runCells(rows, columns)
      : (await recordsOf(ports, rows)).map(({ record, own, elsewhere, ...said }) => ({
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
  else cli.print(question.columns ? renderRunTable(rows, columns) : renderRuns(rows));
  const more = total - rows.length;
  if (more > 0) cli.say(`and ${more} more; all of them with --limit all`);
}

function nothing({ name, where }: RunWords): string {
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

function defined(words: { [Name in keyof RunWords]: RunWords[Name] | undefined }): RunWords {
  return Object.fromEntries(Object.entries(words).filter(([, word]) => word !== undefined));
}

/** Nothing of a question is asked of a registry, which could not answer it. */
function refuseQuestion(words: Record<string, string | undefined>, reference: string): void {
  if (!isRegistryText(reference)) return;
  throwFindings(
    Object.entries(words).flatMap(([word, given]) =>
      given === undefined
        ? []
        : [
            {
              code: 'SAME1902' as const,
              message: `${word === 'name' ? '-n' : `--${word}`} is of runs here, and ${reference} is in a registry`,
              place: word === 'name' ? '-n' : `--${word}`,
              hint: 'leave it out, or pull the program first',
            },
          ],
    ),
  );
}

async function listThere(cli: Cli, reference: string, access: RegistryAccess): Promise<void> {
  if (!isRegistryText(reference)) {
    throw new SameError({
      code: 'SAME1902',
      message: `list runs takes oci://HOST/NAME, got "${reference}"`,
      hint: `for runs of a program here: same list runs -n ${reference}`,
    });
  }
  const runs = await listRemoteRuns(cli.ports(), { reference, access });
  if (cli.json) cli.printJson('RemoteRunList', { items: runs });
  else if (runs.length > 0) cli.print(renderRemoteRuns(runs));
  else {
    cli.say(
      `no runs are there beside ${plainLine(reference)} itself; those of versions it was made from: same show program ${plainLine(reference)}`,
    );
  }
}
