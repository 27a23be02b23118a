import { Command, Option } from 'commander';
import { importRuns, type RunsImport } from '../../operations/import-runs.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { telling } from '../render/work-line.ts';
import { withCommon } from '../words.ts';

/** `same import runs --from mlruns|tensorboard DIR` */
export function importRunsCommand(cli: Cli): Command {
  const command = new Command('import runs')
    .description(
      'Take over the runs that another tool kept: of MLflow its database (mlflow.db, by default) or its store of files, of TensorBoard its event files. They belong to a program and are read-only, like runs that come with a bundle. Doing it again changes nothing.',
    )
    .argument(
      '<directory>',
      'what MLflow calls mlruns, its mlflow.db, or a directory that holds it; or the log directory of TensorBoard',
    )
    .addOption(
      new Option('--from <tool>', 'what kept them').choices(['mlruns', 'tensorboard']).makeOptionMandatory(),
    )
    .option(
      '-n, --name <name[:version]>',
      'the program that they belong to; one that is not there is made to hold them (default: one for each experiment, called as it is)',
    )
    .option('--unfinished', 'take runs that the tool does not know as ended, as interrupted ones');
  return withCommon(command, [
    'same import runs --from mlruns ./mlruns',
    'same import runs --from mlruns ./mlflow.db',
    'same import runs --from tensorboard ./lightning_logs -n study:1.0',
    'same list runs -n study',
  ]).action(
    async (
      directory: string,
      options: { from: 'mlruns' | 'tensorboard'; name?: string; unfinished?: true },
    ) => {
      const imported = await telling(cli, { doing: `reading ${directory}` }, () =>
        importRuns(cli.ports(), { directory, ...options }),
      );
      if (cli.json) cli.printJson('RunsImported', imported);
      else tell(cli, imported);
    },
  );
}

function tell(cli: Cli, { programs, left, warnings }: RunsImport): void {
  for (const { program, made, runs } of programs) {
    const { length: fresh } = runs.filter(({ isNew }) => isNew);
    const known = runs.length - fresh;
    const what = `${count(fresh)} imported${known > 0 ? `, ${known} ${known === 1 ? 'was' : 'were'} here already` : ''}`;
    cli.print(plainLine(`${program.name}:${program.version}: ${what}${made ? ' (made to hold them)' : ''}`));
    cli.say(plainLine(`see them with: same list runs -n ${program.name}`));
  }
  if (programs.length === 0) cli.say('there is no run to import');
  for (const because of ['deleted', 'not ended'] as const) {
    const ids = left.filter((run) => run.because === because).map(({ id }) => id);
    if (ids.length === 0) continue;
    const hint = because === 'not ended' ? ' (take them with --unfinished)' : '';
    cli.say(plainLine(`left out, ${because}: ${named(ids)}${hint}`));
  }
  for (const { runs, message } of warnings)
    cli.say(plainLine(`warning: ${runs.length === 0 ? '' : `${named(runs)}: `}${message}`));
}

function named(ids: readonly string[]): string {
  return `${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ` and ${ids.length - 5} more` : ''}`;
}

function count(runs: number): string {
  return `${runs} ${runs === 1 ? 'run' : 'runs'}`;
}
