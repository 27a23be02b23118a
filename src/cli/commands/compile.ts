import { Command } from 'commander';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import type { RunRequest } from '../../operations/prepare-run.ts';
import type { Cli } from '../cli.ts';
import { requestOf } from '../run-request.ts';
import { splitRunWords } from '../run-words.ts';
import { withCommon } from '../words.ts';

/** The page of `same compile`: what would run on a cluster, as files for it. */
export function compileCommand(cli: Cli): Command {
  const command = new Command('compile')
    .description(
      'Write what would run on a cluster as files that it takes: of every step the cells that no stored result stands in for. Nothing runs, and no cluster is asked. Takes the words of same run that say what runs.',
    )
    .argument('[words...]', 'NAME[:VERSION], parameters and other words of same run')
    .option('--engine <name>', 'kubernetes: Jobs, as any cluster runs them')
    .option('-o, --output <file>', 'the file to write (default: print it)')
    .allowUnknownOption()
    .action(async (words: string[], { engine, output }: { engine?: string; output?: string }) => {
      if (engine !== 'kubernetes') {
        throw new SameError({
          code: 'SAME1902',
          message:
            engine === undefined ? 'compile needs --engine' : `there is no compiler for engine "${engine}"`,
          hint: 'compile for Jobs of any cluster: --engine kubernetes',
        });
      }
      const ports = cli.ports();
      const { ROOT, compileJobs, compileProgram, jobRefusals, manifestText, placesTaken, shimText } =
        await import('../compile.ts');
      const { compilation, reused, secrets } = await compileProgram(ports, compilable(words), {
        name: engine,
        refusals: jobRefusals,
        shim: shimText(),
        packed: `${ROOT}/spec`,
        placesTaken,
      });
      const { objects, findings } = compileJobs(compilation);
      throwFindings(findings);
      const text = manifestText(objects, await comments(compilation, secrets));
      if (output !== undefined) ports.files.write(output, text);
      const { runId, steps } = compilation;
      if (cli.json) {
        const cells = Object.fromEntries(
          steps.map(({ step, cells: of }) => [step.name, of.map(({ name }) => name)]),
        );
        cli.printJson('Compilation', {
          engine,
          run: runId,
          cells,
          reused,
          secrets,
          file: output ?? null,
          objects,
        });
      } else if (output === undefined) cli.print(text.trimEnd());
      const many = steps.reduce((sum, { cells }) => sum + cells.length, 0);
      cli.say(
        many === 0
          ? `nothing is to run: ${reused} reused`
          : `${many} to run in ${steps.length} ${steps.length === 1 ? 'Job' : 'Jobs'}, ${reused} reused${output === undefined ? '' : `: ${output}`}`,
      );
    });
  return withCommon(command, [
    'same compile arXiv.1303.5778v1:1.0 --engine kubernetes -o jobs.yaml --epochs=1000',
    'same compile -f . --engine kubernetes --until train',
  ]);
}

/** Words of `same run` that tell how this machine runs something, and nothing of what is compiled. */
const OF_RUNS = {
  target: '--target',
  jobs: '--jobs',
  plan: '--plan',
  keepGoing: '--keep-going',
  resume: '--resume',
  allowUnmet: '--allow-unmet',
} as const;

/** @throws SAME1902 for words that would change nothing */
function compilable(words: string[]): RunRequest {
  const split = splitRunWords(words);
  throwFindings(
    Object.entries(OF_RUNS)
      .filter(([key]) => split[key as keyof typeof OF_RUNS])
      .map(([, option]) => ({
        code: 'SAME1902',
        message: `compile does not take ${option}`,
        hint: 'see: same compile --help',
      })),
  );
  return requestOf(split);
}

/** What a person who applies the file has to know. */
async function comments(
  {
    plan: { program },
    steps,
  }: { plan: { program: { name: string; version: string } }; steps: { after: string[] }[] },
  secrets: string[],
): Promise<string[]> {
  const { SECRET, VOLUME } = await import('../compile.ts');
  return [
    `${program.name}:${program.version} as Jobs, made by same compile --engine kubernetes.`,
    `Needs a PersistentVolumeClaim "${VOLUME}" that all nodes can write, in the namespace of the Jobs.`,
    ...(secrets.length === 0 ? [] : [`Needs a Secret "${SECRET}" with ${secrets.join(', ')}.`]),
    'kubectl apply --server-side -f FILE',
    ...(steps.every(({ after }) => after.length === 0)
      ? []
      : [
          'A Job that reads from others (same.dev/after) is suspended. Once they are complete, let it go on:',
          'kubectl patch job NAME --type=merge -p \'{"spec":{"suspend":false}}\'',
        ]),
  ];
}
