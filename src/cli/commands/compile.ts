import { Command } from 'commander';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import { engines } from '../../program/engines.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** The page of `same compile`: what would run on a cluster, as files for it. */
export function compileCommand(cli: Cli): Command {
  const command = new Command('compile')
    .description(
      'Write what would run on a cluster as files that it takes: of every step the cells that no stored result stands in for. Nothing runs, and no cluster is asked. Takes the words of same run that say what runs; with --engine katib those of same sweep that say what is searched.',
    )
    .argument('[words...]', 'NAME[:VERSION], parameters and other words of same run, or of same sweep')
    .option('--engine <name>', engineWords())
    .option(
      '-o, --output <file>',
      'the file to write (default: print it); one that is there gives way where compile wrote it for the same version and engine and nobody changed it, or by --force',
    )
    .allowUnknownOption()
    .action(async (words: string[], { engine = '', output }: { engine?: string; output?: string }) => {
      const ports = cli.ports();
      const { compilers, manifestText, sealed, writeCompiled } = await import('../compile.ts');
      if (!Object.hasOwn(compilers, engine)) {
        throw new SameError({
          code: 'SAME1902',
          message: engine === '' ? 'compile needs --engine' : `there is no compiler for engine "${engine}"`,
          hint: `compile for ${Object.keys(compilers).join(', ')}; for Jobs of any cluster: --engine kubernetes`,
        });
      }
      const { compilation, reused, secrets, objects, findings, comments, made, force } = await compilers[
        engine
      ]!(ports, words);
      throwFindings(findings);
      const text = sealed(manifestText(objects, comments));
      if (output !== undefined) writeCompiled(ports, output, text, force);
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
          : `${many} to run in ${made}, ${reused} reused${output === undefined ? '' : `: ${output}`}`,
      );
    });
  return withCommon(command, [
    'same compile arXiv.1303.5778v1:1.0 --engine kubernetes -o jobs.yaml --epochs=1000',
    'same compile -f . --engine kubernetes --until train',
    'same compile -f . --engine kubeflow -o pipeline.yaml',
    "same compile iris:1.0 --engine katib --lr='log(1e-5,1e-1)' --objective=min:loss --trials=20",
  ]);
}

function engineWords(): string {
  return engines
    .filter(({ compiles }) => compiles)
    .map(({ name, what }) => `${name}: ${what}`)
    .join('; ');
}
