import { Command } from 'commander';
import { throwFindings } from '../../errors/same-error.ts';
import { commitProgram } from '../../operations/commit-program.ts';
import { parseLimits } from '../../operations/limits.ts';
import { readSetWords } from '../../operations/set-words.ts';
import { showRun } from '../../operations/show-run.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { tellStore } from '../telling.ts';
import { withCommon, withLimits } from '../words.ts';

/** `same commit program NAME:VERSION --as VERSION` */
export function commitCommand(cli: Cli): Command {
  const command = new Command('commit')
    .description(
      'Make a new version of a stored program: its manifest edited, comments kept; code and lock stay.',
    )
    .argument('<reference>', 'NAME:VERSION to start from')
    .requiredOption('--as <version>', 'the new version')
    .option('--run <id>', 'take the parameters of this run as defaults')
    .option('--set <name=value>', 'a new default; may be repeated', collect, []);
  return withLimits(
    withCommon(command, [
      'same commit program arXiv.1303.5778v1:1.0 --as 1.1 --set epochs=1000',
      'same commit program arXiv.1303.5778v1:1.0 --as 1.1 --run latest',
    ]),
  ).action(
    async (reference: string, options: { as: string; run?: string; set: string[]; limit?: string[] }) => {
      const ports = cli.ports();
      const run = options.run === undefined ? undefined : (await showRun(ports, options.run)).record;
      const { values: set, findings } = readSetWords(options.set);
      throwFindings(findings);
      const committed = await commitProgram(ports, {
        reference,
        as: options.as,
        set,
        limits: parseLimits(options.limit ?? []),
        ...(run ? { run } : {}),
      });
      const { name, version } = committed.artifact.program.metadata;
      const { digest } = committed.artifact;
      if (cli.json) {
        cli.printJson('Committed', {
          name,
          version,
          digest,
          from: committed.from,
          defaults: committed.defaults,
        });
        return tellStore(cli);
      }
      cli.print(
        `committed ${name}:${version} (${digest}) from ${committed.from.name}:${committed.from.version}`,
      );
      for (const [key, value] of Object.entries(committed.defaults))
        cli.say(plainLine(`  default ${key} is now ${JSON.stringify(value)}`));
      cli.say(`export it with: same export program -n ${name}:${version}`);
      await tellStore(cli);
    },
  );
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
