import { RE2JS } from 're2js';
import { usePatternMatcher } from './value.ts';

// Loading this module is what makes `pattern` keywords work: see loadPatterns in parameters.ts.
usePatternMatcher((pattern, text) => compiled(pattern).matcher(text).find());

const cache = new Map<string, RE2JS>();

/** Why a text is not a pattern of RE2 syntax (https://github.com/google/re2/wiki/Syntax); undefined when it is one. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compiled(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, '');
  }
}

/**
 * Makes a linear-time matcher: for each match in a text its first group, or the whole match where the pattern has no
 * group. `^` and `$` match at lines.
 */
export function compilePattern(pattern: string): (text: string) => string[] {
  const program = RE2JS.compile(pattern, RE2JS.MULTILINE);
  return (text) => {
    const matcher = program.matcher(text);
    const found: string[] = [];
    while (matcher.find()) found.push((matcher.groupCount() > 0 ? matcher.group(1) : matcher.group()) ?? '');
    return found;
  };
}

function compiled(pattern: string): RE2JS {
  const known = cache.get(pattern);
  if (known) return known;
  const program = RE2JS.compile(pattern);
  cache.set(pattern, program);
  return program;
}
