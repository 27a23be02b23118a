import { directions } from './sobol-directions.ts';

/** Dimensions that there are directions for. */
export const SOBOL_DIMENSIONS = directions.length + 1;

const BITS = 32;
const columns = new Map<number, Uint32Array>();

/**
 * One coordinate of a point of the Sobol sequence, as 32 bits: the numerator over 2³². Points are numbered from 0, which
 * is the origin, in the order of Antonov and Saleev (by the Gray code of their number).
 * @param dimension from 0, below {@link SOBOL_DIMENSIONS}
 */
export function sobol(point: number, dimension: number): number {
  const column = columns.get(dimension) ?? columnOf(dimension);
  columns.set(dimension, column);
  let bits = 0;
  let gray = (point ^ (point >>> 1)) >>> 0;
  for (let bit = 0; gray !== 0; bit++, gray >>>= 1) if (gray & 1) bits ^= column[bit]!;
  return bits >>> 0;
}

/** The direction numbers of a dimension, each shifted to the top of its 32 bits. */
function columnOf(dimension: number): Uint32Array {
  const column = new Uint32Array(BITS);
  if (dimension === 0) return column.map((_, bit) => 2 ** (BITS - 1 - bit));
  const [coefficients, ...initial] = directions[dimension - 1]!.split(' ').map(Number);
  const degree = initial.length;
  for (let bit = 0; bit < BITS; bit++) {
    if (bit < degree) {
      column[bit] = initial[bit]! * 2 ** (BITS - 1 - bit);
      continue;
    }
    let next = column[bit - degree]! ^ (column[bit - degree]! >>> degree);
    for (let k = 1; k < degree; k++) if ((coefficients! >>> (degree - 1 - k)) & 1) next ^= column[bit - k]!;
    column[bit] = next;
  }
  return column;
}
