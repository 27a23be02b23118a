import { Command } from 'commander';
import { getOutputs } from '../../operations/get-outputs.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same get run ID` */
export function getCommand(cli: Cli): Command {
  const command = new Command('get')
    .description(
      'Copy what the steps of a run wrote into a new folder, as STEP/FILE, or STEP.NUMBER/FILE where a step has cells.',
    )
    .argument('[id]', 'run id, a part of it, or latest', 'latest')
    .option('-o, --output <folder>', 'where to (default NAME-VERSION-RUN)')
    .option('--step <name>', 'only this step, with all its cells, or this cell, like train.0');
  return withCommon(command, ['same get run latest', 'same get run 8f3a21 --step train -o results']).action(
    async (id: string, options: { output?: string; step?: string }) => {
      const got = await getOutputs(cli.ports(), {
        id,
        ...(options.output === undefined ? {} : { directory: options.output }),
        ...(options.step === undefined ? {} : { step: options.step }),
      });
      if (cli.json) {
        cli.printJson('Got', got);
        return;
      }
      for (const { path } of got.files) cli.print(`${got.directory}/${path}`);
      if (got.files.length === 0) cli.say(`run ${got.run} has no outputs`);
    },
  );
}
