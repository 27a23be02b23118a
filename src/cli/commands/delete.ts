import { Command } from 'commander';
import { deleteProgram, deleteSweep } from '../../operations/delete.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';
import { deleteAliasCommand } from './alias.ts';
import { deleteRunsCommand } from './delete-runs.ts';
import { deleteTargetCommand } from './targets.ts';

/** `same delete program NAME:VERSION`, `same delete run ID`, `same delete sweep ID`, `same delete alias NAME`, `same delete target NAME` */
export function deleteCommand(cli: Cli, noun: string): Command {
  if (noun === 'alias') return deleteAliasCommand(cli);
  if (noun === 'target') return deleteTargetCommand(cli);
  if (noun === 'run') return deleteRunsCommand(cli);
  const command = new Command('delete')
    .description(
      noun === 'sweep'
        ? 'Remove the record of a sweep. Its runs stay.'
        : 'Forget a program version. Its runs stay.',
    )
    .argument(noun === 'program' ? '<reference>' : '<id>');
  return withCommon(command, [
    'same delete program arXiv.1303.5778v1:1.0',
    'same delete run 8f3a21',
    'same delete sweep 01a2b3',
  ]).action(async (what: string) => {
    const ports = cli.ports();
    if (noun === 'sweep') {
      const deleted = await deleteSweep(ports, what);
      if (cli.json) cli.printJson('Deleted', deleted);
      else cli.print(`deleted sweep ${deleted.id}`);
      return;
    }
    const deleted = deleteProgram(ports, what);
    if (cli.json) cli.printJson('Deleted', deleted);
    else cli.print(`deleted ${deleted.name}:${deleted.version} (was ${deleted.digest})`);
  });
}
