import { SameError } from '../errors/same-error.ts';

const SIZE_UNITS: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};
const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Bytes of a quantity such as `4Gi`, `1.5G` or `440000000`, rounded to a whole number.
 * @throws {SameError} SAME1005 when it is none.
 */
export function parseQuantity(text: string): number {
  return measured(text, /^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|)$/, SIZE_UNITS, 'size', '4Gi');
}

/**
 * Milliseconds of a duration such as `500ms`, `10s`, `1.5h` or `2d`, rounded to a whole number.
 * @throws {SameError} SAME1005 when it is none.
 */
export function parseDuration(text: string): number {
  return measured(text, /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$/, DURATION_UNITS, 'duration', '30m');
}

/** A size for people: `512 B`, `1.5 MiB`, `4 GiB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = sizeBytes;
  let unit = 0;
  // 1023.95 would be shown as 1024.0 of the smaller unit.
  while (Math.abs(value) >= (unit === 0 ? 1024 : 1023.95) && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}

function measured(
  text: string,
  pattern: RegExp,
  units: Record<string, number>,
  what: string,
  example: string,
): number {
  const match = pattern.exec(text);
  const value = match ? Math.round(Number(match[1]) * units[match[2]!]!) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new SameError({
    code: 'SAME1005',
    message: match ? `"${text}" is too large for a ${what}` : `"${text}" is not a ${what}`,
    hint: `write it like ${example}`,
  });
}
