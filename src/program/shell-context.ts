/** A place in a shell command where a substituted value could not be kept apart from the command's own syntax. */
export interface UnsafePlace {
  /** The `{{…}}` as written. */
  place: string;
  /** Where it stands, for instance `inside double quotes`. */
  where: string;
}

type Context = 'plain' | 'double' | 'substitution';

/**
 * Finds the `{{…}}` of a shell text that do not stand on their own: values are quoted when they are filled in, so a
 * place inside the author's quotes, a here-document, a comment, backquotes, arithmetic or `${…}`, or right after `\` or `$`, would
 * arrive wrong or become syntax (spec SAME-PIP-012). Command substitutions `$(…)` are looked into.
 */
export function unsafePlaces(text: string): UnsafePlace[] {
  const found: UnsafePlace[] = [];
  const stack: Context[] = ['plain'];
  // From here on shells disagree, or what follows is no command: no place is safe any more.
  let after: string | undefined;
  const lastClose = text.lastIndexOf('}}');
  for (let i = 0; i < text.length; ) {
    const context = stack.at(-1)!;
    const rest = text.slice(i);
    if (rest.startsWith('{{') && i + 2 <= lastClose) {
      const place = text.slice(i, text.indexOf('}}', i + 2) + 2);
      const before = text[i - 1];
      const where = after
        ? `after ${after}`
        : context === 'double'
          ? 'inside double quotes'
          : before === '\\' || before === '$'
            ? `right after ${before}`
            : undefined;
      if (where) found.push({ place, where });
      i += place.length;
    } else if (rest[0] === '\\') i += rest[1] === '{' ? 1 : 2;
    else if (rest[0] === '`') i = skipTo(text, i, /`/g, 'inside backquotes', found);
    else if (rest.startsWith('${')) i = skipTo(text, i + 1, /\}(?!\})/g, 'inside ${…}', found);
    else if (/^\$?\(\(/.test(rest)) i = skipTo(text, i, /\)\)/g, 'inside arithmetic', found);
    else if (rest.startsWith('$(')) {
      stack.push('substitution');
      i += 2;
    } else if (rest[0] === '"') {
      if (context === 'double') stack.pop();
      else stack.push('double');
      i += 1;
    } else if (context === 'double') i += 1;
    else if (rest[0] === "'") {
      if (text[i - 1] === '$') after = "$'…'";
      i = skipTo(text, i, /'/g, 'inside single quotes', found);
    } else if (rest[0] === '(') {
      stack.push('substitution');
      i += 1;
    } else if (rest[0] === ')') {
      if (context === 'substitution') stack.pop();
      i += 1;
    } else if (rest[0] === '#' && /^$|[\s;&|()]/.test(text[i - 1] ?? '')) {
      i = skipTo(text, i, /\n|$/g, 'inside a comment', found);
    } else {
      if (/^<<(?!<)/.test(rest) && text[i - 1] !== '<') after = 'the start of a here-document';
      i += 1;
    }
  }
  return found;
}

/** Passes over a stretch in which no place may stand. @returns the index after its end */
function skipTo(text: string, start: number, end: RegExp, where: string, found: UnsafePlace[]): number {
  end.lastIndex = start + 1;
  const match = end.exec(text);
  const stop = match ? match.index + Math.max(1, match[0].length) : text.length;
  for (const place of placesIn(text.slice(start, stop))) found.push({ place, where });
  return stop;
}

/** The `{{…}}` of a text, in order. */
export function placesIn(text: string): string[] {
  const places: string[] = [];
  for (let end = 0; ; ) {
    const start = text.indexOf('{{', end);
    const close = start < 0 ? -1 : text.indexOf('}}', start + 2);
    if (close < 0) return places;
    end = close + 2;
    places.push(text.slice(start, end));
  }
}
