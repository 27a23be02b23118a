import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { engines, RUN_ENGINES } from '../program/engines.ts';
import type { Program } from '../program/schema.ts';
import type { ConfiguredTargets, Target } from '../program/target.ts';

/** Who may say where to run; the first that does wins. */
export interface TargetChoice {
  /** `--target NAME`. */
  target?: string | undefined;
  /** `--engine NAME`: short for that engine's default target. */
  engine?: string | undefined;
  /** `SAME_ENVIRONMENT`. */
  variable?: string | undefined;
  program?: Program;
  /** What is set in the home; none when it is not given. */
  configured?: ConfiguredTargets;
}

const LOCAL: Target = { name: 'local', engine: 'local' };

/** The engine that runs on a declared target of a kind, where that needs no setting. */
const engineOfKind: Record<string, string> = { process: 'local', container: 'podman' };

/** Engines of the design that are not in this version, with what each would need here. */
const otherEngines: Record<string, string> = { slurm: 'a cluster with sbatch and a shared file system' };

/** Every engine by name, those that run programs first. */
export const engineNames: readonly string[] = [
  ...engines.filter(({ runs }) => runs),
  ...engines.filter(({ runs }) => !runs),
].map(({ name }) => name);

/** Whether a choice can be made without looking at what is set in the home. */
export function isPlainChoice({ target, engine, variable }: TargetChoice): boolean {
  const named = target === undefined && engine === undefined ? [variable] : [target, engine];
  return named.every((name) => !name || name === 'local' || name === 'podman');
}

/**
 * Decides where a program runs: `--target`, else `--engine`, else `SAME_ENVIRONMENT`, else `local` (spec SAME-ENG-020).
 * The place changes no digest and no result.
 * @throws SAME1702 a place that is known and not available, SAME1902 one that is not known or a contradiction
 */
export function resolveTarget(choice: TargetChoice): Target {
  const { target, engine, variable } = choice;
  if (target !== undefined && engine !== undefined) return agreed(choice, target, engine);
  if (target !== undefined) return named(target, '--target', choice);
  if (engine !== undefined) return ofEngine(engine, choice);
  if (variable) return named(variable, 'SAME_ENVIRONMENT', choice);
  return LOCAL;
}

/** A target and the engine that it has anyhow, or two places. */
function agreed(choice: TargetChoice, target: string, engine: string): Target {
  const chosen = named(target, '--target', choice);
  const { name } = ofEngine(engine, choice);
  if (chosen.engine === name) return chosen;
  throw new SameError({
    code: 'SAME1902',
    message: `--target ${chosen.name} and --engine ${name} name two places`,
    hint: 'give one of them',
  });
}

/** The default target of an engine: what is set by the engine's own name. */
function ofEngine(name: string, choice: TargetChoice): Target {
  if (engineNames.includes(name) || Object.hasOwn(otherEngines, name)) return named(name, '--engine', choice);
  const meant = nearest(name, engineNames);
  throw new SameError({
    code: 'SAME1902',
    message: `unknown engine "${name}" (from --engine)${said(meant)} (known: ${engineNames.join(', ')})`,
    ...(choice.configured?.has(name) ? { hint: `it is a target: --target ${name}` } : {}),
  });
}

function named(name: string, source: string, { program, configured = new Map() }: TargetChoice): Target {
  const settings = configured.get(name);
  if (settings) return { name, ...settings };
  if (RUN_ENGINES.includes(name)) return { name, engine: name };
  const engine = engines.find((one) => one.name === name);
  if (engine) {
    throw new SameError({
      code: 'SAME1702',
      message: `${name} (from ${source}) is not available: this version of same runs nothing with ${name}, and writes what would run as files for it`,
      hint: `same compile … --engine ${name}; what runs programs: ${RUN_ENGINES.join(', ')}`,
    });
  }
  const missing = Object.hasOwn(otherEngines, name) ? otherEngines[name] : undefined;
  if (missing !== undefined) {
    throw new SameError({
      code: 'SAME1702',
      message: `${name} (from ${source}) is not available: this version of same has no ${name} engine, which will need ${missing}`,
      hint: `what runs programs: ${RUN_ENGINES.join(', ')}; leave out --target and --engine, unset SAME_ENVIRONMENT`,
    });
  }
  const declared = program?.infrastructure?.targets ?? [];
  const kind = declared.find((one) => one.name === name)?.kind;
  if (kind !== undefined && Object.hasOwn(engineOfKind, kind)) return { name, engine: engineOfKind[kind]! };
  if (kind === 'kubernetes') {
    throw new SameError({
      code: 'SAME1702',
      message: `target "${name}" (from ${source}) is declared by the program, and not set in this home`,
      hint: `say which cluster that is: same set target ${name} --engine kubernetes --context CONTEXT`,
    });
  }
  if (kind !== undefined) {
    throw new SameError({
      code: 'SAME1702',
      message: `target "${name}" (from ${source}) is of kind ${kind}, which this version of same cannot run on`,
      hint: `what runs programs: ${RUN_ENGINES.join(', ')}; leave out --target and --engine, unset SAME_ENVIRONMENT`,
    });
  }
  const known = [...new Set([...engineNames, ...configured.keys(), ...declared.map((one) => one.name)])];
  throw new SameError({
    code: 'SAME1902',
    message: `unknown target "${name}" (from ${source})${said(nearest(name, known))} (known: ${known.join(', ')})`,
    hint: 'see: same list targets',
  });
}

function said(meant: string | undefined): string {
  return meant === undefined ? '' : ` — did you mean ${meant}?`;
}
