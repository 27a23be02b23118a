import { Command } from 'commander';
import { deleteProgram, deleteRun } from '../../operations/delete.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';
import { deleteAliasCommand } from './alias.ts';

/** `same delete program NAME:VERSION`, `same delete run ID`, `same delete alias NAME` */
export function deleteCommand(cli: Cli, noun: string): Command {
  if (noun === 'alias') return deleteAliasCommand(cli);
  const command = new Command('delete')
    .description(
      noun === 'run'
        ? 'Remove the record and the logs of a run.'
        : 'Forget a program version. Its runs stay.',
    )
    .argument(noun === 'run' ? '<id>' : '<reference>');
  return withCommon(command, ['same delete program arXiv.1303.5778v1:1.0', 'same delete run 8f3a21']).action(
    async (what: string) => {
      const ports = cli.ports();
      if (noun === 'run') {
        const deleted = await deleteRun(ports, what);
        if (cli.json) cli.printJson('Deleted', deleted);
        else cli.print(`deleted run ${deleted.id}`);
        return;
      }
      const deleted = deleteProgram(ports, what);
      if (cli.json) cli.printJson('Deleted', deleted);
      else cli.print(`deleted ${deleted.name}:${deleted.version} (was ${deleted.digest})`);
    },
  );
}
