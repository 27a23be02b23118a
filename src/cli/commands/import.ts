import { Command } from 'commander';
import { importBundle } from '../../operations/import-bundle.ts';
import { parseLimits } from '../../operations/limits.ts';
import type { Cli } from '../cli.ts';
import { telling } from '../render/work-line.ts';
import { withCommon, withLimits } from '../words.ts';
import { importRunsCommand } from './import-runs.ts';

/** `same import [program] FILE`, `same import runs --from TOOL DIRECTORY` */
export function importCommand(cli: Cli, noun: string): Command {
  if (noun === 'runs') return importRunsCommand(cli);
  const command = new Command('import')
    .description('Check a bundle whole, then store and pin its program. Nothing of it is executed.')
    .argument('<file>', 'a bundle written by same export, or an OCI layout of one as a directory');
  return withLimits(
    withCommon(command, [
      'same import ./arXiv.1303.5778v1:1.1.tgz',
      'same import ./arXiv.1303.5778v1:1.1.tgz --limit unpacked=20Gi',
      'same import runs --from mlruns ./mlruns',
    ]),
  ).action(async (file: string, { limit }: { limit?: string[] }) => {
    const limits = parseLimits(limit ?? []);
    const { artifact, digests, runs, ancestors } = await telling(
      cli,
      { doing: `checking ${file}`, file },
      () => importBundle(cli.ports(), { file, limits }),
    );
    const { name, version } = artifact.program.metadata;
    if (cli.json) {
      cli.printJson('Imported', { name, version, digest: artifact.digest, digests, runs, ancestors });
      return;
    }
    cli.print(
      `imported ${name}:${version} (${artifact.digest})${runs > 0 ? ` with ${runs} run${runs > 1 ? 's' : ''}` : ''}`,
    );
    cli.say(`run it with: same run program ${name}:${version}`);
  });
}
