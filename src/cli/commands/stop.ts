import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { exitCodeOf } from '../../operations/conclude-run.ts';
import type { Cli } from '../cli.ts';
import { splitRunWords } from '../run-words.ts';
import { withCommon } from '../words.ts';
import { run } from './run.ts';

/** `same stop run ID` */
export function stopCommand(cli: Cli): Command {
  const command = new Command('stop run')
    .description(
      'Ask a run that goes on on this machine to stop, as Ctrl-C does, and wait until it has. Asked twice, it kills its steps at once.',
    )
    .argument('<id>', 'run id, a part of it, or latest');
  return withCommon(command, ['same stop run latest', 'same stop run 8f3a21']).action(async (id: string) => {
    const { stopRun } = await import('../../operations/stop-run.ts');
    const ports = cli.ports();
    cli.stopping = 'no longer waiting; the run stops by itself';
    const { id: stopped, status } = await stopRun(ports, id);
    if (cli.json) cli.printJson('Stopped', { id: stopped, status });
    else cli.print(`run ${stopped} ${status === 'running' ? 'still goes on' : status}`);
    if (status === 'running') cli.exitCode = exitCodeOf('canceled');
    else if (status !== 'succeeded') cli.say(`go on with it: same retry run ${stopped}`);
  });
}

/** The same error without an option that nobody typed. */
function withoutResume(error: unknown): unknown {
  if (!(error instanceof SameError) || error.code !== 'SAME1902') return error;
  const { findings, cause, details } = error;
  const said = findings.map((finding) => ({
    ...finding,
    message: finding.message.replace('--resume', 'retry run'),
  }));
  return new SameError(said, { cause, details });
}

/** `same retry run ID` */
export function retryCommand(cli: Cli): Command {
  const command = new Command('retry run')
    .description(
      'Run again what did not succeed in a run: with its program, profile and values of parameters, as a run of its own. What its steps left that succeeded stands in for them.',
    )
    .argument('<id>', 'run id, a part of it, or latest')
    .argument('[options...]', 'options of same run: -j, --keep-going, --target, …')
    .allowUnknownOption()
    .passThroughOptions();
  return withCommon(command, ['same retry run latest', 'same retry run 8f3a21 -j 4 --keep-going']).action(
    async (id: string, options: string[]) => {
      const { findOwnRun } = await import('../../operations/retry-run.ts');
      const found = await findOwnRun(cli.ports(), id);
      const words = [`--resume=${found}`, ...options, ...(cli.json ? ['--json'] : [])];
      try {
        await run(cli, splitRunWords(words));
      } catch (error) {
        throw options.some((word) => word.startsWith('--resume')) ? error : withoutResume(error);
      }
    },
  );
}
