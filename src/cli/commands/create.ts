import { Command } from 'commander';
import { createProgram } from '../../operations/create-program.ts';
import { parseLimits } from '../../operations/limits.ts';
import type { Cli } from '../cli.ts';
import { renderSource } from '../render/program.ts';
import { sayLeft } from '../render/registry.ts';
import { telling } from '../render/work-line.ts';
import { tellStore } from '../telling.ts';
import { type RegistryOptions, registryAccess, withCommon, withLimits, withRegistry } from '../words.ts';
import { createAliasCommand } from './alias.ts';

interface CreateOptions extends RegistryOptions {
  file: string;
  dereference?: true;
  limit?: string[];
}

/** `same create program -f SOURCE`, `same create alias NAME ADDRESS` */
export function createCommand(cli: Cli, noun: string): Command {
  if (noun === 'alias') return createAliasCommand(cli);
  const command = new Command('create')
    .description('Make a stored program from a source. Nothing of it is executed.')
    .requiredOption('-f, --file <source>', 'folder, bundle, archive, git repository, or oci:// address')
    .option('--dereference', 'pack what symbolic links point at, inside the source');
  return withRegistry(
    withLimits(
      withCommon(command, [
        'same create program -f ./my-study',
        'same create program -f https://github.com/uoftoronto/papers/arXiv.5778v1:1.0',
        'same create program -f git+https://example.org/papers.git//arXiv.5778v1@1.0',
        'same create program -f ./arXiv.1303.5778v1:1.0.tgz',
        'same create program -f oci://registry.example.org/papers/arXiv.1303.5778v1:1.0',
      ]),
    ),
  ).action(async ({ file, dereference, limit, ...registry }: CreateOptions) => {
    const request = {
      source: file,
      limits: parseLimits(limit ?? []),
      access: registryAccess(registry),
      ...(dereference ? { dereference } : {}),
    };
    const created = await telling(cli, { doing: 'packing' }, () => createProgram(cli.ports(), request));
    const { name, version } = created.artifact.program.metadata;
    const { digest } = created.artifact;
    if (cli.json) {
      cli.printJson('Created', {
        name,
        version,
        digest,
        origin: created.origin,
        replaced: created.replaced ?? null,
      });
      return tellStore(cli);
    }
    cli.print(`created ${name}:${version} (${digest}) from ${renderSource(created.label, created.origin)}`);
    if (created.replaced && created.replaced !== digest) cli.say(`replaced ${created.replaced}`);
    if (created.pulled) sayLeft(cli, created.pulled.left);
    cli.say(`run it with: same run program ${name}:${version}`);
    await tellStore(cli);
  });
}
