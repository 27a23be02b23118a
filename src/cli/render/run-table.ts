import type { RunColumn } from '../../operations/run-question.ts';
import type { JsonValue } from '../../program/json.ts';
import { fieldOf } from '../../runs/index/scanned-index.ts';
import { type RunField, type RunRow, runFields } from '../../runs/run-query.ts';
import { figure, plainLine, table } from './text.ts';

/** A column and what it is called. */
export interface Column {
  title: string;
  field: RunField;
}

/** Columns with the groups filled in: every name that one of the rows has, sorted. */
export function columnsFor(rows: readonly RunRow[], columns: readonly RunColumn[] = everything): Column[] {
  return columns
    .flatMap((column): RunField[] => {
      if (!('all' in column)) return [column];
      const names = new Set(rows.flatMap((row) => Object.keys(row[column.all])));
      return [...names].sort().map((name) => ({ of: column.all, name }));
    })
    .map((field) => ({ field, title: field.of === 'run' ? field.name : `${field.of}.${field.name}` }));
}

const everything: RunColumn[] = [
  ...runFields.map((name): RunField => ({ of: 'run', name })),
  { all: 'parameters' },
  { all: 'metrics' },
  { all: 'tags' },
];

/** Rows as aligned columns, for people. */
export function renderRunTable(rows: readonly RunRow[], columns: readonly Column[]): string {
  return table([
    columns.map(({ title }) => plainLine(title)),
    ...rows.map((row) => columns.map((column) => shown(fieldOf(row, column.field)))),
  ]);
}

/** Rows as a table of Markdown. */
export function renderRunMarkdown(rows: readonly RunRow[], columns: readonly Column[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapedForMarkdown).join(' | ')} |`;
  return [
    line(columns.map(({ title }) => plainLine(title))),
    `|${columns.map(({ field }) => (isNumeric(field) ? ' ---: |' : ' --- |')).join('')}`,
    ...rows.map((row) => line(columns.map((column) => shown(fieldOf(row, column.field))))),
  ].join('\n');
}

/** Rows as CSV (spec SAME-RUN-074), each line ended by a line feed: values as they are, texts that a spreadsheet would take for formulas behind a `'`. */
export function renderRunCsv(rows: readonly RunRow[], columns: readonly Column[]): string {
  const lines = [
    columns.map(({ title }) => csvCell(title)),
    ...rows.map((row) => columns.map((column) => csvCell(fieldOf(row, column.field)))),
  ];
  return lines.map((cells) => `${cells.join(',')}\n`).join('');
}

/** Rows as they were asked for, for `--json`. */
export function runCells(rows: readonly RunRow[], columns: readonly Column[]): Record<string, JsonValue>[] {
  return rows.map((row) =>
    Object.fromEntries(
      columns.flatMap((column) => {
        const value = fieldOf(row, column.field);
        return value === undefined ? [] : [[column.title, value]];
      }),
    ),
  );
}

function isNumeric({ of, name }: RunField): boolean {
  return of === 'metrics' || (of === 'run' && name === 'durationMs');
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  // As filters write it: a tag without a value is no lack of it.
  if (value === '') return '""';
  if (typeof value === 'number') return figure(value);
  return plainLine(typeof value === 'string' ? value : JSON.stringify(value));
}

function escapedForMarkdown(text: string): string {
  return text.replace(/[\\|<]/g, '\\$&');
}

function csvCell(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return value === '' || /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
