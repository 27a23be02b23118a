import { LIMIT_NAMES } from '../bundle/limits.ts';
import type { Limits } from '../bundle/oci.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { parseQuantity } from '../program/quantity.ts';

const names = Object.entries(LIMIT_NAMES) as [keyof Limits, string][];
const COUNTS = new Set<keyof Limits>(['ratio', 'entries', 'pathSegments']);

/**
 * Limits from words of the form `NAME=VALUE`: a size is a quantity, a count a whole number from 1.
 * @param flag how the option is called in messages
 * @throws SAME1902 with every word that is none
 */
export function parseLimits(words: readonly string[], flag = '--limit'): Partial<Limits> {
  const limits: Partial<Limits> = {};
  const findings: Finding[] = [];
  for (const word of words) {
    const wrong = (message: string, hint: string) =>
      findings.push({ code: 'SAME1902', message, place: flag, hint, clause: 'SAME-BND-042' });
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    const limit = names.find(([, known]) => known === name)?.[0];
    if (limit === undefined) {
      const meant = name && nearest(name, Object.values(LIMIT_NAMES));
      const what = name === undefined ? `${flag} takes NAME=VALUE, got` : 'there is no limit';
      wrong(
        `${what} ${JSON.stringify(name ?? word)}${meant ? ` — did you mean ${meant}?` : ''}`,
        `limits: ${Object.values(LIMIT_NAMES).join(', ')}`,
      );
    } else if (limits[limit] !== undefined) {
      wrong(`the limit ${name} is given twice`, 'leave out one of them');
    } else {
      const number = parseValue(limit, value!);
      if (number !== undefined) limits[limit] = number;
      else if (COUNTS.has(limit)) wrong(`${word}: it is a whole number from 1`, `${flag} ${name}=200000`);
      else wrong(`${word}: it is a size`, `write it like ${flag} ${name}=20Gi`);
    }
  }
  throwFindings(findings);
  return limits;
}

/** The limits of readers that packing keeps too (spec SAME-BND-051); the others are of what is read. */
export const PACKING: readonly (keyof Limits)[] = ['unpackedBytes', 'entries', 'pathBytes', 'pathSegments'];

/** The limits of what is read uncompressed: all but that of the ratio. */
export const UNCOMPRESSED: readonly (keyof Limits)[] = names
  .map(([limit]) => limit)
  .filter((limit) => limit !== 'ratio');

/**
 * @param used the limits that matter although no bundle is read
 * @param why they do not (default: what `label` names is no bundle)
 * @throws SAME1902 for limits that were raised where no bundle is read
 */
export function refuseLimits(
  limits: Partial<Limits> | undefined,
  label: string,
  used: readonly (keyof Limits)[] = [],
  why = `${label} is no bundle`,
): void {
  throwFindings(
    (Object.keys(limits ?? {}) as (keyof Limits)[])
      .filter((limit) => !used.includes(limit))
      .map((limit) => ({
        code: 'SAME1902',
        message: `--limit ${LIMIT_NAMES[limit]} has nothing to do: ${why}`,
        place: '--limit',
        hint: 'leave it out',
        clause: 'SAME-BND-042',
      })),
  );
}

function parseValue(limit: keyof Limits, text: string): number | undefined {
  if (COUNTS.has(limit)) {
    return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
  }
  try {
    return parseQuantity(text) || undefined;
  } catch (error) {
    if (error instanceof SameError) return undefined;
    throw error;
  }
}
