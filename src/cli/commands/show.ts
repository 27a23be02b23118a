import { Command } from 'commander';
import { parseLimits } from '../../operations/limits.ts';
import { showProgram } from '../../operations/show-program.ts';
import { showRunOrWithin } from '../../operations/show-run.ts';
import { tagsOf } from '../../runs/run-row.ts';
import type { Cli } from '../cli.ts';
import { programJson, renderProgram } from '../render/program.ts';
import { sayLeft } from '../render/registry.ts';
import { renderRun } from '../render/run.ts';
import { renderWithin } from '../render/runs-within.ts';
import { renderSaid, saidFields } from '../render/said.ts';
import { shownSteps } from '../render/shown-steps.ts';
import { telling } from '../render/work-line.ts';
import { type RegistryOptions, registryAccess, withCommon, withLimits, withRegistry } from '../words.ts';
import { showSweepCommand } from './list-sweeps.ts';
import { showStoreCommand } from './set-store.ts';

/** `same show [program] REFERENCE|FILE|oci://…`, `same show run ID`, `same show sweep ID` */
export function showCommand(cli: Cli, noun: string): Command {
  if (noun === 'sweep') return showSweepCommand(cli);
  if (noun === 'store') return showStoreCommand(cli);
  const command = new Command('show')
    .description(
      noun === 'run'
        ? 'Show a run: parameters with where they came from, steps, figures, claims, environment.'
        : 'Show a program: parameters, steps, needs, data, claims, digests, and which runs travel along. Nothing is executed.',
    )
    .argument(
      noun === 'run' ? '<id>' : '<reference>',
      noun === 'run'
        ? 'run id, a part of it, or latest; RUN/NAME for a run within it'
        : 'NAME[:VERSION], a bundle (file or directory), or oci://HOST/NAME[:VERSION]',
    );
  if (noun !== 'run') withRegistry(withLimits(command));
  return withCommon(command, [
    'same show program arXiv.1303.5778v1:1.0',
    'same show ./arXiv.1303.5778v1:1.1.tgz',
    'same show oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
    'same show run latest',
  ]).action(async (what: string, { limit, ...registry }: { limit?: string[] } & RegistryOptions) => {
    const access = registryAccess(registry);
    const ports = cli.ports();
    if (noun === 'run') {
      const run = await showRunOrWithin(ports, what);
      const noted = (await ports.openAnnotations()).of(run.record.id);
      const said = { ...noted, tags: tagsOf(run.record, noted.tags) };
      if (cli.json)
        return cli.printJson('Run', {
          ...run.record,
          steps: shownSteps(run.record),
          own: run.own,
          ...saidFields(said),
        });
      const shown = renderRun(run.record, { own: run.own, colour: false, full: true });
      cli.print([shown, ...renderWithin(run.record), ...renderSaid(said)].join('\n'));
      return;
    }
    const shown = await telling(cli, { doing: `checking ${what}`, file: what }, () =>
      showProgram(ports, what, parseLimits(limit ?? []), access),
    );
    if (cli.json) cli.printJson('Program', programJson(shown));
    else cli.print(renderProgram(shown));
    if (!cli.json) sayLeft(cli, shown.remote?.left ?? []);
  });
}
