import { renderCommand } from '../../pipeline/command.ts';
import type { Plan, PlannedCell, PlannedParameter, PlannedStep } from '../../pipeline/plan.ts';
import type { RequirementRecord } from '../../runs/run-record.ts';
import { valueText } from './run-steps.ts';
import { plain, plainLine, table } from './text.ts';

/** What would run, for people. */
export function renderPlan(plan: Plan, requirements: readonly RequirementRecord[]): string {
  const { program } = plan;
  const lines = [
    `${program.name}:${program.version} (${program.digest})`,
    `target ${plan.target} (engine ${plan.engine})${plan.profile ? `, profile ${plan.profile}` : ''}`,
    ...renderParameters(plan.parameters),
    'steps',
  ];
  for (const step of plan.steps) lines.push(...renderStep(step).map((line) => `  ${line}`));
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

function renderStep(step: PlannedStep): string[] {
  const { name, after, foreach, resources } = step;
  const sources = after.length > 0 ? ` (after ${after.join(', ')})` : '';
  const left = step.selected === 'reuse' ? ': not asked for, a stored result must stand in for it' : '';
  const lines = [`${name}${step.group === 'finally' ? ' (finally)' : ''}${sources}${left}`];
  if (foreach) lines.push(`  a cell for each item of ${foreach.step}.${foreach.output}`);
  else lines.push(...renderCells(step.cells).map((line) => `  ${line}`));
  if (step.when !== undefined) lines.push(`  ${plainLine(`only when ${step.when}`)}`);
  lines.push(`  ${plain(renderCommand(step))}`);
  const { cpu, memory, disk, gpu } = resources;
  const details = [
    `environment ${step.environment}`,
    ...(step.workdir === '.' ? [] : [`in ${step.workdir}`]),
    ...(step.timeoutMs === undefined ? [] : [`timeout ${step.timeoutMs / 1000} s`]),
    ...(step.retries.max > 0 ? [`up to ${step.retries.max} retries`] : []),
    ...(step.parallel === undefined ? [] : [`at most ${step.parallel} cells at a time`]),
    ...step.mutex.map((each) => `alone with ${each}`),
    ...(cpu === undefined ? [] : [`cpu ${cpu}`]),
    ...(memory === undefined ? [] : [`memory ${memory}`]),
    ...(disk === undefined ? [] : [`disk ${disk.size}`]),
    ...(gpu === undefined ? [] : [`gpu ${gpu.count}${gpu.optional ? ' if there is one' : ''}`]),
    ...(step.cache === false
      ? ['never reused']
      : step.cache === 'portable'
        ? ['reused across platforms']
        : []),
    ...(step.secrets.length > 0 ? [`secrets ${step.secrets.join(', ')}`] : []),
  ];
  lines.push(`  ${details.join(' · ')}`);
  return lines;
}

/** So many values of a dimension, and cells that are left out, are named. */
const VALUES = 8;

/** The cells of a step with a matrix, and those that its condition leaves out: `6 cells: lr 0.1, 0.2 × seed 0, 1, 2`. */
function renderCells(cells: readonly PlannedCell[]): string[] {
  const skipped = cells.filter((cell) => cell.skipped !== undefined);
  const [first] = skipped;
  const names = Object.keys(cells[0]?.matrix ?? {});
  if (names.length === 0) return first ? [plainLine(`skipped: ${first.skipped}`)] : [];
  const dimensions = names.map((name) => {
    const values = [...new Set(cells.map(({ matrix }) => valueText(matrix[name])))];
    const more = values.length > VALUES ? ` … ${values.length} in all` : '';
    return `${name} ${values.slice(0, VALUES).join(', ')}${more}`;
  });
  const lines = [`${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}: ${dimensions.join(' × ')}`];
  if (first) {
    const which = skipped.slice(0, VALUES).map(({ name }) => name);
    const more = skipped.length > VALUES ? ` and ${skipped.length - VALUES} more` : '';
    lines.push(`${skipped.length} skipped (${which.join(', ')}${more}): ${first.skipped}`);
  }
  return lines.map(plainLine);
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
