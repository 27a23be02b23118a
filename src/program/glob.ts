const compiled = new Map<string, RegExp>();

/**
 * True when a glob names a path, or names a directory that the path is in. `*` and `?` stay within one segment, `**`
 * crosses segments, `[…]` is a set and `{a,b}` a choice; a leading dot is a character like any other, and case counts.
 * Both are relative and `/`-separated.
 */
export function matchesGlob(path: string, glob: string): boolean {
  let pattern = compiled.get(glob);
  if (!pattern) {
    pattern = new RegExp(`^(?:${translate(glob.replace(/^(\.\/)+/, '').replace(/\/+$/, ''))})(?:/|$)`, 'u');
    compiled.set(glob, pattern);
  }
  return pattern.test(path);
}

function translate(glob: string): string {
  let [regex, depth] = ['', 0];
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (char === '*' && glob[i + 1] === '*') {
      while (glob[i + 1] === '*') i++;
      const whole = (i < 2 || glob[i - 2] === '/') && glob[i + 1] === '/';
      if (whole) i++;
      regex += whole ? '(?:[^/]+/)*' : '.*';
    } else if (char === '*') regex += '[^/]*';
    else if (char === '?') regex += '[^/]';
    else if (char === '[') {
      const set = setAt(glob.slice(i));
      regex += set?.regex ?? '\\[';
      i += (set?.length ?? 1) - 1;
    } else if (char === '{' && glob.includes('}', i)) {
      depth++;
      regex += '(?:';
    } else if (char === '}' && depth > 0) {
      depth--;
      regex += ')';
    } else if (char === ',' && depth > 0) regex += '|';
    else regex += char.replace(/[\\^$.+()|{}\]]/, '\\$&').replace('/', '\\/');
  }
  return regex + ')'.repeat(depth);
}

/** A `[…]` at the start of a text; undefined when it is not closed or a range in it runs backwards. */
function setAt(text: string): { regex: string; length: number } | undefined {
  const set = /^\[([!^]?)(\]?[^\]/]*)\]/.exec(text);
  if (!set) return undefined;
  const regex = `(?!/)[${set[1] ? '^' : ''}${set[2]!.replace(/[\\[\]^]/g, '\\$&')}]`;
  try {
    new RegExp(regex, 'u');
    return { regex, length: set[0].length };
  } catch {
    return undefined;
  }
}
