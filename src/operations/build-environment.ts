import type { ReadyEnvironment } from '../environments/environment.ts';
import { SameError } from '../errors/same-error.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';

/** An environment that the next run finds ready. */
export type MadeReady = ReadyEnvironment;

/**
 * `same build environment`: makes the environments of a stored program ready, so that its next run need not.
 * @param options.name one of them; all that its steps use without it
 * @param options.allowBuild accept packages that have to be built, which executes their code
 * @throws SAME1009 it declares none of that name · SAME1501 to SAME1505 · SAME1701
 */
export async function buildEnvironments(
  ports: Ports,
  reference: string,
  options: { name?: string; allowBuild: boolean },
): Promise<MadeReady[]> {
  const { artifact } = await findProgram(ports, reference);
  const { program } = artifact;
  const declared = Object.keys(program.environments ?? {});
  if (options.name !== undefined && options.name !== 'default' && !declared.includes(options.name)) {
    throw new SameError({
      code: 'SAME1009',
      message: `${program.metadata.name}:${program.metadata.version} has no environment "${options.name}"`,
      hint: declared.length === 0 ? 'it declares none' : `it has: ${declared.join(', ')}`,
    });
  }
  using temporary = ports.files.temporary();
  const environments = openProgramEnvironments(
    ports,
    artifact,
    temporary.path,
    false,
    false,
    options.allowBuild,
  );
  const steps = [...Object.values(program.pipeline.steps), ...Object.values(program.pipeline.finally ?? {})];
  const used = [...new Set(steps.map(({ environment }) => environment ?? 'default'))].sort();
  const ready: MadeReady[] = [];
  for (const name of options.name === undefined ? used : [options.name])
    ready.push(await environments.ready(name));
  return ready;
}
