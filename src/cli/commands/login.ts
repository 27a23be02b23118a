import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { readPassword } from '../../host/standard-input.ts';
import { openTerminal } from '../../host/terminal.ts';
import { logIn } from '../../operations/log-in.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { registryAccess, withCommon } from '../words.ts';

/** What `same login` is told. */
interface LoginOptions {
  username?: string;
  passwordStdin?: true;
  plainHttp?: true;
  ca?: string;
}

/** `same login HOST` */
export function loginCommand(cli: Cli): Command {
  const command = new Command('login')
    .description('Check a user name and password with a registry and keep them where docker and podman do.')
    .argument('<host>', 'HOST[:PORT] of the registry, or an alias')
    .option('-u, --username <name>', 'user name; asked for at a terminal')
    .option('--password-stdin', 'read the password or token from standard input')
    .option('--plain-http', 'reach the registry by plain HTTP')
    .option('--ca <file>', 'trust the authorities in this PEM file too');
  return withCommon(command, [
    'same login registry.example.org -u ada',
    'same login registry.example.org -u ada --password-stdin < token.txt',
  ]).action(async (text: string, { username, passwordStdin, plainHttp, ca }: LoginOptions) => {
    // Before the ports are opened: while it is waited for, Ctrl-C ends the command as usual.
    const piped = passwordStdin ? pipedLogin(text.includes('@') ? 'HOST' : text, username) : undefined;
    const ports = cli.ports();
    const { host, stored, ...done } = await logIn(ports, text, {
      access: registryAccess({ plainHttp, ca }),
      askLogin: async (at) => piped ?? askLogin(at, username, ports.cancel),
    });
    if (!done.checked) cli.say(`${host} asked for no login: it has not said whether it takes this one`);
    if (cli.json) {
      const { file, helper = null } = stored;
      cli.printJson('LoggedIn', {
        host,
        ...done,
        stored: { file, helper, encrypted: helper ? null : false },
      });
      return;
    }
    const where = stored.helper ? `kept by ${stored.helper}` : `kept in ${stored.file}, not encrypted`;
    cli.print(plainLine(`logged in to ${host} as ${done.username}; ${where}`));
  });
}

/** Name and password of a script. @throws SAME1902 there is none */
function pipedLogin(host: string, username: string | undefined): { username: string; password: string } {
  if (username === undefined) throw lacking('--password-stdin needs -u beside it', host);
  return { username, password: readPassword() };
}

/** Name and password of a person; asked at a terminal only. @throws SAME1902 there is none · SAME1903 */
async function askLogin(
  host: string,
  username: string | undefined,
  cancel: AbortSignal,
): Promise<{ username: string; password: string }> {
  const terminal = openTerminal(cancel);
  if (!terminal) throw lacking('there is no terminal to ask for the password at', host, username);
  const name = username ?? (await terminal.ask(`User name for ${host}: `)).trim();
  return {
    username: name,
    password: await terminal.askSecret(`Password of ${plainLine(name)} for ${host}: `),
  };
}

function lacking(message: string, host: string, username = 'USER'): SameError {
  const hint = `give it with: same login ${host} -u ${username} --password-stdin < FILE`;
  return new SameError({ code: 'SAME1902', message, hint });
}
