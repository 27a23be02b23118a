import { satisfiesBound } from './python-version.ts';

/** The values of a marker's variables; a list for `extras` and `dependency_groups` (PEP 751). */
export type MarkerValues = Readonly<Record<string, string | readonly string[]>>;

/** Variables that hold versions, so that `3.9` comes before `3.10`. */
const VERSIONS = new Set([
  'python_version',
  'python_full_version',
  'implementation_version',
  'platform_release',
]);
const TOKEN = /\s*(?:(\(|\))|(===|~=|==|!=|<=|>=|<|>)|"([^"]*)"|'([^']*)'|([A-Za-z_][A-Za-z0-9_.]*))/y;

interface Token {
  kind: 'bracket' | 'operator' | 'text' | 'word';
  text: string;
}
type Value = string | readonly string[];

/**
 * Whether an environment marker holds (PEP 508, with the lists of PEP 751).
 * @returns undefined when it is none
 */
export function markerHolds(marker: string, values: MarkerValues): boolean | undefined {
  const tokens = tokensOf(marker);
  if (!tokens) return undefined;
  const reader = new MarkerParser(tokens, values);
  const result = reader.either();
  return reader.isAtEnd() ? result : undefined;
}

class MarkerParser {
  readonly #tokens: readonly Token[];
  readonly #values: MarkerValues;
  #at = 0;

  constructor(tokens: readonly Token[], values: MarkerValues) {
    this.#tokens = tokens;
    this.#values = values;
  }

  isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  either(): boolean | undefined {
    let result = this.#both();
    while (this.#takes('word', 'or')) {
      const right = this.#both();
      result = result === undefined || right === undefined ? undefined : result || right;
    }
    return result;
  }

  #both(): boolean | undefined {
    let result = this.#one();
    while (this.#takes('word', 'and')) {
      const right = this.#one();
      result = result === undefined || right === undefined ? undefined : result && right;
    }
    return result;
  }

  #one(): boolean | undefined {
    if (this.#takes('bracket', '(')) {
      const result = this.either();
      return this.#takes('bracket', ')') ? result : undefined;
    }
    const left = this.#operand();
    const operator = this.#operator();
    const right = this.#operand();
    if (!left || !right || operator === undefined) return undefined;
    return compare(left.value, operator, right.value, VERSIONS.has(left.name) || VERSIONS.has(right.name));
  }

  #operand(): { name: string; value: Value } | undefined {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'text') return { name: '', value: token.text };
    if (token?.kind !== 'word') return undefined;
    const name = token.text.replace('.', '_');
    const value = this.#values[name];
    return value === undefined ? undefined : { name, value };
  }

  #operator(): string | undefined {
    if (this.#takes('word', 'in')) return 'in';
    if (this.#takes('word', 'not')) return this.#takes('word', 'in') ? 'not in' : undefined;
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'operator') return undefined;
    this.#at++;
    return token.text;
  }

  #takes(kind: Token['kind'], text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind || token.text !== text) return false;
    this.#at++;
    return true;
  }
}

function compare(left: Value, operator: string, right: Value, isVersion: boolean): boolean | undefined {
  if (operator === 'in' || operator === 'not in') {
    if (typeof left !== 'string') return undefined;
    return right.includes(left) === (operator === 'in');
  }
  if (typeof left !== 'string' || typeof right !== 'string') return undefined;
  if (isVersion) {
    const holds = satisfiesBound(left, operator, right);
    if (holds !== undefined) return holds;
  }
  if (operator === '==' || operator === '===') return left === right;
  if (operator === '!=') return left !== right;
  // What is no version has no order.
  return operator === '~=' ? undefined : false;
}

function tokensOf(marker: string): Token[] | undefined {
  const tokens: Token[] = [];
  const end = marker.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(marker);
    if (!match) return undefined;
    const [, bracket, operator, double, single, word] = match;
    if (bracket) tokens.push({ kind: 'bracket', text: bracket });
    else if (operator) tokens.push({ kind: 'operator', text: operator });
    else if (word) tokens.push({ kind: 'word', text: word });
    else tokens.push({ kind: 'text', text: double ?? single ?? '' });
  }
  return tokens;
}
