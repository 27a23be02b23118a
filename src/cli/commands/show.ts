import { Command } from 'commander';
import { parseLimits } from '../../operations/limits.ts';
import { showProgram } from '../../operations/show-program.ts';
import { showRun } from '../../operations/show-run.ts';
import type { Cli } from '../cli.ts';
import { programJson, renderProgram } from '../render/program.ts';
import { renderRun } from '../render/run.ts';
import { telling } from '../render/work-line.ts';
import { withCommon, withLimits } from '../words.ts';

/** `same show [program] REFERENCE|FILE`, `same show run ID` */
export function showCommand(cli: Cli, noun: string): Command {
  const command = new Command('show')
    .description(
      noun === 'run'
        ? 'Show a run: parameters with where they came from, steps, figures, claims, environment.'
        : 'Show a program: parameters, steps, needs, data, claims, digests, and which runs travel along. Nothing is executed.',
    )
    .argument(
      noun === 'run' ? '<id>' : '<reference>',
      noun === 'run' ? 'run id, a part of it, or latest' : 'NAME[:VERSION] or a bundle (file or directory)',
    );
  if (noun !== 'run') withLimits(command);
  return withCommon(command, [
    'same show program arXiv.1303.5778v1:1.0',
    'same show ./arXiv.1303.5778v1:1.1.tgz',
    'same show run latest',
  ]).action(async (what: string, { limit }: { limit?: string[] }) => {
    const ports = cli.ports();
    if (noun === 'run') {
      const run = await showRun(ports, what);
      if (cli.json) cli.printJson('Run', { ...run.record, own: run.own });
      else cli.print(renderRun(run.record, { own: run.own, colour: false, full: true }));
      return;
    }
    const shown = await telling(cli, { doing: `checking ${what}`, file: what }, () =>
      showProgram(ports, what, parseLimits(limit ?? [])),
    );
    if (cli.json) cli.printJson('Program', programJson(shown));
    else cli.print(renderProgram(shown));
  });
}
