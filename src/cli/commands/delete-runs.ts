import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import type { Cli } from '../cli.ts';
import { renderRuns } from '../render/listing.ts';
import { plainLine } from '../render/text.ts';
import { withCommon } from '../words.ts';

/** `same delete run ID …`, `same delete run --where FILTER [--yes]` */
export function deleteRunsCommand(cli: Cli): Command {
  const command = new Command('delete run')
    .description(
      'Remove the records and the logs of runs, and what was said of them. All that are named, or none.',
    )
    .argument('[ids...]', 'ids of runs, or parts of them')
    .option('--where <filter>', 'runs of yours that have ended and meet a filter, as in same list runs')
    .option('--yes', 'delete what the filter finds; without it that is only shown');
  return withCommon(command, [
    'same delete run 8f3a21',
    'same delete run 8f3a21 c04e77',
    "same delete run --where 'status = failed and startedAt < 2026-01-01'",
    "same delete run --where 'status = failed and startedAt < 2026-01-01' --yes",
  ]).action(async (ids: string[], { where, yes }: { where?: string; yes?: true }) => {
    refuseMixture(ids, where, yes);
    const { deletableRuns, deleteRuns } = await import('../../operations/delete-runs.ts');
    const ports = cli.ports();
    if (where === undefined) {
      const deleted = await deleteRuns(ports, ids);
      if (cli.json) cli.printJson('Deleted', deleted.length === 1 ? deleted[0]! : { items: deleted });
      else cli.print(deleted.map(({ id }) => `deleted run ${id}`).join('\n'));
      return sayWhatStays(cli);
    }
    const { rows, running, foreign } = await deletableRuns(ports, where);
    const deleted = yes
      ? await deleteRuns(
          ports,
          rows.map(({ id }) => id),
        )
      : [];
    if (cli.json) {
      if (deleted.length > 0) await sayWhatStays(cli);
      return cli.printJson('Deleted', {
        items: rows.map(({ id }) => ({ id })),
        deleted: yes === true,
        running,
        foreign,
      });
    }
    if (yes) for (const { id } of deleted) cli.print(`deleted run ${id}`);
    else if (rows.length > 0) cli.print(renderRuns(rows));
    if (rows.length === 0) cli.say('no run of yours that has ended meets the filter');
    else if (!yes)
      cli.say(
        `nothing is deleted yet; to delete ${rows.length === 1 ? 'it' : `these ${rows.length}`}: the same with --yes`,
      );
    if (running > 0)
      cli.say(`${running} that ${running === 1 ? 'goes' : 'go'} on ${running === 1 ? 'is' : 'are'} left`);
    if (deleted.length > 0) await sayWhatStays(cli);
    if (foreign > 0) cli.say(`${foreign} that came with programs ${foreign === 1 ? 'is' : 'are'} left`);
  });
}

/** A store keeps what it was told: it may be a team's. */
async function sayWhatStays(cli: Cli): Promise<void> {
  const store = await cli
    .ports()
    .metadataStore()
    .catch(() => undefined);
  if (store) cli.say(plainLine(`what ${store.address} was told of them stays there`));
}

function refuseMixture(ids: readonly string[], where: string | undefined, yes: true | undefined): void {
  const refuse = (message: string, hint: string) => {
    throw new SameError({ code: 'SAME1902', message, hint });
  };
  if (ids.length === 0 && where === undefined)
    refuse('delete run takes ids of runs or --where', 'list them with: same list runs');
  if (ids.length > 0 && where !== undefined)
    refuse('delete run takes ids of runs or --where, not both', 'leave out one of them');
  if (yes && where === undefined)
    refuse('--yes has nothing to do: runs that are named are deleted at once', 'leave it out');
}
