import { Command } from 'commander';
import { createAlias } from '../../operations/create-alias.ts';
import { deleteAlias } from '../../operations/delete-alias.ts';
import { listAliases } from '../../operations/registry-aliases.ts';
import type { Cli } from '../cli.ts';
import { renderAliases } from '../render/listing.ts';
import { withCommon } from '../words.ts';

/** `same create alias NAME oci://HOST[/NAMESPACE] [--force]` */
export function createAliasCommand(cli: Cli): Command {
  const command = new Command('create alias')
    .description('Give a registry, or a namespace of it, a name: oci://NAME/… stands for it from then on.')
    .argument('<name>', 'letters, digits and dashes; default is where programs are pushed to')
    .argument('<address>', 'oci://HOST[:PORT][/NAMESPACE]')
    .option('--force', 'replace what the name stands for');
  return withCommon(command, [
    'same create alias lab oci://registry.example.org/papers',
    'same create alias default oci://ghcr.io/uoftoronto',
  ]).action(async (name: string, address: string, { force }: { force?: true }) => {
    const created = await createAlias(cli.ports(), { name, address, force: force === true });
    if (cli.json) {
      cli.printJson('Alias', { ...created, replaced: created.replaced ?? null });
      return;
    }
    cli.print(`oci://${created.name} stands for ${created.address}${created.changed ? '' : ', as before'}`);
    if (created.replaced !== undefined) cli.say(`replaced ${created.replaced}`);
  });
}

/** `same list aliases` */
export function listAliasesCommand(cli: Cli): Command {
  const command = new Command('list aliases').description('List the names that registries have here.');
  return withCommon(command, ['same list aliases']).action(async () => {
    const aliases = await listAliases(cli.ports());
    if (cli.json) cli.printJson('AliasList', { items: aliases });
    else if (aliases.length > 0) cli.print(renderAliases(aliases));
    else cli.say('no aliases yet; make one with: same create alias NAME oci://HOST/NAMESPACE');
  });
}

/** `same delete alias NAME` */
export function deleteAliasCommand(cli: Cli): Command {
  const command = new Command('delete alias')
    .description('Forget the name of a registry. Nothing in the registry changes.')
    .argument('<name>');
  return withCommon(command, ['same delete alias lab']).action(async (name: string) => {
    const deleted = await deleteAlias(cli.ports(), name);
    if (cli.json) cli.printJson('Deleted', deleted);
    else cli.print(`deleted alias ${deleted.name} (was ${deleted.address})`);
  });
}
