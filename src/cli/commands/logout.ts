import { Command } from 'commander';
import { logOut } from '../../operations/log-out.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { withCommon } from '../words.ts';

/** `same logout HOST` */
export function logoutCommand(cli: Cli): Command {
  const command = new Command('logout')
    .description('Remove the stored login of a registry, docker and podman using the same one.')
    .argument('<host>', 'HOST[:PORT] of the registry, or an alias');
  return withCommon(command, ['same logout registry.example.org']).action(async (text: string) => {
    const { host, removed, left } = await logOut(cli.ports(), text);
    for (const key of left) cli.say(plainLine(`the login for ${key} stays`));
    if (cli.json) {
      cli.printJson('LoggedOut', {
        host,
        removed: removed.map(({ file, helper = null }) => ({ file, helper })),
        left,
      });
      return;
    }
    const where = removed.map(({ file, helper }) => helper ?? file).join(' and ');
    cli.print(plainLine(`logged out of ${host}: removed from ${where}`));
  });
}
