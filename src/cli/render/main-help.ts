import { verbs } from '../verbs.ts';
import { table } from './text.ts';

/** The page of `same --help`: static text, so that it costs no parser. */
export function mainHelp(): string {
  return `same carries a study as one file with one digest, and runs that file anywhere.

Usage: same VERB [NOUN] [options]

${table(
  Object.entries(verbs).map(([name, verb]) => [name, verb.nouns.join('|'), verb.summary]),
  '  ',
)}

The noun "program" may be left out. Every verb takes --json, --quiet and --help.

Examples:
  $ same create program -f https://github.com/uoftoronto/papers/arXiv.5778v1:1.0
  $ same run program arXiv.1303.5778v1:1.0 --epochs=1000
  $ same export program -n arXiv.1303.5778v1:1.1

SAME_HOME (default ~/.same) holds everything same writes.
SAME_ENVIRONMENT names the target where programs run (default local).
`;
}
