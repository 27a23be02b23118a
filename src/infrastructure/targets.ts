import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Program } from '../program/schema.ts';

/** Where a program runs: a configured place and the engine that runs it there. */
export interface Target {
  name: string;
  engine: string;
}

/** Who may say where to run; the first that does wins. */
export interface TargetChoice {
  /** `--target NAME`. */
  target?: string | undefined;
  /** `--engine NAME`: short for that engine's default target. */
  engine?: string | undefined;
  /** `SAME_ENVIRONMENT`. */
  variable?: string | undefined;
  program?: Program;
}

const LOCAL: Target = { name: 'local', engine: 'local' };

/** Engines of this version. */
const ENGINES = ['local', 'podman'];

/** The engine that runs on a declared target of a kind. */
const engineOfKind: Record<string, string> = { process: 'local', container: 'podman' };

/** Engines of the design that are not in this version, with what each would need here. */
const otherEngines: Record<string, string> = {
  kubernetes: 'a cluster that kubectl reaches and an image for each environment',
  argo: 'a cluster with Argo Workflows and an image for each environment',
  tekton: 'a cluster with Tekton Pipelines and an image for each environment',
  kubeflow: 'a cluster with Kubeflow Pipelines v2 and an image for each environment',
  slurm: 'a cluster with sbatch and a shared file system',
};

/** Every engine by name, those of this version first. */
export const engineNames: readonly string[] = [...ENGINES, ...Object.keys(otherEngines)];

/**
 * Decides where a program runs: `--target`, else `--engine`, else `SAME_ENVIRONMENT`, else `local`. The place changes
 * no digest and no result.
 * @throws SAME1702 a place that is known and not available, SAME1902 one that is not known or a contradiction
 */
export function resolveTarget(choice: TargetChoice): Target {
  const { target, engine, variable, program } = choice;
  if (target !== undefined && engine !== undefined && target !== engine) {
    const chosen = [named(target, '--target', program), named(engine, '--engine', program)];
    throw new SameError({
      code: 'SAME1902',
      message: `--target ${chosen[0]!.name} and --engine ${chosen[1]!.name} name two places`,
      hint: 'give one of them',
    });
  }
  if (target !== undefined) return named(target, '--target', program);
  if (engine !== undefined) return named(engine, '--engine', program);
  if (variable) return named(variable, 'SAME_ENVIRONMENT', program);
  return LOCAL;
}

function named(name: string, source: string, program: Program | undefined): Target {
  if (ENGINES.includes(name)) return { name, engine: name };
  const missing = otherEngines[name];
  const hint =
    'this version of same has "local" and "podman": leave out --target and --engine, unset SAME_ENVIRONMENT';
  if (missing !== undefined && Object.hasOwn(otherEngines, name)) {
    throw new SameError({
      code: 'SAME1702',
      message: `${name} (from ${source}) is not available: this version of same has no ${name} engine, which will need ${missing}`,
      hint,
    });
  }
  const declared = program?.infrastructure?.targets ?? [];
  const kind = declared.find((one) => one.name === name)?.kind;
  if (kind !== undefined && Object.hasOwn(engineOfKind, kind)) return { name, engine: engineOfKind[kind]! };
  if (kind !== undefined) {
    throw new SameError({
      code: 'SAME1702',
      message: `target "${name}" (from ${source}) is of kind ${kind}, which this version of same cannot run on`,
      hint,
    });
  }
  const known = [...new Set([...engineNames, ...declared.map((one) => one.name)])];
  const meant = nearest(name, known);
  throw new SameError({
    code: 'SAME1902',
    message: `unknown target "${name}" (from ${source})${meant === undefined ? '' : ` — did you mean ${meant}?`} (known: ${known.join(', ')})`,
  });
}
