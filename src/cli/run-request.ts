import type { RunRequest } from '../operations/prepare-run.ts';
import { isDeclared, type RunWords, splitRunWords } from './run-words.ts';

/** What words after a program's reference ask for. @throws SAME1902 */
export function readRunRequest(words: string[]): RunRequest {
  const { reference: _, ...request } = requestOf(splitRunWords(['reference', ...words]));
  return request;
}

/** What words of `same run` ask for: a stored program, a tree, or the folder that one is in. */
export function requestOf(words: RunWords): RunRequest {
  return {
    reread: (parameters) => {
      const declared = new Set(parameters.map((name) => name.replaceAll('_', '-')));
      const isMeant = words.shared.some((option) => isDeclared(option, declared));
      return isMeant ? requestOf(splitRunWords(words.all, declared)) : undefined;
    },
    ...(words.reference !== undefined ? { reference: words.reference } : { source: words.file ?? '.' }),
    ...(words.meant === undefined ? {} : { meant: words.meant }),
    ...(words.profile === undefined ? {} : { profile: words.profile }),
    ...(words.parametersFile === undefined ? {} : { parametersFile: words.parametersFile }),
    set: words.set,
    words: words.words,
    afterDashes: words.afterDashes,
    ...(words.target === undefined ? {} : { target: words.target }),
    ...(words.engine === undefined ? {} : { engine: words.engine }),
    allowUnmet: words.allowUnmet,
    ...(words.jobs === undefined ? {} : { jobs: Number(words.jobs) }),
    ...(words.keepGoing || words.failFast
      ? { onFailure: words.keepGoing ? ('keep-going' as const) : ('fail-fast' as const) }
      : {}),
    ...(words.steps.length === 0 ? {} : { steps: words.steps }),
    ...(words.from === undefined ? {} : { from: words.from }),
    ...(words.until === undefined ? {} : { until: words.until }),
    ...(words.force === undefined ? {} : { force: words.force }),
    problems: words.problems,
    noCache: words.noCache,
    trace: words.trace,
    ...(words.accept.length === 0 ? {} : { accept: words.accept }),
    ...(words.resume === undefined ? {} : { resume: words.resume }),
    takeOver: words.takeOver,
  };
}
