import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { prepareRun, type RunRequest } from '../../operations/prepare-run.ts';
import { runProgram } from '../../operations/run-program.ts';
import type { Cli } from '../cli.ts';
import { renderPlan } from '../render/plan.ts';
import { openProgress } from '../render/progress.ts';
import { renderFailure, renderRun } from '../render/run.ts';
import { type RunWords, splitRunWords } from '../run-words.ts';
import { withCommon } from '../words.ts';

/** `same run [program] REFERENCE --PARAMETER=VALUE …` */
export function runCommand(cli: Cli): Command {
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
  withCommon(command, [
    'same run program arXiv.1303.5778v1:1.0 --epochs=1000',
    'same run arXiv.1303.5778v1:1.0 --plan',
    'same run -f . --epochs 5',
  ]);
  const { words } = cli;
  const split = splitRunWords(words);
  if (split.help) return command;
  // The words are told apart already: commander is here for the help page only.
  return command
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => run(cli, split));
}

async function run(cli: Cli, words: RunWords): Promise<void> {
  const ports = await cli.ports();
  const inFolder = words.reference === undefined && words.file === undefined;
  if (inFolder && !ports.files.exists('same.yaml')) {
    throw new SameError({
      code: 'SAME1902',
      message: 'run what? there is no same.yaml in this folder',
      hint: 'the program comes first: same run NAME:VERSION --parameter=value (stored ones: same list programs)',
    });
  }
  const request: RunRequest = {
    ...(words.reference === undefined ? { source: words.file ?? '.' } : { reference: words.reference }),
    ...(words.profile === undefined ? {} : { profile: words.profile }),
    ...(words.parametersFile === undefined ? {} : { parametersFile: words.parametersFile }),
    set: words.set,
    words: words.words,
    afterDashes: words.afterDashes,
    ...(words.target === undefined ? {} : { target: words.target }),
    ...(words.engine === undefined ? {} : { engine: words.engine }),
    allowUnmet: words.allowUnmet,
  };
  if (words.plan) {
    using temporary = ports.files.temporary();
    const prepared = await prepareRun(ports, request, temporary.path);
    if (cli.json) cli.printJson('Plan', { ...prepared.plan, requirements: prepared.requirements });
    else cli.print(renderPlan(prepared.plan, prepared.requirements));
    return;
  }
  const progress = openProgress(cli);
  const { record, problems } = await runProgram(ports, request, progress.show).finally(progress.close);
  cli.exitCode = record.status === 'succeeded' ? 0 : record.status === 'canceled' ? 130 : 1;
  if (cli.json) cli.printJson('Run', { ...record, problems });
  else cli.print(renderRun(record, { own: true, colour: false, full: false }));
  if (record.status !== 'succeeded')
    process.stderr.write(renderFailure(record, problems, progress.tail(), cli.colour));
}
