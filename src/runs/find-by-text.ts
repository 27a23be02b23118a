import type { ErrorCode } from '../errors/catalogue.ts';
import { SameError } from '../errors/same-error.ts';

/**
 * The one id that a text names by its beginning or end, in either case.
 * @param what what is looked for, in one word: `run`
 * @param code what is thrown where it is none, or several
 */
export function findByText(
  text: string,
  ids: readonly string[],
  { what, code }: { what: string; code: ErrorCode },
): string {
  const wanted = text.toLowerCase();
  const found = wanted === '' ? [] : ids.filter((id) => id.startsWith(wanted) || id.endsWith(wanted));
  if (found.length === 1) return found[0]!;
  throw new SameError({
    code,
    message:
      found.length === 0
        ? `there is no ${what} "${text}"`
        : `"${text}" names ${found.length} ${what}s: ${found.slice(0, 4).join(', ')}`,
    hint: `list them with: same list ${what}s`,
  });
}
