import { Command } from 'commander';
import { parseLimits } from '../../operations/limits.ts';
import { pullProgram } from '../../operations/pull-program.ts';
import type { HistoryChoice } from '../../operations/select-runs.ts';
import type { Cli } from '../cli.ts';
import { renderPulled } from '../render/registry.ts';
import { telling } from '../render/work-line.ts';
import {
  historyChoice,
  type RegistryOptions,
  registryAccess,
  withCommon,
  withLimits,
  withRegistry,
} from '../words.ts';

interface PullOptions extends RegistryOptions {
  history?: HistoryChoice;
  limit?: string[];
}

/** `same pull oci://HOST/NAMESPACE/NAME[:VERSION]` */
export function pullCommand(cli: Cli): Command {
  const command = new Command('pull')
    .description(
      'Fetch a program and the runs of its authors from a registry, check all of it, and store it. Nothing of it is executed.',
    )
    .argument(
      '<address>',
      'oci://HOST/[NAMESPACE/]NAME[:VERSION][@sha256:HEX]; without a version the highest one',
    )
    .option(
      '--history <which>',
      'runs that come along: none, latest, best[:METRIC], all, ids of runs separated by commas, or "where CONDITION" as list runs --where takes it (default: all)',
      historyChoice,
    );
  return withRegistry(
    withLimits(
      withCommon(command, [
        'same pull oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
        'same pull oci://registry.example.org/papers/arXiv.1303.5778v1 --history none',
      ]),
    ),
  ).action(async (reference: string, { history, limit, ...registry }: PullOptions) => {
    const request = {
      reference,
      history,
      limits: parseLimits(limit ?? []),
      access: registryAccess(registry),
    };
    const pulled = await telling(cli, { doing: 'pulling' }, () => pullProgram(cli.ports(), request));
    renderPulled(cli, pulled);
  });
}
