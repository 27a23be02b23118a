import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { type CellForecast, forecastRun } from './forecast-run.ts';
import type { Ports } from './ports.ts';
import { prepareRun, type RunRequest } from './prepare-run.ts';

/**
 * `same why`: what running a program now would do with each step, and which part of it changed since it ran last.
 * Nothing runs and nothing is stored.
 * @param step a step or one cell of it; all of them when it is not given
 * @throws SAME1009 there is no such step
 */
export async function explainSteps(
  ports: Ports,
  request: RunRequest,
  step?: string,
): Promise<CellForecast[]> {
  using temporary = ports.files.scratch();
  const prepared = await prepareRun(ports, request, temporary.path);
  const forecasts = await forecastRun(ports, prepared, temporary.path);
  if (step === undefined) return forecasts;
  const found = forecasts.filter(({ step: cell }) => cell === step || cell.replace(/\.[0-9]+$/, '') === step);
  if (found.length > 0) return found;
  const names = prepared.plan.steps.map(({ name }) => name);
  const of = step.replace(/\.[0-9]+$/, '');
  if (prepared.plan.leftOut?.includes(of)) {
    throw new SameError({
      code: 'SAME1902',
      message: `step "${of}" is not among those that were chosen: ${names.join(', ')}`,
      hint: 'ask for it without --step, --from and --until, or with others',
    });
  }
  const meant = nearest(step, names);
  throw new SameError({
    code: 'SAME1009',
    message: `there is no step "${step}"${meant === undefined ? '' : ` — did you mean ${meant}?`}`,
    hint: `steps: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`,
  });
}
