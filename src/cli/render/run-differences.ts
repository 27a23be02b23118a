import type { Comparison, Difference } from '../../operations/compare-runs.ts';
import type { FileDifference, RunDiff } from '../../operations/diff-runs.ts';
import type { JsonValue } from '../../program/json.ts';
import { formatBytes } from '../../program/quantity.ts';
import { cut } from './columns.ts';
import { figure, paint, plain, plainLine, seconds, table } from './text.ts';

/** Columns that a value takes at most. */
const WIDEST = 44;
/** Lines of one file's diff that people are shown. */
const MOST_LINES = 120;

/** Runs beside one another: a column for each, a row for each thing in which they differ. */
export function renderComparison({ runs, differences, equal }: Comparison): string {
  const [first] = runs;
  const programs = new Set(runs.map(({ record: { program } }) => `${program.name}:${program.version}`));
  const rows = differences.map((row) => [plainLine(titleOf(row)), ...cellsOf(row)]);
  const same = `${equal} ${equal === 1 ? 'thing is' : 'things are'} the same in all of them`;
  return [
    table([
      ['', ...runs.map(({ record: { id }, own }) => `${shortId(id, runs)}${own ? '' : ' (not yours)'}`)],
      ...(programs.size > 1
        ? [
            [
              'program',
              ...runs.map(({ record: { program } }) => plainLine(`${program.name}:${program.version}`)),
            ],
          ]
        : []),
      ...rows,
    ]),
    rows.length === 0 && first ? `nothing differs; ${same}` : same,
  ].join('\n');
}

/** Why two runs may have come to different ends: what came of them, then what they were made from, ranked. */
export function renderRunDiff({ runs, causes, effects, files, absent }: RunDiff, colour: boolean): string {
  const [before, after] = runs;
  const lines = [
    `from ${before!.record.id} (${plainLine(before!.record.program.name)}:${plainLine(before!.record.program.version)}, ${before!.record.startedAt.slice(0, 16).replace('T', ' ')})`,
    `to   ${after!.record.id} (${plainLine(after!.record.program.name)}:${plainLine(after!.record.program.version)}, ${after!.record.startedAt.slice(0, 16).replace('T', ' ')})`,
  ];
  const section = (title: string, rows: readonly Difference[]) => {
    if (rows.length === 0) return;
    lines.push(
      title,
      table(
        rows.map((row) => [plainLine(row.name), arrow(row)]),
        '  ',
      ),
    );
  };
  section('what came of them', effects);
  const groups = [...new Set(causes.map(({ of }) => of))];
  for (const group of groups) {
    section(
      group,
      causes.filter(({ of }) => of === group),
    );
    if (group === 'code') lines.push(...renderFiles(files ?? [], colour));
  }
  if (!groups.includes('code')) lines.push(...renderFiles(files ?? [], colour));
  for (const id of absent)
    lines.push(`the files of run ${id} are not here: its code is compared by digest only`);
  if (causes.length === 0) lines.push(nothingElse(effects));
  return lines.join('\n');
}

function nothingElse(effects: readonly Difference[]): string {
  return effects.some(({ of }) => of !== 'outcome')
    ? 'nothing that is recorded of what they were made from differs: chance, time, or what no record tells'
    : 'nothing differs of what they were made from';
}

function renderFiles(files: readonly FileDifference[], colour: boolean): string[] {
  return files.flatMap(({ path, change, lines }) => [
    `  ${change} ${plainLine(path)}${lines === undefined ? ' (no text of a size to show)' : ''}`,
    ...(lines ?? []).slice(0, MOST_LINES).map((line) => `    ${painted(plain(line), colour)}`),
    ...((lines?.length ?? 0) > MOST_LINES
      ? [`    and ${lines!.length - MOST_LINES} lines more, told by --json`]
      : []),
  ]);
}

function painted(line: string, colour: boolean): string {
  const style = { '+': 'green', '-': 'red', '@': 'dim' }[line[0] ?? ''] as 'green' | undefined;
  return style ? paint(line, style, colour) : line;
}

/** The end of an id by which it is known among these, of six characters or more. */
function shortId(id: string, runs: Comparison['runs']): string {
  for (let length = 6; length < id.length; length++) {
    const tail = id.slice(-length);
    if (runs.filter(({ record }) => record.id.endsWith(tail)).length === 1) return tail;
  }
  return id;
}

function titleOf({ of, name, direction }: Difference): string {
  const title = of === 'outcome' || of === 'note' ? name : `${of}.${name}`;
  return direction === undefined ? title : `${title} (${direction} is better)`;
}

function arrow(row: Difference): string {
  const [before, after] = cellsOf(row);
  return `${before || '-'} -> ${after || '-'}`;
}

function cellsOf(row: Difference): string[] {
  return row.values.map((value, index) => {
    const delta = row.deltas?.[index];
    return `${valueText(row, value)}${delta === undefined || delta === 0 ? '' : ` (${deltaText(row, delta)})`}`;
  });
}

function deltaText(row: Difference, delta: number): string {
  const sign = delta > 0 ? '+' : '-';
  const better = row.direction && (delta > 0 === (row.direction === 'higher') ? ', better' : ', worse');
  return `${sign}${valueText(row, Math.abs(Number(delta.toPrecision(4))))}${better ?? ''}`;
}

function valueText({ name }: Difference, value: JsonValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') {
    if (name === 'durationMs') return value < 1000 ? `${Math.round(value)} ms` : seconds(value);
    return name.endsWith('emoryBytes') ? formatBytes(value) : figure(value);
  }
  const text = plainLine(typeof value === 'string' ? value : JSON.stringify(value));
  return cut(text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1'), WIDEST);
}
