import { createHash } from 'node:crypto';
import type { RunRecord } from '../run-record.ts';

const LONGEST_NAME = 250;
/** What MLflow lets the names of parameters, figures and tags hold: Python's word characters and some signs. */
const REFUSED = /[^\p{L}\p{N}_/.\- :]/gu;

/** Longest values by MLflow's rules, in characters. */
export const LONGEST = { parameter: 6_000, tag: 8_000, experimentTag: 5_000 } as const;

/** Takes what does not fit as it is: each is told to people, none goes by silently. */
export class Fitting {
  readonly notes: string[] = [];

  /**
   * Names as MLflow takes them, each another one: what it refuses is replaced, and what then is too long or another's gets
   * digits of its hash.
   */
  names(
    of: 'parameter' | 'tag' | 'figure' | 'tag of a program',
    wanted: Iterable<string>,
  ): Map<string, string> {
    const all = [...new Set(wanted)];
    const taken = new Set(all.filter((name) => fitted(name) === name));
    const found = new Map<string, string>();
    for (const name of all) {
      const fitting = fitted(name);
      if (fitting === name) {
        found.set(name, name);
        continue;
      }
      const digits = createHash('sha256').update(name).digest('hex').slice(0, 8);
      const isWhole = fitting !== '' && lengthOf(fitting) <= LONGEST_NAME && !taken.has(fitting);
      const other = isWhole ? fitting : `${cut(fitting, LONGEST_NAME - 9)}_${digits}`;
      taken.add(other);
      found.set(name, other);
      this.notes.push(`${of} ${shown(name)} is called ${shown(other)} there: MLflow does not take its name`);
    }
    return found;
  }

  /** A value, cut where it is longer than MLflow takes. */
  value(of: keyof typeof LONGEST, name: string, value: string): string {
    const most = LONGEST[of];
    if (value.length <= most || lengthOf(value) <= most) return value;
    this.notes.push(
      `${of === 'experimentTag' ? 'tag' : of} ${shown(name)} is cut there after ${most - 1} of its ${lengthOf(value)} characters`,
    );
    return `${cut(value, most - 1)}…`;
  }
}

/** A name that may be a path: it has to be what a file system would make of it. */
function fitted(name: string): string {
  const plain = name.toWellFormed().replace(REFUSED, '_');
  const parts = plain.split('/');
  const isNormal = plain !== '.' && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  const normal = isNormal ? plain : parts.map((part) => (/^\.{0,2}$/.test(part) ? '_' : part)).join('/');
  return lengthOf(normal) > LONGEST_NAME ? cut(normal, LONGEST_NAME - 9) : normal;
}

/**
 * Figures by name and step: `NAME` where one step has it or it is declared, else `NAME/STEP`, which gets digits of its hash
 * where that is what another is called.
 */
export function figureNames(
  { metrics }: RunRecord,
  notes: string[],
): { name: string; step: string; wanted: string }[] {
  const steps = Map.groupBy(metrics, ({ name }) => name);
  const figures = metrics.map(({ name, step, declared, matrix }) => {
    const those = steps.get(name)!;
    const isPlain = those.length === 1 || (declared === true && matrix === undefined);
    return { name, step, wanted: isPlain ? name : `${name}/${step}` };
  });
  const taken = new Set(figures.flatMap(({ name, wanted }) => (wanted === name ? [name] : [])));
  return figures.map((figure) => {
    const { name, step, wanted } = figure;
    if (wanted === name) return figure;
    if (!taken.has(wanted)) {
      taken.add(wanted);
      return figure;
    }
    const digits = createHash('sha256').update(`${name}\0${step}`).digest('hex').slice(0, 8);
    const other = `${wanted}_${digits}`;
    notes.push(
      `figure ${shown(name)} of ${shown(step)} is called ${shown(other)} there: another is called ${shown(wanted)}`,
    );
    return { ...figure, wanted: other };
  });
}

function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function cut(text: string, most: number): string {
  return [...text].slice(0, most).join('');
}

function shown(name: string): string {
  return name.length > 60 ? `${JSON.stringify(name.slice(0, 60))}…` : JSON.stringify(name);
}
