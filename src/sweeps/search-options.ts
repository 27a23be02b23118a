import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { combinations, type Dimension, listedValues, MOST_TRIALS } from './search-space.ts';
import { SOBOL_DIMENSIONS } from './sobol.ts';
import { type Algorithm, algorithms, parseObjective, type Search } from './sweep.ts';

/** How a user asked to search, as text. */
export interface SearchWords {
  algorithm?: string;
  trials?: string;
  objective?: string;
  jobs?: string;
  samplerSeed?: string;
}

/** The most trials at a time. */
const MOST_JOBS = 999;

/**
 * Reads how a space is to be searched (spec SAME-SWP-002, 008, 009). Without an algorithm it is a grid where every
 * parameter has a list of values and no number of trials is given, and random otherwise.
 * @param isWhole false where a dimension was refused: then nothing is said that depends on all of them
 * @returns a search only where nothing is wrong
 */
export function parseSearch(
  space: Dimension[],
  words: SearchWords,
  isWhole = true,
): { search?: Search; findings: Finding[] } {
  const findings: Finding[] = [];
  const wrong = (message: string, hint?: string) =>
    findings.push({ code: 'SAME1902', message, ...(hint === undefined ? {} : { hint }) });
  const whole = (option: string, text: string | undefined, least: number, most: number) => {
    if (text === undefined) return undefined;
    const value = /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    wrong(`${option} is a number from ${least} to ${most}, got "${text}"`);
    return undefined;
  };
  const jobs = whole('--jobs', words.jobs, 1, MOST_JOBS) ?? 1;
  const samplerSeed = whole('--sampler-seed', words.samplerSeed, 0, Number.MAX_SAFE_INTEGER);
  const asked = whole('--trials', words.trials, 1, MOST_TRIALS);
  const objective = words.objective === undefined ? undefined : parseObjective(words.objective);
  if (objective && 'code' in objective) findings.push(objective);

  const interval = space.find((dimension) => !listedValues(dimension));
  const isListed = interval === undefined;
  const algorithm = (words.algorithm ??
    (isListed && words.trials === undefined ? 'grid' : 'random')) as Algorithm;
  if (!algorithms.includes(algorithm)) {
    const meant = nearest(algorithm, algorithms);
    wrong(
      `there is no algorithm "${algorithm}"${meant ? ` — did you mean ${meant}?` : ''}`,
      `there are: ${algorithms.join(', ')}`,
    );
    return { findings };
  }
  if (algorithm === 'tpe' && words.objective === undefined)
    wrong('tpe learns from results, and needs to know which', 'say it with --objective=min:METRIC');
  if (!isWhole) return { findings };
  const size = combinations(space);
  const isGrid = algorithm === 'grid';
  if (isGrid && !isListed) {
    wrong(
      `a grid needs a list of values, and "${interval!.name}" is anything between two ends`,
      `give it a list a,b,c or range(…), or choose --algorithm random`,
    );
  }
  if (isGrid && words.samplerSeed !== undefined)
    wrong('--sampler-seed is for algorithms that draw values, and a grid draws none', 'leave it out');
  if (!isGrid && words.trials === undefined) {
    wrong(
      words.algorithm === undefined
        ? `how many trials? "${interval?.name}" is anything between two ends`
        : `how many trials? ${algorithm} goes on for ever`,
      'say it with --trials=N',
    );
  }
  if (asked !== undefined && asked > size)
    wrong(`--trials=${asked} is more than there are combinations: ${size}`, `say --trials=${size} or fewer`);
  if (isGrid && isListed && asked === undefined && size > MOST_TRIALS)
    wrong(
      `a grid of ${size} combinations is more than ${MOST_TRIALS} trials`,
      'say how many with --trials=N',
    );
  if (algorithm === 'sobol' && space.length > SOBOL_DIMENSIONS)
    wrong(`sobol searches up to ${SOBOL_DIMENSIONS} parameters, and there are ${space.length}`);
  if (findings.length > 0) return { findings };
  return {
    search: {
      space,
      algorithm,
      trials: asked ?? size,
      ...(isGrid ? {} : { samplerSeed: samplerSeed ?? 0 }),
      ...(objective && !('code' in objective) ? { objective } : {}),
      jobs,
    },
    findings,
  };
}
