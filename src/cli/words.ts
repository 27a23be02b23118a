import { type Command, CommanderError } from 'commander';
import { SameError } from '../errors/same-error.ts';
import type { Cli } from './cli.ts';

/** Adds what every command has: `--json`, `--quiet`, examples after its help. */
export function withCommon(command: Command, examples: string[]): Command {
  return command
    .allowExcessArguments(false)
    .option('--json', 'print one JSON document on stdout')
    .option('-q, --quiet', 'say nothing but data and errors')
    .helpOption('-h, --help', 'show this page')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}\n`);
}

/** Lets commander parse, with its errors turned into ours: nothing is printed twice, nothing exits by itself. */
export async function parseWith(command: Command, cli: Cli, words: string[]): Promise<void> {
  command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: (text) => cli.print(text), writeErr: () => {}, outputError: () => {} });
  try {
    await command.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw new SameError({
      code: error.code === 'commander.unknownOption' ? 'SAME1901' : 'SAME1902',
      message,
      hint: `see: same ${command.name()} --help`,
    });
  }
}
