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
    .option('-j, --jobs <n>', 'steps at a time (default: as many as there are cpus)')
    .option('--keep-going', 'after a failed step, run everything that does not need it')
    .option('--fail-fast', 'after a failed step, stop those that run')
    .option('--step <name>', 'only this step, on stored results; may be repeated')
    .option('--from <step>', 'this step and what follows, on stored results of those before')
    .option('--until <step>', 'this step and what it needs')
    .option('--force [=step,...]', 'run these steps, or all, although there are stored results')
    .option('--no-cache', 'look for no stored results')
    .option('--accept <step>', 'take what this step wrote last, whatever changed; may be repeated')
    .option(
      '--resume [=run]',
      'go on with the newest run of the program, or with this one, where it did not succeed',
    )
    .option(
      '--take-over',
      'with --resume: also a run whose process cannot be asked from here, on another host; say it only where it is dead',
    )
    .option('--trace', 'list the files that steps read and do not declare (by strace); nothing is reused')
    .option('--target <name>', 'where to run, see same list targets (default SAME_ENVIRONMENT, else local)')
    .option(
      '--engine <name>',
      "short for that engine's default target: local, podman, kubernetes, argo, tekton, kubeflow",
    )
    .option('--allow-unmet', 'run although requirements are not met, and record it');
  return withCommon(command, [
    'same run program arXiv.1303.5778v1:1.0 --epochs=1000',
    'same run arXiv.1303.5778v1:1.0 --plan',
    'same run -f . --epochs 5',
    'same run arXiv.1303.5778v1:1.0 -j 4 --until evaluate',
    'same run --resume',
  ]);
}
