import { wordOf } from '../../pipeline/command.ts';
import type { StepAttempt, Workspace } from './step-attempt.ts';

/** The scrubbed environment of a step: nothing of the caller's but what the contract names. */
export function stepVariables(
  { step, attempt, environment, context }: StepAttempt,
  workspace: Workspace,
): Record<string, string> {
  const parameters = Object.entries(step.parameters).map(([name, value]): [string, string] => [
    `SAME_PARAM_${name.toUpperCase().replaceAll('-', '_')}`,
    wordOf(value),
  ]);
  const secrets = step.secrets.flatMap((name): [string, string][] =>
    context.secrets[name] === undefined ? [] : [[name, context.secrets[name]]],
  );
  return {
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...environment.variables,
    ...Object.fromEntries(secrets),
    ...Object.fromEntries(parameters),
    PATH: environment.path.join(':'),
    HOME: workspace.home,
    TMPDIR: workspace.temporary,
    SAME_PARAMS: workspace.parameters,
    SAME_IN: workspace.in,
    SAME_OUT: workspace.out,
    SAME_SCRATCH: workspace.scratch,
    SAME_RUN_ID: context.runId,
    SAME_STEP: step.name,
    SAME_ATTEMPT: String(attempt),
  };
}
