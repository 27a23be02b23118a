import type { StepRecord } from '../../runs/run-record.ts';
import { cut } from './columns.ts';
import type { ShownStep } from './shown-steps.ts';
import { seconds, table } from './text.ts';

/** A table of more steps than this is one of kinds of steps. */
const MOST_ROWS = 40;
/** Values and reasons are told in full by `--json`. */
const VALUE_COLUMNS = 24;
const REASON_COLUMNS = 100;

/** The steps of a run as a table: each, or where they are many those of one name together. */
export function renderSteps(steps: readonly ShownStep[], indent: string): string {
  return table(steps.length > MOST_ROWS ? groupRows(steps) : steps.map(stepRow), indent);
}

/** `12 steps: 9 reused, 2 ran, 1 skipped`. */
export function stepsSummary(steps: readonly ShownStep[]): string {
  const counts = countsOf(steps).map(([what, count]) => `${count} ${what}`);
  return `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}: ${counts.join(', ')}`;
}

/** A cell's values: `seed=0, lr=0.1`. */
export function matrixText(matrix: StepRecord['matrix']): string {
  return Object.entries(matrix ?? {})
    .map(([name, value]) => `${name}=${cut(valueText(value), VALUE_COLUMNS)}`)
    .join(', ');
}

/** A value of a dimension: texts as they are, everything else as JSON. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function stepRow(step: ShownStep): string[] {
  return [
    step.name,
    matrixText(step.matrix),
    whatBecame(step),
    step.usage ? seconds(step.usage.durationMs) : '',
    [
      ...(step.status === 'running' ? [`since ${step.startedAt}`] : []),
      ...(step.exitCode === undefined ? [] : [`exit ${step.exitCode}`]),
      ...(step.signal === undefined ? [] : [step.signal]),
      ...(step.attempts > 1 ? [`${step.attempts} attempts`] : []),
      ...(step.cached && step.cachedFrom !== undefined ? [`from run ${step.cachedFrom}`] : []),
      ...(step.acceptedFrom === undefined ? [] : [`accepted from ${step.acceptedFrom}`]),
      ...(step.because === undefined ? [] : [cut(step.because, REASON_COLUMNS)]),
    ].join(', '),
  ];
}

function groupRows(steps: readonly ShownStep[]): string[][] {
  const groups = Map.groupBy(steps, ({ name, of }) => of ?? name);
  return [...groups].map(([name, cells]) => {
    if (cells.length === 1) return stepRow(cells[0]!);
    const took = cells.reduce((sum, { usage }) => sum + (usage?.durationMs ?? 0), 0);
    const failed = cells.filter(({ status }) => status === 'failed' || status === 'timeout');
    const from = new Set(cells.flatMap(({ cachedFrom }) => cachedFrom ?? []));
    const counts = countsOf(cells).map(([what, count]) => `${count} ${what}`);
    return [
      name,
      `${cells.length} cells`,
      counts.join(', '),
      took === 0 ? '' : seconds(took),
      [
        ...(failed.length === 0 ? [] : [`failed: ${names(failed)}`]),
        ...(from.size === 1 ? [`from run ${[...from][0]}`] : from.size > 1 ? [`from ${from.size} runs`] : []),
      ].join(', '),
    ];
  });
}

function names(cells: readonly ShownStep[]): string {
  const first = cells.slice(0, 3).map(({ name }) => name);
  return `${first.join(', ')}${cells.length > 3 ? ` and ${cells.length - 3} more` : ''}`;
}

function whatBecame({ status, cached, acceptedFrom }: ShownStep): string {
  if (!cached) return status;
  return acceptedFrom === undefined ? 'reused' : 'accepted';
}

/** How many steps became what, what there is none of left out. */
function countsOf(steps: readonly ShownStep[]): [string, number][] {
  const counts = new Map(
    [
      ...['reused', 'accepted', 'ran', 'failed', 'timed out', 'canceled', 'interrupted', 'skipped'],
      ...['running', 'not started'],
    ].map((what) => [what, 0]),
  );
  const words: Record<string, string> = { succeeded: 'ran', timeout: 'timed out', pending: 'not started' };
  for (const step of steps) {
    const became = whatBecame(step);
    const what = words[became] ?? became;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 0);
}
