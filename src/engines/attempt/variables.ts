import { wordOf } from '../../pipeline/command.ts';
import type { JsonObject } from '../../program/json.ts';
import type { StepAttempt, Workspace } from './step-attempt.ts';

/** The scrubbed environment of a step: nothing of the caller's but what the contract names. */
export function stepVariables(
  { step, cell, attempt, gpus, environment, context }: StepAttempt,
  workspace: Workspace,
): Record<string, string> {
  const named = (prefix: string, values: JsonObject) =>
    Object.entries(values).map(([name, value]): [string, string] => [
      `${prefix}${name.toUpperCase().replaceAll('-', '_')}`,
      wordOf(value),
    ]);
  const secrets = step.secrets.flatMap((name): [string, string][] =>
    context.secrets[name] === undefined ? [] : [[name, context.secrets[name]]],
  );
  return {
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...(gpus.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: gpus.join(',') }),
    ...environment.variables,
    ...Object.fromEntries(secrets),
    ...Object.fromEntries(named('SAME_PARAM_', step.parameters)),
    ...Object.fromEntries(named('SAME_MATRIX_', cell.matrix)),
    PATH: environment.path.join(':'),
    HOME: workspace.home,
    TMPDIR: workspace.temporary,
    SAME_PARAMS: workspace.parameters,
    SAME_IN: workspace.in,
    SAME_OUT: workspace.out,
    SAME_SCRATCH: workspace.scratch,
    SAME_RUN_ID: context.runId,
    ...(gpus.length === 0 ? {} : { SAME_GPUS: gpus.join(',') }),
    SAME_STEP: cell.name,
    SAME_ATTEMPT: String(attempt),
  };
}
