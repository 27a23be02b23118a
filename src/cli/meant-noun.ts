import { type Finding, SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { type VerbName, verbs } from './verbs.ts';

/**
 * The same error with the noun that was meant: in `same verify intergity` the word was taken for a name, and there is
 * nothing of that name.
 */
export function hintingAtNoun(error: unknown, first: VerbName, second: string | undefined): unknown {
  if (!(error instanceof SameError) || second === undefined || second.startsWith('-')) return error;
  const isAbsent = ['SAME1204', 'SAME1205', 'SAME1608'].includes(error.code);
  const [{ message }] = error.findings as [Finding];
  if (!isAbsent && !message.startsWith('too many arguments')) return error;
  if (message.includes('did you mean')) return error;
  const meant = nearest(second, verbs[first].nouns);
  if (meant === undefined) return error;
  const { cause, details } = error;
  const hint = `did you mean: same ${first} ${meant}`;
  return new SameError(
    error.findings.map((finding) => ({ ...finding, hint })),
    { cause, details },
  );
}
