import type { Engine } from '../engines/engine.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { cellFinding } from '../pipeline/selection.ts';
import type { ResolvedParameter } from '../program/parameters.ts';
import type { Program } from '../program/schema.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { secretParameters } from './redaction.ts';
import { declaredSecrets } from './run-context.ts';

/** @throws SAME1103 for each parameter that holds the value of a secret */
export function refuseSecretParameters(
  ports: Ports,
  program: Program,
  parameters: Record<string, ResolvedParameter>,
): void {
  throwFindings(
    secretParameters(parameters, declaredSecrets(ports, program)).map(({ parameter, secret }) => ({
      code: 'SAME1103',
      message: `parameter "${parameter}" holds the value of the secret ${secret}, and parameters are recorded`,
      place: parameter,
      hint: `leave it out: a step that lists ${secret} in its secrets gets it as a variable`,
      clause: 'SAME-RUN-081',
    })),
  );
}

/** What stands against `--trace` (spec SAME-RUN-031). */
export function untraceable(ports: Ports, { trace }: RunRequest, engine: string): Finding[] {
  if (!trace) return [];
  if (engine !== 'local') {
    return [{ code: 'SAME1016', message: `--trace is not supported by engine ${engine}`, place: '--trace' }];
  }
  if (ports.hasCommand('strace')) return [];
  return [
    {
      code: 'SAME1701',
      message: '--trace: want command strace, have none',
      place: '--trace',
      hint: 'install strace (on Debian: apt install strace), or run without --trace',
    },
  ];
}

/** What stands against going on after a failure as asked (SAME1902). */
export function unknownAfterFailure(
  { onFailure }: RunRequest,
  { name, onFailure: known }: Engine,
): Finding[] {
  if (onFailure === undefined || !known || known.includes(onFailure)) return [];
  return [
    {
      code: 'SAME1902',
      message: `engine ${name} does not take --${onFailure}`,
      place: `--${onFailure}`,
      hint: `what it does after a failure: ${known.join(' or ')}`,
    },
  ];
}

/** What stands against a number of steps at a time (SAME1902). */
export function unknownJobs({ jobs }: RunRequest, { name, takesNoJobs }: Engine): Finding[] {
  if (jobs === undefined || !takesNoJobs) return [];
  return [
    {
      code: 'SAME1902',
      message: `engine ${name} does not take --jobs: it starts all that can run`,
      place: '--jobs',
      hint: 'leave it out, or use an engine that takes it: --engine argo',
    },
  ];
}

/** Steps that options name and the program does not have (spec SAME-RUN-026). */
export function unknownSteps(program: Program, { force, accept = [] }: RunRequest): Finding[] {
  const { steps, finally: last = {} } = program.pipeline;
  const known = [...Object.keys(steps), ...Object.keys(last)];
  const named = [
    ...(Array.isArray(force) ? force.map((name) => ['--force', name] as const) : []),
    ...accept.map((name) => ['--accept', name] as const),
  ];
  return named.flatMap(([option, name]) => {
    if (known.includes(name)) return [];
    const cell = cellFinding(option, name, new Set(known));
    if (cell) return [cell];
    const meant = nearest(name, known);
    return [
      {
        code: 'SAME1009' as const,
        message: `${option}: there is no step "${name}"${meant === undefined ? '' : ` — did you mean ${meant}?`}`,
        place: option,
      },
    ];
  });
}
