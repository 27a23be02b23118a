import { Command } from 'commander';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import { listRemoteRuns } from '../../operations/list-remote-runs.ts';
import { refuseAccess } from '../../operations/registry-access.ts';
import { isRegistryText } from '../../operations/registry-address.ts';
import type { RegistryAccess } from '../../registry/registry.ts';
import { runFields } from '../../runs/run-query.ts';
import type { Cli } from '../cli.ts';
import { type ListWords, listOptions } from '../list-words.ts';
import { renderRemoteRuns } from '../render/listing.ts';
import { plainLine } from '../render/text.ts';
import { type RegistryOptions, registryAccess, withCommon, withRegistry } from '../words.ts';
import { listStoredRuns } from './list-stored-runs.ts';
import { listTeamRuns } from './list-team-runs.ts';

interface ListOptions extends ListWords, RegistryOptions {
  store?: boolean;
}

/** `same list runs [-n NAME[:VERSION]] [--where …]`, `same list runs oci://HOST/[NAMESPACE/]NAME[:VERSION]` */
export function listRunsCommand(cli: Cli): Command {
  const command = new Command('list runs')
    .description(
      `List runs, newest first, those of authors marked; or those that a registry has.

A filter compares fields of runs: ${runFields.join(', ')}, parameters.NAME, metrics.NAME, tags.NAME, an odd NAME in back-ticks: with = != < <= > >= like in, joined by and, or, not and brackets. In like, % is any text and _ any character. Text is quoted where it must be.`,
    )
    .argument('[reference]', 'oci://HOST/[NAMESPACE/]NAME[:VERSION]: runs in a registry');
  for (const { flags, help, otherwise } of Object.values(listOptions)) command.option(flags, help, otherwise);
  command.option('--store', 'runs of all who tell theirs to the store that is set, not those of the home');
  return withRegistry(
    withCommon(command, [
      'same list runs',
      'same list runs -n arXiv.1303.5778v1',
      "same list runs --where 'parameters.lr < 0.01 and metrics.acc > 0.9 and status = succeeded' --sort -metrics.acc",
      'same list runs --where "tags.kept = yes or program like \'%5778%\'" --limit 10',
      'same list runs --columns id,status,parameters.*,metrics.acc --format csv > runs.csv',
      'same list runs --within latest --sort metrics.loss --columns id,display,parameters.*,metrics.loss',
      "same list runs --store --where 'program = study' --sort -metrics.acc --limit 10",
      'same list runs oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
    ]),
  ).action(async (reference: string | undefined, options: ListOptions) => {
    const access = registryAccess(options);
    const words: ListWords = Object.fromEntries(
      Object.entries(options).filter(([word]) => Object.hasOwn(listOptions, word)),
    );
    if (reference !== undefined) {
      const { format, ...question } = words;
      const asked = format === 'table' ? question : words;
      refuseQuestion(options.store ? { ...asked, store: true } : asked, reference);
      return listThere(cli, reference, access);
    }
    refuseAccess(access, 'the home');
    await (options.store ? listTeamRuns(cli, words) : listStoredRuns(cli, words));
  });
}

/** Nothing of a question is asked of a registry, which could not answer it. */
function refuseQuestion(words: ListWords & { store?: boolean }, reference: string): void {
  if (!isRegistryText(reference)) return;
  throwFindings(
    Object.keys(words).map((word) => ({
      code: 'SAME1902',
      message: `${word === 'name' ? '-n' : `--${word}`} is of runs here, and ${reference} is in a registry`,
      place: word === 'name' ? '-n' : `--${word}`,
      hint: 'leave it out, or pull the program first',
    })),
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
