import { Command } from 'commander';
import { listPrograms } from '../../operations/list-programs.ts';
import { listRuns } from '../../operations/list-runs.ts';
import type { Cli } from '../cli.ts';
import { renderPrograms, renderRuns } from '../render/listing.ts';
import { withCommon } from '../words.ts';
import { listAliasesCommand } from './alias.ts';

/** `same list [programs]`, `same list runs`, `same list aliases` */
export function listCommand(cli: Cli, noun: string): Command {
  if (noun === 'aliases') return listAliasesCommand(cli);
  const command = new Command('list').description(
    noun === 'runs' ? 'List runs, newest first, those of authors marked.' : 'List stored programs.',
  );
  if (noun === 'runs') command.option('-n, --name <name>', 'only runs of NAME or NAME:VERSION');
  return withCommon(command, [
    'same list programs',
    'same list runs',
    'same list runs -n arXiv.1303.5778v1',
  ]).action(async (options: { name?: string }) => {
    const ports = cli.ports();
    if (noun === 'runs') {
      const runs = await listRuns(ports, options.name === undefined ? {} : { name: options.name });
      if (cli.json) cli.printJson('RunList', { items: runs.map(({ record, own }) => ({ ...record, own })) });
      else if (runs.length > 0) cli.print(renderRuns(runs));
      else cli.say('no runs yet; make one with: same run program NAME:VERSION');
      return;
    }
    const programs = listPrograms(ports);
    if (cli.json) cli.printJson('ProgramList', { items: programs });
    else if (programs.length > 0) cli.print(renderPrograms(programs));
    else cli.say('no programs yet; make one with: same create program -f SOURCE');
  });
}
