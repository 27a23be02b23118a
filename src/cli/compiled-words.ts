import type { Compiled } from '../engines/cluster-compiler.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import { type CompiledProgram, type Compiler, compileProgram } from '../operations/compile-program.ts';
import { compileSweep, type SweepCompiler } from '../operations/compile-sweep.ts';
import type { Ports } from '../operations/ports.ts';
import type { RunRequest } from '../operations/prepare-run.ts';
import type { Search } from '../sweeps/sweep.ts';
import { requestOf } from './run-request.ts';
import { splitRunWords } from './run-words.ts';
import { splitSweepWords } from './sweep-words.ts';

/** What was compiled of what words say, and whether a file gives way to it whatever that is. */
export type CompiledWords = CompiledProgram & Compiled & { force: boolean };

/** What compiles the searches of one engine. */
export interface ExperimentCompiler extends SweepCompiler {
  compile(compilation: CompiledProgram['compilation'], search: Search, secrets: readonly string[]): Compiled;
}

/** Compiles what the words of `same run` say. */
export async function compileRunWords(
  ports: Ports,
  words: string[],
  compiler: Compiler,
): Promise<CompiledWords> {
  const request = compilable(words);
  const program = await compileProgram(ports, request, compiler);
  const compiled = compiler.compile(program.compilation, program.secrets);
  return { ...program, ...compiled, force: request.force === true };
}

/** Compiles what the words of `same sweep` say. */
export async function compileSweepWords(
  ports: Ports,
  words: string[],
  { compile, ...compiler }: ExperimentCompiler,
): Promise<CompiledWords> {
  const force = words.indexOf('--force');
  const isForced = force >= 0 && !words.slice(0, force).includes('--');
  const split = splitSweepWords(isForced ? words.toSpliced(force, 1) : words);
  const { reference = '', shared, target, engine: _, allowUnmet, noCache, plan, resume, ...request } = split;
  throwFindings(
    unused({
      '--target': target !== undefined,
      '--allow-unmet': allowUnmet,
      '--no-cache': noCache,
      '--plan': plan,
      '--resume': resume !== undefined,
    }),
  );
  const sweep = await compileSweep(ports, { ...request, reference, sharedOptions: shared }, compiler);
  return { ...sweep, ...compile(sweep.compilation, sweep.search, sweep.secrets), force: isForced };
}

/** @throws SAME1902 for words that would change nothing */
function compilable(words: string[]): RunRequest {
  const split = splitRunWords(words);
  throwFindings(
    // They tell how this machine runs something, and nothing of what is compiled.
    unused({
      '--target': split.target !== undefined,
      '--jobs': split.jobs !== undefined,
      '--plan': split.plan === true,
      '--resume': split.resume !== undefined,
      '--allow-unmet': split.allowUnmet === true,
    }),
  );
  return requestOf(split);
}

function unused(options: Record<string, boolean>): Finding[] {
  return Object.entries(options)
    .filter(([, isGiven]) => isGiven)
    .map(([option]) => ({
      code: 'SAME1902',
      message: `compile does not take ${option}`,
      hint: 'see: same compile --help',
    }));
}
