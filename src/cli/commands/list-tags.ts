import { Command } from 'commander';
import { listTags } from '../../operations/list-tags.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { type RegistryOptions, registryAccess, withCommon, withRegistry } from '../words.ts';

/** Names of tags that are no version, in one line. */
const FEW_TAGS = 5;

/** `same list tags oci://HOST/[NAMESPACE/]NAME` */
export function listTagsCommand(cli: Cli): Command {
  const command = new Command('list tags')
    .description('List the versions of a program in a registry, highest first.')
    .argument('<reference>', 'oci://HOST/[NAMESPACE/]NAME');
  return withRegistry(
    withCommon(command, ['same list tags oci://ghcr.io/uoftoronto/arXiv.1303.5778v1']),
  ).action(async (reference: string, options: RegistryOptions) => {
    const access = registryAccess(options);
    const { repository, versions, others } = await listTags(cli.ports(), { reference, access });
    if (cli.json) {
      cli.printJson('TagList', { repository, items: versions, others });
      return;
    }
    if (versions.length > 0) cli.print(versions.map(({ version }) => version).join('\n'));
    else cli.say(`no version is in ${repository}`);
    if (others.length === 0) return;
    const names = others.slice(0, FEW_TAGS).map(plainLine).join(', ');
    const count = `${others.length} other tag${others.length > 1 ? 's say no version' : ' says no version'}`;
    cli.say(`${count}: ${names}${others.length > FEW_TAGS ? ', …' : ''}`);
  });
}
