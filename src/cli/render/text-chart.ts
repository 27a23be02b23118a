import type { Plot } from '../../operations/plot-runs.ts';
import { thinned } from '../../pipeline/series.ts';
import { endOf, extentOf, labelsOf, ticksOf, tickText } from './chart-scale.ts';
import { cut } from './columns.ts';
import { plainLine } from './text.ts';

/** What a chart is drawn on. */
export interface Paper {
  columns: number;
  rows: number;
  /** Curves are told apart by colours; without them by signs. */
  colour: boolean;
}

const SIGNS = ['*', '+', 'x', 'o', '#', '@', '%', '='];
const COLOURS = ['34', '33', '32', '31', '35', '36'];
/** Bits of the dots of a Braille sign, by column and row. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Curves as text: Braille dots where one sign need not tell two curves apart, else a sign for each curve. */
export function renderTextChart(plot: Plot, { columns, rows, colour }: Paper): string {
  const { x, y } = extentOf(plot);
  const isFine = colour || plot.curves.length === 1;
  const ticks = ticksOf(y, Math.max(2, Math.floor(rows / 4)));
  const margin = Math.max(...ticks.map((tick) => tickText(tick).length)) + 1;
  const width = Math.max(10, columns - margin - 2);
  const [fineX, fineY] = isFine ? [2, 4] : [1, 1];
  const cells = Array.from({ length: rows }, () =>
    Array.from({ length: width }, () => ({ dots: 0, curve: -1 })),
  );
  const placeOf = (value: number, [low, high]: [number, number], size: number) =>
    Math.round(((value - low) / (high - low)) * (size - 1));
  plot.curves.forEach(({ points }, curve) => {
    let before: [number, number] | undefined;
    for (const [at, value] of thinned(points, width * fineX * 4)) {
      const to: [number, number] = [
        placeOf(at, x, width * fineX),
        rows * fineY - 1 - placeOf(value, y, rows * fineY),
      ];
      for (const [column, row] of lineBetween(before ?? to, to)) {
        const cell = cells[Math.floor(row / fineY)]![Math.floor(column / fineX)]!;
        cell.dots |= DOTS[column % fineX]![row % fineY]!;
        cell.curve = curve;
      }
      before = to;
    }
  });
  const tickAt = new Map(ticks.map((tick) => [rows - 1 - placeOf(tick, y, rows), tickText(tick)]));
  const sign = ({ dots, curve }: { dots: number; curve: number }) => {
    if (curve < 0) return ' ';
    if (!isFine) return SIGNS[curve % SIGNS.length]!;
    const text = String.fromCodePoint(0x2800 + dots);
    return colour ? `\u001b[${COLOURS[curve % COLOURS.length]}m${text}\u001b[0m` : text;
  };
  const unit = plot.unit === undefined ? '' : ` (${plainLine(plot.unit)})`;
  return [
    `${plainLine(plot.metric)}${unit}`,
    ...cells.map((line, row) => {
      const tick = tickAt.get(row);
      const drawn = line.map(sign).join('').trimEnd();
      return `${(tick ?? '').padStart(margin)} ${tick === undefined ? '│' : '┤'}${drawn}`;
    }),
    `${' '.repeat(margin)} └${'─'.repeat(width)}`,
    axisLine(x, width, margin + 2, plot.along),
    ...legend(plot, columns, colour),
  ].join('\n');
}

function axisLine(x: [number, number], width: number, margin: number, along: string): string {
  const [low, high] = x.map((value) => tickText(Number(value.toPrecision(6)))) as [string, string];
  const middle = along === 'order' ? 'report' : along;
  const gap = Math.max(1, width - low.length - high.length);
  return `${' '.repeat(margin)}${low}${middle.padStart(Math.floor((gap + middle.length) / 2)).padEnd(gap)}${high}`;
}

function legend({ curves }: Plot, columns: number, colour: boolean): string[] {
  const labels = labelsOf(curves);
  return curves.map((curve, index) => {
    const mark = colour
      ? `\u001b[${COLOURS[index % COLOURS.length]}m━━\u001b[0m`
      : curves.length === 1
        ? '⠤⠤'
        : SIGNS[index % SIGNS.length]!.repeat(2);
    const said = `${labels[index]}  ${curve.program}  ${endOf(curve)}`;
    return `  ${mark} ${cut(plainLine(said), columns - 5)}`;
  });
}

/** Every place on a line from one to another (Bresenham's way). */
function* lineBetween([x, y]: [number, number], [toX, toY]: [number, number]): Generator<[number, number]> {
  const [dx, dy] = [Math.abs(toX - x), -Math.abs(toY - y)];
  let error = dx + dy;
  for (;;) {
    yield [x, y];
    if (x === toX && y === toY) return;
    const twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x += x < toX ? 1 : -1;
    }
    if (twice <= dx) {
      error += dx;
      y += y < toY ? 1 : -1;
    }
  }
}
