/** One way to log in that a server offers (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  scheme: string;
  /** Names in lower case; of a name that comes twice the first. */
  parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y;
const GAP = /[\s,]*/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"?/sy;
const BARE = /[^\s,]*/y;
/** A challenge may have one word instead of parameters. */
const TOKEN68 = / +[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;

/**
 * The challenges of `WWW-Authenticate`, in the server's order. Several in one line, commas in quotes and spaces at `=` are
 * understood; what cannot be is left out.
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  const text = (header ?? '').slice(0, 16 * 1024);
  const challenges: Challenge[] = [];
  let parameters: Map<string, string> | undefined;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found ?? undefined;
  };
  while (at < text.length) {
    take(GAP);
    const name = take(TOKEN)?.[0].toLowerCase();
    if (name === undefined) {
      at++;
      continue;
    }
    if (parameters && take(EQUALS)) {
      const quoted = take(QUOTED);
      const value = quoted ? quoted[1]!.replace(/\\(.)/gs, '$1') : take(BARE)![0];
      if (!parameters.has(name)) parameters.set(name, value);
      continue;
    }
    parameters = new Map();
    challenges.push({ scheme: name, parameters });
    take(TOKEN68);
  }
  return challenges;
}
