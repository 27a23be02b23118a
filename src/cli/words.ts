import { type Command, CommanderError } from 'commander';
import { SameError } from '../errors/same-error.ts';
import { readPassword } from '../host/standard-input.ts';
import { parseQuantity } from '../program/quantity.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import type { Cli } from './cli.ts';
import { explained, type RegistryOptions } from './registry-words.ts';

export { accessWords, historyChoice, type RegistryOptions } from './registry-words.ts';

/** Adds what every command has: `--json`, `--quiet`, examples after its help. */
export function withCommon(command: Command, examples: string[]): Command {
  return command
    .name(`same ${command.name()}`)
    .allowExcessArguments(false)
    .option('--json', 'print one JSON document on stdout')
    .option('-q, --quiet', 'say nothing but data and errors')
    .helpOption('-h, --help', 'show this page')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}\n`);
}

/** Adds `--limit`, by which a user lets in a bundle that is beyond a limit, this once (spec SAME-BND-042). */
export function withLimits(command: Command): Command {
  return command.option(
    '--limit <name=value>',
    'raise a limit for this call (unpacked, ratio, entries, path, depth, pax, json, yaml); repeatable',
    (word: string, words: string[] = []) => [...words, word],
  );
}

/** Adds how a registry is reached, for this call. A password has no option of its own: others could see it. */
export function withRegistry(command: Command): Command {
  return command
    .option('--plain-http', 'reach the registry by plain HTTP')
    .option('--ca <file>', 'trust the authorities in this PEM file too')
    .option('-u, --username <name>', 'user name for this call, instead of a stored login')
    .option('--password-stdin', 'read the password or token for this call from standard input');
}

/**
 * How a registry is to be reached. It is called before the ports are opened: while a password is waited for, Ctrl-C ends
 * the command as usual.
 * @throws SAME1902 a name without a password, or the reverse
 */
export function registryAccess(options: RegistryOptions): RegistryAccess {
  const { plainHttp, ca, username, passwordStdin } = options;
  if ((username !== undefined) !== (passwordStdin === true)) {
    const [given, lacking] = passwordStdin ? ['--password-stdin', '-u'] : ['-u', '--password-stdin'];
    throw new SameError({
      code: 'SAME1902',
      message: `${given} needs ${lacking} beside it`,
      place: given,
      hint: 'a login for all calls is stored with: same login HOST',
    });
  }
  return {
    ...(plainHttp ? { plainHttp } : {}),
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(username === undefined ? {} : { login: { username, password: readPassword() } }),
  };
}

/** The longest content of data that may travel. @throws SAME1902 it is no size */
export function dataLimit(size: string | true): { limitBytes?: number } {
  if (size === true) return {};
  try {
    return { limitBytes: parseQuantity(size) };
  } catch {
    throw new SameError({
      code: 'SAME1902',
      message: `--with-data takes a size, not ${JSON.stringify(size)}`,
      place: '--with-data',
      hint: 'write it like --with-data=500Mi',
    });
  }
}

/** Commander takes the next option for the value of one that lacks it: `create -f --json`. */
function requireValues(command: Command, words: string[]): void {
  const end = words.indexOf('--');
  words.slice(0, end < 0 ? undefined : end).forEach((word, index) => {
    const option = command.options.find(({ short, long }) => word === short || word === long);
    if (!option?.required || words[index + 1]?.startsWith('--') !== true) return;
    throw new SameError({
      code: 'SAME1902',
      message: `${option.flags} needs a value`,
      hint: `a value that begins with -- is written ${option.long}=VALUE`,
    });
  });
}

/** Options that may be said several times; of any other a second value would put the first one out of use. */
const REPEATABLE = ['--limit', '--remove', '--set'];

/** Commander takes the last of several values and says nothing of the others. */
function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean() || REPEATABLE.includes(option.long ?? '')) continue;
    let count = 0;
    command.on(`option:${option.name()}`, () => {
      if (++count < 2) return;
      throw new SameError({
        code: 'SAME1902',
        message: `${option.long} is given twice`,
        place: option.long ?? option.flags,
        hint: 'it takes one value: leave out the other',
      });
    });
  }
}

/** `export NAME:VERSION` for `export -n NAME:VERSION`. */
function meantOption(command: Command, error: CommanderError): string | undefined {
  if (error.code !== 'commander.missingMandatoryOptionValue' || command.args.length !== 1) return undefined;
  const option = command.options.find(({ mandatory }) => mandatory);
  return option?.short && `try: ${command.name()} ${option.short} ${command.args[0]}`;
}

/** Lets commander parse, with its errors turned into ours: nothing is printed twice, nothing exits by itself. */
export async function parseWith(command: Command, cli: Cli, words: string[]): Promise<void> {
  requireValues(command, words);
  refuseRepeated(command);
  command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: (text) => cli.print(text), writeErr: () => {}, outputError: () => {} });
  try {
    await command.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw explained(error, command.name(), command.opts());
    if (error.exitCode === 0) return;
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw new SameError({
      code: error.code === 'commander.unknownOption' ? 'SAME1901' : 'SAME1902',
      message,
      hint: meantOption(command, error) ?? `see: ${command.name()} --help`,
    });
  }
}
