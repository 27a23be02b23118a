import { isNoun, nounOf, verbs } from './verbs.ts';

/** What plain words after `same push` ask for. */
export interface PushWords {
  /** The word that stands where a noun may, when there is none. */
  inPlaceOfNoun?: string;
  reference: string;
  target?: string;
  history?: string;
  force?: true;
  plainHttp?: true;
}

const SWITCHES = {
  '--force': 'force',
  '--plain-http': 'plainHttp',
} as const;

/** Heard of before, by all that is said. */
const COMMON = ['--json', '--quiet', '-q'];

/**
 * Tells the words after `same push` apart when they are plain: a program, perhaps an address, and options that are said
 * often, each once. Undefined for all others, good or bad: those are the argument parser's.
 */
export function plainPushWords(all: readonly string[]): PushWords | undefined {
  const noun = nounOf(verbs.push, all[0]);
  if (noun === undefined ? isNoun(all[0]) : noun !== 'program') return undefined;
  const found: Partial<PushWords> = noun === undefined && all[0] ? { inPlaceOfNoun: all[0] } : {};
  const places: string[] = [];
  const words = all.slice(noun === undefined ? 0 : 1).values();
  for (const word of words) {
    if (COMMON.includes(word)) continue;
    if (Object.hasOwn(SWITCHES, word)) {
      found[SWITCHES[word as keyof typeof SWITCHES]] = true;
    } else if (word === '--history' || word.startsWith('--history=')) {
      const which = word === '--history' ? words.next().value : word.slice('--history='.length);
      if (!which || which.startsWith('-') || found.history !== undefined) return undefined;
      found.history = which;
    } else if (word === '' || word.startsWith('-') || places.push(word) > 2) return undefined;
  }
  const [reference, target] = places;
  if (reference === undefined) return undefined;
  return { ...found, reference, ...(target === undefined ? {} : { target }) };
}
