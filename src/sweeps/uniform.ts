import { hash } from 'node:crypto';

/**
 * A number of [0, 1) that depends on nothing but a seed and names: the first 53 bits of the SHA-256 of
 * `SEED/LABEL/LABEL…`, over 2⁵³. There is no state, so that any draw can be made again by itself, also after a resume,
 * and one parameter's draws stay what they are when another is added (spec SAME-SWP-010).
 */
export function uniform(seed: number, ...labels: readonly (string | number)[]): number {
  const digest = hash('sha256', [seed, ...labels].join('/'), 'buffer');
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53;
}
