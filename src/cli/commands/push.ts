import { Command } from 'commander';
import { previewPush } from '../../operations/preview-leaving.ts';
import type { Cli } from '../cli.ts';
import { renderLeaving } from '../render/leaving.ts';
import { dataLimit, historyChoice, registryAccess, withCommon, withRegistry } from '../words.ts';
import { pushRunCommand } from './push-run.ts';
import { type PushOptions, pushStored } from './push-stored.ts';

interface AllPushOptions extends PushOptions {
  dryRun?: true;
  withData?: string | true;
}

/** `same push program NAME:VERSION [ADDRESS]`, `same push run ID [ADDRESS]` */
export function pushCommand(cli: Cli, noun: string): Command {
  return noun === 'run' ? pushRunCommand(cli) : pushProgramCommand(cli);
}

function pushProgramCommand(cli: Cli): Command {
  const command = new Command('push')
    .description(
      'Put a program and chosen runs into a registry. What is there is not sent again; a tag that leads to something else is not moved.',
    )
    .argument('<program>', 'NAME[:VERSION]')
    .argument(
      '[address]',
      'oci://HOST[/NAMESPACE][/NAME[:VERSION]] (default: where it was last, else the alias default)',
    )
    .option(
      '--history <which>',
      'runs that go along: none, latest, best[:METRIC], all (that succeeded), ids of runs separated by commas, or "where CONDITION" as list runs --where takes it (default: as the program says, else latest)',
      historyChoice,
    )
    .option(
      '--with-data [size]',
      'put all content of data at https addresses there too, not only what says carry: embed; each at most of this size (default 10Gi)',
    )
    .option('--dry-run', 'say what would leave, and send nothing')
    .option('--force', 'move a tag that leads to another digest');
  return withRegistry(
    withCommon(command, [
      'same push arXiv.1303.5778v1:1.1 oci://registry.example.org/papers',
      'same push arXiv.1303.5778v1:1.1 --history all --dry-run',
      'same push arXiv.1303.5778v1:1.1 --history best',
      'same push run 01jd2 oci://registry.example.org/papers',
    ]),
  ).action(async (reference: string, target: string | undefined, options: AllPushOptions) => {
    const { withData, dryRun, ...rest } = options;
    if (dryRun) {
      const asked = {
        reference,
        history: rest.history,
        ...(withData === undefined ? {} : { withData: dataLimit(withData) }),
      };
      renderLeaving(cli, await previewPush(cli.ports(), asked));
      return;
    }
    await pushStored(cli, { reference, target }, rest, {
      access: registryAccess(options),
      ...(withData === undefined ? {} : { withData: dataLimit(withData) }),
    });
  });
}
