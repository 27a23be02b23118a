import { Command } from 'commander';
import { withCommon } from '../words.ts';

const VALUES = `
Values of a parameter, by its declared type:
  a,b  or  ["a","b"]    one of these; whole lists and objects: choice([32],[64,64])
  range(0,5[,STEP])     from 0 up to but without 5
  linear(0,1)           anything between, the ends too
  log(1e-5,1e-1)        the same, as likely in each decade
  any other text        that value in every trial
`;

/** The help page of `same sweep`, whose words are told apart by `sweep-words.ts` and never by commander. */
export function sweepPage(): Command {
  const command = new Command('sweep')
    .description(
      "Run a stored program once for each of many values of its parameters. Every trial is an ordinary run. Options that are not listed are the program's parameters; after -- all are.",
    )
    .argument('[reference]', 'NAME[:VERSION][@DIGEST]; the first word')
    .option(
      '--algorithm <name>',
      'grid, random, sobol or tpe (default: grid where every value is listed, else random)',
    )
    .option('--trials <n>', 'how many; of a grid the first ones')
    .option('--objective <what>', 'min:METRIC or max:METRIC, METRIC as in a run record: NAME or STEP.NAME')
    .option('-j, --jobs <n>', 'trials at a time (default 1)')
    .option('--sampler-seed <n>', "another draw of values (default 0); --seed is free for a program's own")
    .option('--resume [=id]', 'go on with a sweep that was stopped: what has ended is not run again')
    .option('--set <name=values>', 'a parameter, also one called like an option; may be repeated')
    .option('--parameters <file>', 'parameters from a YAML or JSON file, one value each')
    .option('--profile <name>', "the author's named overrides")
    .option('--plan', 'print the trials, and run nothing')
    .option('--target <name>', 'where to run, see same list targets (default SAME_ENVIRONMENT, else local)')
    .option('--engine <name>', "short for that engine's default target: local, podman, kubernetes")
    .option('--no-cache', 'let no stored results stand in for steps')
    .option('--allow-unmet', 'run although requirements are not met, and record it')
    .addHelpText('after', VALUES.trimEnd());
  return withCommon(command, [
    "same sweep study:1.0 '--lr=log(1e-5,1e-1)' '--seed=range(0,5)' --model=a,b --trials 40 --objective min:loss",
    "same sweep study:1.0 --algorithm tpe '--lr=log(1e-5,1e-1)' --trials 60 --objective max:accuracy -j 4",
    'same sweep study:1.0 --model=a,b --plan',
    'same sweep --resume',
  ]);
}
