/** What took part in a row, with the CPU seconds (user + system) of each of its runs. */
export interface Measured {
  /** The row of the table, for instance `P1`. */
  row: string;
  what: string;
  role: 'floor' | 'same' | 'peer';
  /** Greatest ratio to the row's floor; only of `same`. */
  target?: number;
  /** The most CPU seconds, where the row has no floor that does the like; only of `same`. */
  mostSeconds?: number;
  /** The most memory that it may have resident at once, and that it had, in bytes. */
  mostBytes?: number;
  peakBytes?: number;
  /** Absent when it is not installed; empty when it failed. */
  samples?: number[];
}

/** One line of the results. */
export interface Line extends Omit<Measured, 'samples'> {
  /** Median of the runs. */
  cpuSeconds?: number;
  leastSeconds?: number;
  /** To the median of the row's floor. */
  ratio?: number;
  /** Missed is `OVER`, also when it failed. */
  verdict: 'ok' | 'OVER' | 'not installed' | 'failed' | '';
}

/** The middle value, or the mean of the two in the middle. @throws RangeError of no values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Compares everything measured with the floor of its row. */
export function linesOf(measured: readonly Measured[]): Line[] {
  return measured.map(({ samples, ...rest }): Line => {
    if (samples === undefined) return { ...rest, verdict: 'not installed' };
    const isHeld = rest.target !== undefined || rest.mostSeconds !== undefined;
    if (samples.length === 0) return { ...rest, verdict: isHeld ? 'OVER' : 'failed' };
    const cpuSeconds = rounded(median(samples));
    const floor = measured.find(({ row, role }) => row === rest.row && role === 'floor')?.samples;
    const ratio = floor?.length ? rounded(median(samples) / median(floor)) : undefined;
    const isFast =
      (rest.target === undefined || (ratio !== undefined && ratio <= rest.target)) &&
      cpuSeconds <= (rest.mostSeconds ?? Infinity);
    const isSmall = rest.mostBytes === undefined || (rest.peakBytes ?? Infinity) <= rest.mostBytes;
    return {
      ...rest,
      cpuSeconds,
      leastSeconds: rounded(Math.min(...samples)),
      ...(ratio === undefined ? {} : { ratio }),
      verdict: isHeld ? (isFast && isSmall ? 'ok' : 'OVER') : '',
    };
  });
}

/** The results as text, one line each, columns aligned. */
export function renderTable(lines: readonly Line[]): string {
  const cells = lines.map(
    ({ row, what, role, cpuSeconds, ratio, target, mostSeconds, mostBytes, peakBytes, verdict }) => [
      row,
      role === 'floor' ? `${what} (floor)` : what,
      cpuSeconds === undefined ? '–' : cpuSeconds.toFixed(3),
      ratio === undefined ? '–' : ratio.toFixed(2),
      target === undefined ? (mostSeconds === undefined ? '' : `≤ ${mostSeconds} s`) : `≤ ${target}`,
      peakBytes === undefined ? '' : `${megabytes(peakBytes)} of ${megabytes(mostBytes ?? Infinity)} MB`,
      verdict,
    ],
  );
  const all = [['row', 'what', 'CPU s', '÷ floor', 'target', 'memory', ''], ...cells];
  const isShown = (column: number) => column !== 5 || cells.some((line) => line[column] !== '');
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const aligned = (text: string, column: number) =>
    column === 2 || column === 3 ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  const text = (line: string[]) =>
    line
      .map(aligned)
      .filter((_, column) => isShown(column))
      .join('  ')
      .trimEnd();
  return `${all.map(text).join('\n')}\n`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
