import { Command, Option } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { exportProgram, type HistoryChoice } from '../../operations/export-program.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { withCommon } from '../words.ts';

/** `same export program -n NAME:VERSION` */
export function exportCommand(cli: Cli): Command {
  const command = new Command('export')
    .description(
      'Write a program and its history as one file. A version that is not there yet is committed first, from the highest earlier one and its latest succeeded run.',
    )
    .requiredOption('-n, --name <name:version>', 'the program')
    .option('-o, --output <file>', 'where to write (default ./NAME:VERSION.tgz)')
    .option('--portable', 'name the file NAME-VERSION.tgz, without a colon')
    .addOption(new Option('--history <which>', 'runs that travel along').choices(['none', 'latest', 'all']))
    .option('--force', 'replace a file that is something else, or holds other runs');
  return withCommon(command, [
    'same export program -n arXiv.1303.5778v1:1.1',
    'same export program -n arXiv.1303.5778v1:1.1 --history none -o study.tgz',
  ]).action(
    async (options: {
      name: string;
      output?: string;
      portable?: true;
      history?: HistoryChoice;
      force?: true;
    }) => {
      if (options.output !== undefined && options.portable) {
        throw new SameError({
          code: 'SAME1902',
          message: '--portable chooses the file name, and so does -o',
          place: '--portable',
          hint: 'leave out one of them',
        });
      }
      const { name: reference, ...rest } = options;
      const exported = await exportProgram(cli.ports(), { reference, ...rest });
      const { name, version } = exported.artifact.program.metadata;
      const { digests, committed, file, runs, history, left } = exported;
      if (cli.json) {
        cli.printJson('Exported', {
          name,
          version,
          file,
          digests,
          runs,
          history,
          left,
          committed: committed
            ? { from: committed.from, run: committed.run ?? null, defaults: committed.defaults }
            : null,
        });
        return;
      }
      if (committed) {
        const changed = Object.entries(committed.defaults).map(
          ([key, value]) => `${key}=${JSON.stringify(value)}`,
        );
        cli.say(
          plainLine(
            `committed ${name}:${version} from ${committed.from.name}:${committed.from.version} and its run ${committed.run}${changed.length > 0 ? `: default ${changed.join(', ')}` : ''}`,
          ),
        );
      }
      cli.print(`exported ${name}:${version} to ${file}`);
      cli.say(
        `  program ${digests.program}\n  index   ${digests.index}\n  archive ${digests.archive}\n  file    ${digests.file}\n  ${runs.length} run${runs.length === 1 ? '' : 's'} inside (--history ${history})`,
      );
      if (left.length > 0) {
        cli.say(
          `  the file that was there held ${left.length === 1 ? 'a run' : 'runs'} that this one leaves out, still stored here: ${left.join(', ')} (take every run along with --history all)`,
        );
      }
    },
  );
}
