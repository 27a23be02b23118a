import { Command } from 'commander';
import { buildEnvironments } from '../../operations/build-environment.ts';
import { listEnvironments } from '../../operations/list-environments.ts';
import type { Cli } from '../cli.ts';
import { renderEnvironments, renderReady } from '../render/environments.ts';
import { withCommon } from '../words.ts';

/** `same list environments` */
export function listEnvironmentsCommand(cli: Cli): Command {
  const command = new Command('list environments').description(
    'List the environments that are built here, the one that was used last first, and the stored programs that have them.',
  );
  return withCommon(command, ['same list environments', 'same list environments --json']).action(async () => {
    const environments = await listEnvironments(cli.ports());
    if (cli.json) {
      const items = environments.map(({ usedMs, ...rest }) => ({
        ...rest,
        usedAt: new Date(usedMs).toISOString(),
      }));
      cli.printJson('EnvironmentList', { items });
    } else if (environments.length > 0) cli.print(renderEnvironments(environments));
    else
      cli.say(
        'no environments are built here: those of the system are used as they are; to build one with a lock: same build environment NAME:VERSION',
      );
  });
}

/** `same build environment NAME[:VERSION] [--environment NAME]` */
export function buildCommand(cli: Cli): Command {
  const command = new Command('build environment')
    .description('Make the environments of a stored program ready, so that its next run need not.')
    .argument('<reference>', 'NAME[:VERSION]')
    .option('--environment <name>', 'only this one')
    .option(
      '--allow-build',
      'take packages that have no wheel and are built here: that executes their code, so only for programs you trust',
    );
  return withCommon(command, [
    'same build environment arXiv.1303.5778v1:1.1',
    'same build environment arXiv.1303.5778v1 --environment train',
  ]).action(async (reference: string, options: { environment?: string; allowBuild?: true }) => {
    const ready = await buildEnvironments(cli.ports(), reference, {
      ...(options.environment === undefined ? {} : { name: options.environment }),
      allowBuild: options.allowBuild === true,
    });
    if (cli.json) {
      const items = ready.map(({ name, kind, key, locked, resolved, path }) => ({
        name,
        kind,
        key,
        locked,
        resolved,
        path,
      }));
      cli.printJson('EnvironmentsReady', { items });
    } else cli.print(renderReady(ready));
  });
}
