import { Command } from 'commander';
import { previewPushRun, pushRun } from '../../operations/push-run.ts';
import type { Cli } from '../cli.ts';
import { renderLeaving } from '../render/leaving.ts';
import { telling } from '../render/work-line.ts';
import { accessWords, type RegistryOptions, registryAccess, withCommon, withRegistry } from '../words.ts';

interface RunPushOptions extends RegistryOptions {
  dryRun?: true;
}

/** `same push run ID [ADDRESS]` */
export function pushRunCommand(cli: Cli): Command {
  const command = new Command('push run')
    .description('Put a run beside the program that it ran, in a registry that has the program.')
    .argument('<run>', 'id of the run, or a unique part of it')
    .argument('[address]', 'oci://HOST[/NAMESPACE][/NAME[:VERSION]] (default: where its program was last)')
    .option('--dry-run', 'say what would leave, and send nothing');
  return withRegistry(
    withCommon(command, [
      'same push run latest',
      'same push run latest --dry-run',
      'same push run 01jd2 oci://registry.example.org/papers',
    ]),
  ).action(async (run: string, target: string | undefined, options: RunPushOptions) => {
    const access = registryAccess(options);
    if (options.dryRun) return renderLeaving(cli, await previewPushRun(cli.ports(), { run, target }));
    const pushed = await telling(cli, { doing: 'pushing' }, () =>
      pushRun(cli.ports(), { run, target, access }),
    );
    const { id, program, reference, digest, referrers, tally } = pushed;
    if (cli.json) {
      cli.printJson('PushedRun', { id, program, reference, digest, referrers, ...tally });
      return;
    }
    cli.print(`pushed run ${id} of ${program} to ${reference}`);
    cli.say(`whoever pulls that gets it: same pull ${reference}${accessWords(options)}`);
  });
}
