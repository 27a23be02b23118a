import type { ErrorCode } from '../errors/catalogue.ts';
import { SameError } from '../errors/same-error.ts';

/**
 * The one id that a text names by its beginning or end, in either case; where none does, by what `otherwise` finds.
 * @param what what is looked for, in one word: `run`
 * @param code what is thrown where it is none, or several
 */
export function findByText(
  text: string,
  ids: readonly string[],
  { what, code, otherwise = () => [] }: { what: string; code: ErrorCode; otherwise?: () => string[] },
): string {
  const wanted = text.toLowerCase();
  const known = wanted === '' ? [] : ids.filter((id) => id.startsWith(wanted) || id.endsWith(wanted));
  const found = known.length > 0 ? known : otherwise();
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
