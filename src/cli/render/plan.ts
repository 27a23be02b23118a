import { renderCommand } from '../../pipeline/command.ts';
import type { Plan, PlannedParameter } from '../../pipeline/plan.ts';
import type { RequirementRecord } from '../../runs/run-record.ts';
import { plain, table } from './text.ts';

/** What would run, for people. */
export function renderPlan(plan: Plan, requirements: readonly RequirementRecord[]): string {
  const { program } = plan;
  const lines = [
    `${program.name}:${program.version} (${program.digest})`,
    `target ${plan.target} (engine ${plan.engine})${plan.profile ? `, profile ${plan.profile}` : ''}`,
    ...renderParameters(plan.parameters),
    'steps',
  ];
  for (const step of plan.steps) {
    lines.push(`  ${step.name}${step.after.length > 0 ? ` (after ${step.after.join(', ')})` : ''}`);
    lines.push(`    ${plain(renderCommand(step))}`);
    const details = [`environment ${step.environment}`];
    if (step.workdir !== '.') details.push(`in ${step.workdir}`);
    if (step.timeoutMs !== undefined) details.push(`timeout ${step.timeoutMs / 1000} s`);
    if (step.retries.max > 0) details.push(`up to ${step.retries.max} retries`);
    if (step.secrets.length > 0) details.push(`secrets ${step.secrets.join(', ')}`);
    lines.push(`    ${details.join(' · ')}`);
  }
  const asked = requirements.filter(({ want }) => want !== '');
  if (asked.length > 0) {
    lines.push(
      'requirements',
      table(
        asked.map(({ what, want, have, met, optional }) => [
          met ? 'ok' : optional ? 'optional' : 'UNMET',
          what,
          `want ${want}`,
          `have ${have}`,
        ]),
        '  ',
      ),
    );
  }
  return lines.join('\n');
}

/** Each parameter's value and where it came from: `epochs: 1000 (--epochs; default 100)`. */
export function renderParameters(parameters: Record<string, PlannedParameter>): string[] {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return [];
  return ['parameters', ...entries.map(([name, parameter]) => `  ${renderParameter(name, parameter)}`)];
}

/** One parameter as one line. */
export function renderParameter(name: string, parameter: PlannedParameter): string {
  const from =
    parameter.source === 'default'
      ? 'default'
      : 'default' in parameter
        ? `${parameter.source}; default ${JSON.stringify(parameter.default)}`
        : parameter.source;
  return plain(`${name}: ${JSON.stringify(parameter.value)} (${from})`);
}
