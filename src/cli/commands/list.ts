import { Command } from 'commander';
import { listPrograms } from '../../operations/list-programs.ts';
import type { Cli } from '../cli.ts';
import { renderPrograms } from '../render/listing.ts';
import { withCommon } from '../words.ts';
import { listAliasesCommand } from './alias.ts';
import { listEnginesCommand } from './engines.ts';
import { listEnvironmentsCommand } from './environment.ts';
import { listRunsCommand } from './list-runs.ts';
import { listSweepsCommand } from './list-sweeps.ts';
import { listTagsCommand } from './list-tags.ts';
import { listTargetsCommand } from './targets.ts';

/** `same list [programs]`, `same list runs`, `same list sweeps`, `same list tags`, `same list aliases`, `same list environments`, `same list engines`, `same list targets` */
export function listCommand(cli: Cli, noun: string): Command {
  if (noun === 'runs') return listRunsCommand(cli);
  if (noun === 'sweeps') return listSweepsCommand(cli);
  if (noun === 'environments') return listEnvironmentsCommand(cli);
  if (noun === 'aliases') return listAliasesCommand(cli);
  if (noun === 'tags') return listTagsCommand(cli);
  if (noun === 'engines') return listEnginesCommand(cli);
  if (noun === 'targets') return listTargetsCommand(cli);
  const command = new Command('list').description(
    'List stored programs. A version that was created from a folder or by commit and did not leave this home yet is soft: creating it again may replace it. Any other stays what it is.',
  );
  return withCommon(command, [
    'same list programs',
    'same list runs',
    'same list runs -n arXiv.1303.5778v1',
    'same list tags oci://registry.example.org/papers/arXiv.1303.5778v1',
    'same list aliases',
    'same list environments',
    'same list engines',
  ]).action(async () => {
    const programs = listPrograms(cli.ports());
    if (cli.json) cli.printJson('ProgramList', { items: programs });
    else if (programs.length > 0) {
      cli.print(renderPrograms(programs));
      if (programs.some(({ pin }) => pin === 'soft'))
        cli.say('(soft): creating it again from its folder may replace it, until it is exported or pushed');
    } else cli.say('no programs yet; make one with: same create program -f SOURCE');
  });
}
