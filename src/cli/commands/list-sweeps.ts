import { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { renderSweep, renderSweeps } from '../render/sweep.ts';
import { withCommon } from '../words.ts';

/** `same list sweeps` */
export function listSweepsCommand(cli: Cli): Command {
  const command = new Command('list sweeps').description('List sweeps, newest first.');
  return withCommon(command, ['same list sweeps']).action(async () => {
    const ports = cli.ports();
    const { sweeps, findings } = (await ports.openSweeps()).survey();
    for (const finding of findings) ports.warn(finding);
    if (cli.json) cli.printJson('SweepList', { items: sweeps.map(({ record }) => record) });
    else if (sweeps.length > 0) cli.print(renderSweeps(sweeps));
    else cli.say('no sweeps yet; make one with: same sweep NAME:VERSION --PARAMETER=a,b');
  });
}

/** `same show sweep ID` */
export function showSweepCommand(cli: Cli): Command {
  const command = new Command('show sweep')
    .description('Show a sweep: what was searched, every trial with its run, the best first.')
    .argument('<id>', 'sweep id, a part of it, or latest');
  return withCommon(command, ['same show sweep latest']).action(async (id: string) => {
    const { record } = (await cli.ports().openSweeps()).get(id);
    if (cli.json) cli.printJson('Sweep', record);
    else cli.print(renderSweep(record, { all: true }));
  });
}
