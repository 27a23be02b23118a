import type { Program } from '../../program/schema.ts';
import { figure } from './text.ts';

/** The data of a program, and how it travels. */
export function dataRows(program: Program): string[][] {
  return Object.entries(program.data ?? {}).map(([name, pointer]) => {
    const { uri, mirrors, digest, size, unpack, license, carry, mutable, description } = pointer;
    const facts = [
      digest,
      size === undefined ? undefined : `${size} bytes`,
      mirrors && `also at ${mirrors.join(' ')}`,
      unpack && `unpacked by ${unpack}`,
      mutable && 'expected to change',
      carry && { embed: 'in every bundle', pointer: 'in no bundle', never: 'never in a bundle' }[carry],
      license,
      description,
    ];
    return [name, uri, facts.filter(Boolean).join(' · ')];
  });
}

/** The figures that it declares, and where they are read. */
export function metricRows(program: Program): string[][] {
  return Object.entries(program.metrics ?? {}).map(([name, metric]) => {
    const { from, json, regex, take, unit, direction, description } = metric;
    const where = [
      json === undefined ? '' : `at ${json || 'the root'}`,
      regex === undefined ? '' : `${take ?? 'last'} of ${regex}`,
    ];
    return [
      name,
      ['from', from, ...where].filter(Boolean).join(' '),
      [unit && `in ${unit}`, direction && `${direction} is better`, description].filter(Boolean).join(' · '),
    ];
  });
}

/** What it claims of them. */
export function claimRows(program: Program): string[][] {
  return (program.claims ?? []).map((claim) => {
    const { id, metric, expect, tolerance, text, cite, given, profile, over, aggregate, required } = claim;
    const allowed = [
      tolerance?.abs === undefined ? undefined : `± ${tolerance.abs}`,
      tolerance?.rel === undefined ? undefined : `± ${tolerance.rel * 100} %`,
    ].filter(Boolean);
    const about = [aggregate, over && `over ${over}`].filter(Boolean).join(' ');
    const condition = [
      ...Object.entries(given ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
      ...(profile ? [`profile ${profile}`] : []),
    ];
    return [
      id,
      `${about ? `${about} of ` : ''}${metric} = ${figure(expect)}${allowed.length > 0 ? ` ${allowed.join(' or ')}` : ''}`,
      [
        text,
        cite && `[${cite}]`,
        condition.length > 0 ? `given ${condition.join(', ')}` : '',
        required === false ? '(not required)' : '',
      ]
        .filter(Boolean)
        .join(' '),
    ];
  });
}
