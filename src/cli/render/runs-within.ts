import type { RunRecord } from '../../runs/run-record.ts';
import { figuresByName, parametersOf } from '../../runs/run-row.ts';
import { runsWithin } from '../../runs/run-within.ts';
import { figure, plainLine, seconds, table } from './text.ts';

/** More runs are for a listing, and more of each for itself. */
const RUNS = 20;
const EACH = 3;

/** The runs that steps began within a run, a line for each, and how to see more of them; nothing where there is none. */
export function renderWithin(record: RunRecord): string[] {
  const within = runsWithin(record);
  if (within.length === 0) return [];
  const some = (values: Record<string, unknown>, shown: (value: unknown) => string) =>
    Object.entries(values)
      .slice(0, EACH)
      .map(([name, value]) => `${name}=${shown(value)}`)
      .join(' ');
  const rows = within
    .slice(0, RUNS)
    .map((run) =>
      [
        run.display,
        run.status,
        run.usage === undefined ? '' : seconds(run.usage.durationMs),
        some(parametersOf(run), (value) => (typeof value === 'string' ? value : JSON.stringify(value))),
        some(figuresByName(run.metrics), (value) => figure(value as number)),
      ].map(plainLine),
    );
  const more = within.length - rows.length;
  return [
    '  runs within',
    table(rows, '    '),
    `    ${more > 0 ? `and ${more} more; ` : ''}list them: same list runs --within ${plainLine(record.id)}; one: same show run ${plainLine(record.id)}/NAME`,
  ];
}
