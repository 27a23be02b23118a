import type { RunWords } from '../operations/run-question.ts';
import { nounOf, verbs } from './verbs.ts';

/** What words after `same list runs` ask of the runs of the home. */
export interface ListWords extends RunWords {
  format?: string;
}

/** Most runs that are listed where a person looks and asked for no number. */
export const AT_A_TERMINAL = 50;

/** The options of `same list runs`, each with a value: how each is written, and what it is for. */
export const listOptions: Record<keyof ListWords, { flags: string; help: string; otherwise?: string }> = {
  name: { flags: '-n, --name <name>', help: 'only runs of NAME or NAME:VERSION' },
  where: { flags: '--where <filter>', help: 'only runs that meet a filter' },
  sort: { flags: '--sort <fields>', help: 'fields with commas between them; -FIELD is from high to low' },
  columns: {
    flags: '--columns <fields>',
    help: 'what to show, with commas between; parameters.*, metrics.*, tags.* for all',
  },
  within: {
    flags: '--within <run>',
    help: 'only runs within a run: those it started, and those its steps began by the protocol of MLflow',
  },
  limit: { flags: '--limit <number>', help: `at most so many, or all; at a terminal ${AT_A_TERMINAL}` },
  format: { flags: '--format <format>', help: 'table, md, csv or json', otherwise: 'table' },
};

/** Heard of before, by all that is said. */
const COMMON = ['--json', '--quiet', '-q'];

const wordOf = new Map(
  Object.entries(listOptions).flatMap(([word, { flags }]) =>
    flags.split(/[ ,]+/).flatMap((flag) => (flag.startsWith('-') ? [[flag, word as keyof ListWords]] : [])),
  ) as [string, keyof ListWords][],
);

/**
 * Tells the words after `same list` apart when they are plain: runs of the home, and options each of which is said once.
 * Undefined for all others, good or bad: those are the argument parser's.
 */
export function plainListWords([noun, ...all]: readonly string[]): ListWords | undefined {
  if (nounOf(verbs.list, noun) !== 'runs') return undefined;
  const found: ListWords = {};
  const words = all.values();
  for (const word of words) {
    if (COMMON.includes(word)) continue;
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const option = wordOf.get(equals < 0 ? word : word.slice(0, equals));
    const value = equals < 0 ? words.next().value : word.slice(equals + 1);
    if (option === undefined || found[option] !== undefined) return undefined;
    if (!value || value.startsWith('--')) return undefined;
    found[option] = value;
  }
  return found;
}
