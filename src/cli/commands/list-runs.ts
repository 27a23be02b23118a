import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { listRemoteRuns } from '../../operations/list-remote-runs.ts';
import { listRuns } from '../../operations/list-runs.ts';
import { refuseAccess } from '../../operations/registry-access.ts';
import { isRegistryText } from '../../operations/registry-address.ts';
import type { Cli } from '../cli.ts';
import { renderRemoteRuns, renderRuns } from '../render/listing.ts';
import { plainLine } from '../render/text.ts';
import { type RegistryOptions, registryAccess, withCommon, withRegistry } from '../words.ts';

/** `same list runs [-n NAME[:VERSION]]`, `same list runs oci://HOST/[NAMESPACE/]NAME[:VERSION]` */
export function listRunsCommand(cli: Cli): Command {
  const command = new Command('list runs')
    .description('List runs, newest first, those of authors marked; or those that a registry has.')
    .argument('[reference]', 'oci://HOST/[NAMESPACE/]NAME[:VERSION]: runs in a registry')
    .option('-n, --name <name>', 'only runs of NAME or NAME:VERSION');
  return withRegistry(
    withCommon(command, [
      'same list runs',
      'same list runs -n arXiv.1303.5778v1',
      'same list runs oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
    ]),
  ).action(
    async (reference: string | undefined, { name, ...options }: { name?: string } & RegistryOptions) => {
      const access = registryAccess(options);
      if (reference !== undefined) return listThere(cli, reference, { name, access });
      refuseAccess(access, 'the home');
      const runs = await listRuns(cli.ports(), name === undefined ? {} : { name });
      if (cli.json) cli.printJson('RunList', { items: runs.map(({ record, own }) => ({ ...record, own })) });
      else if (runs.length > 0) cli.print(renderRuns(runs));
      else cli.say('no runs yet; make one with: same run program NAME:VERSION');
    },
  );
}

async function listThere(
  cli: Cli,
  reference: string,
  { name, access }: { name: string | undefined; access: ReturnType<typeof registryAccess> },
): Promise<void> {
  if (!isRegistryText(reference) || name !== undefined) {
    throw new SameError({
      code: 'SAME1902',
      message: isRegistryText(reference)
        ? `-n is of runs here, and ${reference} is in a registry`
        : `list runs takes oci://HOST/NAME, got "${reference}"`,
      hint: isRegistryText(reference)
        ? 'leave out one of them'
        : `for runs of a program here: same list runs -n ${reference}`,
    });
  }
  const runs = await listRemoteRuns(cli.ports(), { reference, access });
  if (cli.json) cli.printJson('RemoteRunList', { items: runs });
  else if (runs.length > 0) cli.print(renderRemoteRuns(runs));
  else {
    cli.say(
      `no runs are there beside ${plainLine(reference)} itself; those of versions it was made from: same show program ${plainLine(reference)}`,
    );
  }
}
