import { Command } from 'commander';
import { reindex } from '../../operations/reindex.ts';
import type { Cli } from '../cli.ts';
import { telling } from '../render/work-line.ts';
import { withCommon } from '../words.ts';

/** `same reindex` */
export function reindexCommand(cli: Cli): Command {
  const command = new Command('reindex').description(
    'Make the index of runs anew from their files, which are the only truth. Listings keep it up to date by themselves; this is for a home whose files were changed by hand.',
  );
  return withCommon(command, ['same reindex', 'same reindex --json']).action(async () => {
    const reindexed = await telling(cli, { doing: 'reading every run' }, () => reindex(cli.ports()));
    if (cli.json) return cli.printJson('Reindexed', { ...reindexed });
    const runs = `${reindexed.runs} ${reindexed.runs === 1 ? 'run' : 'runs'}`;
    if (reindexed.kept) cli.print(`${runs} in the index`);
    else cli.print(`${runs}; no index can be kept in this home, so each listing reads them all`);
  });
}
