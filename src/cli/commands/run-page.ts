import { Command } from 'commander';
import { withCommon } from '../words.ts';

/** The help page of `same run`, whose words are told apart by `run-words.ts` and never by commander. */
export function runPage(): Command {
  const command = new Command('run')
    .description(
      "Run a stored program, or with -f (or inside a folder with same.yaml) a tree without storing it. Options that are not listed are the program's parameters; after -- all are.",
    )
    .argument('[reference]', 'NAME[:VERSION][@DIGEST]; the first word')
    .option('-f, --file <source>', 'run this folder or repository, unpinned')
    .option('--set <name=value>', 'a parameter; may be repeated')
    .option('--parameters <file>', 'parameters from a YAML or JSON file')
    .option('--profile <name>', "the author's named overrides")
    .option('--plan', 'print what would run, with which values from where, and run nothing')
    .option('--target <name>', 'where to run (default SAME_ENVIRONMENT, else local)')
    .option('--engine <name>', "short for that engine's default target")
    .option('--allow-unmet', 'run although requirements are not met, and record it');
  return withCommon(command, [
    'same run program arXiv.1303.5778v1:1.0 --epochs=1000',
    'same run arXiv.1303.5778v1:1.0 --plan',
    'same run -f . --epochs 5',
  ]);
}
