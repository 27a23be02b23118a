import { Command } from 'commander';
import { parseLimits } from '../../operations/limits.ts';
import { unpackProgram } from '../../operations/unpack-program.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { telling } from '../render/work-line.ts';
import { type RegistryOptions, registryAccess, withCommon, withLimits, withRegistry } from '../words.ts';

interface UnpackOptions extends RegistryOptions {
  output?: string;
  limit?: string[];
}

/** `same unpack FILE|DIRECTORY|NAME:VERSION|oci://… [-o DIRECTORY]` */
export function unpackCommand(cli: Cli): Command {
  const command = new Command('unpack')
    .description(
      'Write the files of a program as a plain folder. A bundle is checked whole first; nothing of it is executed or stored.',
    )
    .argument('<what>', 'a bundle (file or directory), NAME[:VERSION], or oci://HOST/NAME[:VERSION]')
    .option('-o, --output <directory>', 'where to (default ./NAME-VERSION)');
  return withRegistry(
    withLimits(
      withCommon(command, [
        'same unpack ./arXiv.1303.5778v1:1.1.tgz',
        'same unpack arXiv.1303.5778v1:1.1 -o study',
        'same unpack oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
      ]),
    ),
  ).action(async (what: string, { output, limit, ...registry }: UnpackOptions) => {
    const limits = parseLimits(limit ?? []);
    const access = registryAccess(registry);
    const { artifact, directory, files, sizeBytes, digests } = await telling(
      cli,
      { doing: `checking ${what}`, file: what, after: 'unpacking' },
      () => unpackProgram(cli.ports(), { source: what, directory: output, limits, access }),
    );
    const { name, version } = artifact.program.metadata;
    if (cli.json) {
      cli.printJson('Unpacked', {
        name,
        version,
        digest: artifact.digest,
        directory,
        files,
        sizeBytes,
        digests: digests ?? null,
      });
      return;
    }
    const count = `${files} file${files === 1 ? '' : 's'}`;
    const shown = plainLine(/^[./]/.test(directory) ? directory : `./${directory}`);
    cli.print(`unpacked ${name}:${version} (${artifact.digest}) into ${shown}, ${count}`);
    cli.say(`run it with: same run program -f ${shown}`);
  });
}
