import type { Plot } from '../../operations/plot-runs.ts';
import { thinned } from '../../pipeline/series.ts';
import { endOf, extentOf, labelsOf, ticksOf, tickText } from './chart-scale.ts';
import { figure, plainLine } from './text.ts';

const WIDTH = 880;
const HEIGHT = 420;
const LEFT = 84;
const RIGHT = 24;
const TOP = 48;
const BOTTOM = 56;
const LEGEND_LINE = 22;
/** Points of a curve that are drawn at most. */
const MOST_POINTS = 4_000;
/** Eight colours that people with any colour vision tell apart on white (Okabe and Ito), without the yellow. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
/** So that curves are told apart in print without colours too. */
const DASHES = ['', '7 4', '2 3', '10 3 2 3'];

/** Curves as an SVG picture that needs nothing else: axes, units, a legend, a title for screen readers. */
export function renderSvgChart(plot: Plot): string {
  const { x, y } = extentOf(plot);
  const labels = labelsOf(plot.curves);
  const height = HEIGHT + plot.curves.length * LEGEND_LINE;
  const acrossOf = (at: number) => round(LEFT + ((at - x[0]) / (x[1] - x[0])) * (WIDTH - LEFT - RIGHT));
  const downOf = (value: number) =>
    round(HEIGHT - BOTTOM - ((value - y[0]) / (y[1] - y[0])) * (HEIGHT - TOP - BOTTOM));
  const title = `${plot.metric}${plot.unit === undefined ? '' : ` (${plot.unit})`}`;
  const along = plot.along === 'order' ? 'report' : plot.along;
  const text = (at: number, down: number, said: string, more = '') =>
    `<text x="${at}" y="${down}"${more}>${escaped(said)}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13" fill="#222">`,
    `<title id="title">${escaped(`${title} by ${along}`)}</title>`,
    `<desc id="desc">${escaped(plot.curves.map(({ program, points }, index) => `${labels[index]} of ${program} ends at ${figure(points.at(-1)![1])}`).join('; '))}</desc>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(LEFT, 26, title, ' font-size="16" font-weight="600"'),
    ...ticksOf(y, 6).flatMap((tick) => [
      `<path d="M${LEFT} ${downOf(tick)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      text(LEFT - 8, downOf(tick) + 4, tickText(tick), ' text-anchor="end"'),
    ]),
    ...ticksOf(x, 8).flatMap((tick) => [
      `<path d="M${acrossOf(tick)} ${HEIGHT - BOTTOM}v5" stroke="#222"/>`,
      text(acrossOf(tick), HEIGHT - BOTTOM + 20, tickText(tick), ' text-anchor="middle"'),
    ]),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="#222"/>`,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, along, ' text-anchor="middle"'),
    ...plot.curves.flatMap((curve, index) => {
      const { points, program } = curve;
      const stroke = strokeOf(index);
      const places = thinned(points, MOST_POINTS).map(([at, value]) => `${acrossOf(at)} ${downOf(value)}`);
      const down = HEIGHT + index * LEGEND_LINE;
      const said = `${labels[index]}  ${program}  ${endOf(curve)}`;
      return [
        points.length === 1
          ? `<circle cx="${places[0]!.split(' ')[0]}" cy="${places[0]!.split(' ')[1]}" r="4" fill="${COLOURS[index % COLOURS.length]}"/>`
          : `<path d="M${places.join('L')}" fill="none" ${stroke}/>`,
        `<path d="M${LEFT} ${down}h36" ${stroke}/>`,
        text(LEFT + 46, down + 4, said),
      ];
    }),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

/** The same as a page of its own, with the figures as a table. */
export function renderHtmlChart(plot: Plot): string {
  const labels = labelsOf(plot.curves);
  const unit = plot.unit === undefined ? '' : ` (${plot.unit})`;
  const rows = plot.curves.map(({ run, program, points, goesOn }, index) => {
    const values = points.map(([, value]) => value);
    const cells = [labels[index]!, run, program, `${points.length}${goesOn ? ' so far' : ''}`].map(
      (cell) => `<td>${escaped(cell)}</td>`,
    );
    const extremes = [least(values), greatest(values), values.at(-1)!].map(
      (value) => `<td class="n">${figure(value)}</td>`,
    );
    return `<tr>${[...cells, ...extremes].join('')}</tr>`;
  });
  const head = ['curve', 'run', 'program', 'points', 'least', 'greatest', 'last'].map(
    (one) => `<th scope="col">${one}</th>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(plot.metric)}</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
svg { width: 100%; height: auto }
table { border-collapse: collapse; font-size: 14px }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: left }
.n { text-align: right; font-variant-numeric: tabular-nums }
</style>
</head>
<body>
<h1>${escaped(`${plot.metric}${unit}`)}</h1>
${renderSvgChart(plot)}<table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</body>
</html>
`;
}

function strokeOf(index: number): string {
  const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length] || DASHES[index % DASHES.length];
  return `stroke="${COLOURS[index % COLOURS.length]}" stroke-width="2" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash}"` : ''}`;
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escaped(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return plainLine(text).replace(/[&<>"']/g, (sign) => names[sign]!);
}
