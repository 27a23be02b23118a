import type { JsonObject } from '../../program/json.ts';
import type { SweepRecord, TrialRecord } from '../../sweeps/sweep.ts';
import type { StoredSweep } from '../../sweeps/sweep-store.ts';
import { figure, plainLine, plainRecord, seconds, table } from './text.ts';

/** The most trials that a table shows. */
const SHOWN = 10;

/** One trial that ended, as a line: `trial 3 of 20 succeeded in 1.2 s: lr=0.001 model=a, loss 0.31 (best so far)`. */
export function renderTrial(trial: TrialRecord, sweep: SweepRecord, count: number): string {
  const took = trial.durationMs === undefined ? '' : ` in ${seconds(trial.durationMs)}`;
  const best = sweep.best === trial.number ? ' (best so far)' : '';
  const came =
    trial.objective === undefined ? '' : `, ${sweep.objective!.metric} ${figure(trial.objective)}${best}`;
  const why = trial.error === undefined ? '' : `: ${trial.error.code} ${trial.error.message}`;
  return plainLine(
    `[${count}/${sweep.trials}] trial ${trial.number} ${trial.status}${took}: ${valuesText(trial.values)}${came}${why}`,
  );
}

/** A sweep for people: how it stands, and its best trials or all. */
export function renderSweep(written: SweepRecord, options: { all?: boolean } = {}): string {
  const sweep = plainRecord(written);
  const { program, objective } = sweep;
  const tally = ['succeeded', 'failed', 'timeout', 'canceled', 'interrupted', 'running'].flatMap((status) => {
    const count = sweep.results.filter((trial) => trial.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  const left = sweep.trials - sweep.results.length;
  if (left > 0) tally.push(`${left} not begun`);
  const seed = sweep.samplerSeed === undefined ? '' : `, sampler seed ${sweep.samplerSeed}`;
  const lines = [
    `sweep ${sweep.id} of ${program.name}:${program.version} ${sweep.status}`,
    `  ${sweep.trials} trials, ${sweep.algorithm}${seed}${sweep.jobs > 1 ? `, ${sweep.jobs} at a time` : ''}: ${tally.join(', ')}`,
    ...(sweep.error ? [`  ended with ${sweep.error.code}: ${sweep.error.message}`] : []),
    ...sweep.space.map((dimension) => `  ${spaceText(dimension)}`),
  ];
  if (Object.keys(sweep.parameters).length > 0) lines.push(`  in all: ${valuesText(sweep.parameters)}`);
  const order = ranked(sweep);
  const shown = options.all ? order : order.slice(0, SHOWN);
  if (shown.length > 0) {
    lines.push(
      objective ? `  best by ${objective.direction}:${objective.metric}` : '  trials',
      trialTable(sweep, shown),
    );
  }
  if (order.length > shown.length)
    lines.push(`  and ${order.length - shown.length} more: same show sweep ${sweep.id}`);
  const hasFigure = sweep.results.some((trial) => trial.objective !== undefined);
  if (objective && !hasFigure && sweep.status !== 'running')
    lines.push('  there is no best trial: none has a figure');
  if (sweep.status === 'interrupted') lines.push(`  go on with: same sweep --resume=${sweep.id}`);
  return lines.join('\n');
}

/** What would be tried. */
export function renderSweepPlan(
  search: Omit<SweepRecord, 'id' | 'startedAt'>,
  trials: readonly JsonObject[] | undefined,
): string {
  const { program } = search;
  const lines = [
    `${program.name}:${program.version} (${program.digest})`,
    `${search.trials} trials, ${search.algorithm}${search.samplerSeed === undefined ? '' : `, sampler seed ${search.samplerSeed}`}, ${search.jobs} at a time`,
    ...search.space.map((dimension) => `  ${spaceText(dimension)}`),
  ];
  if (!trials) return [...lines, 'what tpe tries depends on what comes of the trials before'].join('\n');
  const names = search.space.map(({ name }) => name);
  const rows = trials.map((values, number) => [`${number}`, ...names.map((name) => cell(values[name]))]);
  return plainLines([...lines, table([['TRIAL', ...names], ...rows], '  ')]);
}

/** Sweeps as a table, newest first. */
export function renderSweeps(sweeps: readonly StoredSweep[]): string {
  return table([
    ['SWEEP', 'PROGRAM', 'STATUS', 'STARTED', 'TRIALS', 'BEST'],
    ...sweeps.map(({ record, elsewhere }) => {
      const sweep = plainRecord(record);
      const ended = sweep.results.filter(({ status }) =>
        ['succeeded', 'failed', 'timeout'].includes(status),
      ).length;
      const best = sweep.results.find(({ number }) => number === sweep.best)?.objective;
      return [
        sweep.id,
        `${sweep.program.name}:${sweep.program.version}`,
        `${sweep.status}${elsewhere ? ' elsewhere' : ''}`,
        sweep.startedAt.slice(0, 16).replace('T', ' '),
        `${ended}/${sweep.trials}`,
        best === undefined ? '' : `${sweep.objective?.metric}=${figure(best)}`,
      ];
    }),
  ]);
}

/** Best first where there is an objective; those without a figure last, in order. */
function ranked({ results, objective }: SweepRecord): TrialRecord[] {
  const sign = objective?.direction === 'max' ? -1 : 1;
  const key = ({ objective: got }: TrialRecord) =>
    got === undefined ? Number.POSITIVE_INFINITY : sign * got;
  return [...results].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.number - b.number));
}

function trialTable({ space, objective }: SweepRecord, trials: readonly TrialRecord[]): string {
  const names = space.map(({ name }) => name);
  const head = ['TRIAL', ...names, ...(objective ? [objective.metric] : []), 'STATUS', 'RUN', ''];
  const rows = trials.map((trial) => [
    `${trial.number}`,
    ...names.map((name) => cell(trial.values[name])),
    ...(objective ? [trial.objective === undefined ? '-' : figure(trial.objective)] : []),
    trial.status,
    trial.run ?? '-',
    trial.error?.message ?? '',
  ]);
  return table([head, ...rows], '    ');
}

function spaceText(dimension: SweepRecord['space'][number]): string {
  const { name } = dimension;
  if (dimension.kind === 'choice') return `${name}: ${dimension.values.map(cell).join(', ')}`;
  if (dimension.kind === 'range')
    return `${name}: from ${dimension.start} by ${dimension.step} to below ${dimension.end}`;
  return `${name}: ${dimension.low} to ${dimension.high}${dimension.kind === 'log' ? ', logarithmic' : ''}`;
}

function valuesText(values: JsonObject): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${cell(value)}`)
    .join(' ');
}

function cell(value: JsonObject[string] | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

function plainLines(lines: readonly string[]): string {
  return lines.flatMap((line) => line.split('\n').map(plainLine)).join('\n');
}
