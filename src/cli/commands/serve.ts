import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { serveRuns } from '../../operations/serve-runs.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same serve [--port N]` */
export function serveCommand(cli: Cli): Command {
  const command = new Command('serve')
    .description(
      'Let clients of MLflow read the runs of this home: search_runs, get_run, get_metric_history, artifacts. A program is an experiment, and experiment 0 is all of them; runs that a step began within a run are found by its id: tags.mlflow.parentRunId = "ID". Prints the tracking URI, answers this machine alone and only who knows the URI, changes nothing, and goes on until Ctrl-C.',
    )
    .option('--port <number>', 'the port to listen at, instead of one that is free', '0');
  return withCommon(command, [
    'same serve',
    'same serve --port 5000',
    'MLFLOW_TRACKING_URI=URI mlflow runs list --experiment-id 0',
  ]).action(async (options: { port: string }) => {
    const port = Number(options.port);
    if (!/^[0-9]+$/.test(options.port) || port > 65_535) {
      throw new SameError({
        code: 'SAME1902',
        message: `--port takes a number up to 65535, got "${options.port}"`,
        place: '--port',
      });
    }
    await serveRuns(cli.ports(), port, (uri) => {
      if (cli.json) cli.printJson('Serving', { uri });
      else cli.print(uri);
      cli.say('clients of MLflow read the runs of this home there; stop with Ctrl-C');
    });
  });
}
