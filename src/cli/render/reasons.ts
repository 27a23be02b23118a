import type { CellForecast } from '../../operations/forecast-run.ts';
import type { KeyChange } from '../../pipeline/key-changes.ts';
import type { JsonValue } from '../../program/json.ts';
import { plain } from './text.ts';

/** Cells of one step beyond this are told together when they have the same reason. */
const TOLD_ALONE = 8;
/** A value longer than this is cut. */
const VALUE_LENGTH = 60;

const WORDS = { reuse: 'is reused', run: 'runs', waits: 'waits', skip: 'is left out' } as const;
const WORDS_OF_MANY = { reuse: 'are reused', run: 'run', waits: 'wait', skip: 'are left out' } as const;

/** What would become of each cell, and why, for people: a line each, and one for everything that changed. */
export function renderReasons(forecasts: readonly CellForecast[]): string {
  const groups = Map.groupBy(forecasts, (cell) => groupOf(cell, forecasts));
  return [...groups.values()].flatMap(renderGroup).join('\n');
}

/** How many cells run, are reused and so on, in one line. */
export function renderForecastCounts(forecasts: readonly CellForecast[]): string {
  const count = (decision: CellForecast['decision']) =>
    forecasts.filter((cell) => cell.decision === decision).length;
  const parts = [
    [count('run'), 'to run'],
    [count('waits'), 'to see once those have run'],
    [count('reuse'), 'reused'],
    [count('skip'), 'left out'],
  ].filter(([many]) => many !== 0);
  return `${forecasts.length} ${forecasts.length === 1 ? 'step' : 'steps'}: ${parts.map((part) => part.join(' ')).join(', ')}`;
}

function renderGroup(cells: CellForecast[]): string[] {
  const [first] = cells as [CellForecast];
  const isOne = cells.length === 1;
  const name = isOne ? first.step : `${cells.length} cells of ${first.step.replace(/\.[0-9]+$/, '')}`;
  const words = isOne ? WORDS : WORDS_OF_MANY;
  const values = Object.entries(first.matrix ?? {}).map(([key, value]) => `${key}=${shown(value)}`);
  const matrix = cells.length === 1 && values.length > 0 ? ` (${values.join(', ')})` : '';
  const run =
    first.run === undefined
      ? ''
      : first.decision === 'reuse'
        ? ` (run ${first.run})`
        : ` in run ${first.run}`;
  return [
    plain(`${name}${matrix} ${words[first.decision]}: ${first.because}${run}`),
    ...first.changes.map((change) => plain(`    ${renderChange(change)}`)),
  ];
}

function renderChange(change: KeyChange): string {
  if (!('old' in change)) return `${change.what}: new, ${shown(change.new!)}`;
  if (!('new' in change)) return `${change.what}: was ${shown(change.old!)}, is not there any more`;
  return `${change.what}: ${shown(change.old!)} → ${shown(change.new!)}`;
}

/** A value as people know it; digests by their first digits. */
function shown(value: JsonValue): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const short = text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');
  return short.length <= VALUE_LENGTH ? short : `${short.slice(0, VALUE_LENGTH - 1)}…`;
}

function groupOf(cell: CellForecast, all: readonly CellForecast[]): string {
  if (all.length <= TOLD_ALONE || !/\.[0-9]+$/.test(cell.step)) return cell.step;
  const { decision, because, run, changes } = cell;
  return JSON.stringify([cell.step.replace(/\.[0-9]+$/, ''), decision, because, run, changes]);
}
