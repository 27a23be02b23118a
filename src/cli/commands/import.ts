import { Command } from 'commander';
import { importBundle } from '../../operations/import-bundle.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same import FILE` */
export function importCommand(cli: Cli): Command {
  const command = new Command('import')
    .description('Check a bundle file whole, then store and pin its program. Nothing of it is executed.')
    .argument('<file>', 'a bundle written by same export');
  return withCommon(command, ['same import ./arXiv.1303.5778v1:1.1.tgz']).action(async (file: string) => {
    const { artifact, digests, runs, ancestors } = await importBundle(cli.ports(), { file });
    const { name, version } = artifact.program.metadata;
    if (cli.json) {
      cli.printJson('Imported', { name, version, digest: artifact.digest, digests, runs, ancestors });
      return;
    }
    cli.print(
      `imported ${name}:${version} (${artifact.digest})${runs > 0 ? ` with ${runs} run${runs > 1 ? 's' : ''} of its authors` : ''}`,
    );
    cli.say(`run it with: same run program ${name}:${version}`);
  });
}
