import { Command } from 'commander';
import { lockProgram } from '../../operations/lock-program.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same lock -f FOLDER` */
export function lockCommand(cli: Cli): Command {
  const command = new Command('lock')
    .description(
      'Pin what a folder leaves open (python requirements and packages, with hashes) into its same.lock.',
    )
    .option('-f, --file <folder>', 'the folder with same.yaml', '.')
    .option('--update', 'resolve everything anew');
  return withCommon(command, ['same lock', 'same lock -f ./my-study --update']).action(
    async (options: { file: string; update?: true }) => {
      const { path, changed, added } = await lockProgram(cli.ports(), {
        source: options.file,
        ...(options.update ? { update: true } : {}),
      });
      if (cli.json) cli.printJson('Locked', { path, changed, added });
      else
        cli.print(
          changed
            ? `wrote ${path}${added.length > 0 ? ` (${added.join(', ')})` : ''}`
            : `${path} is up to date`,
        );
    },
  );
}
