import type { JsonValue } from './json.ts';
import { isPortableNumber } from './json.ts';

/** What a condition compares with. */
export type ConditionOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '&&' | '||';

/** A name in a condition: `parameters.NAME`, `matrix.NAME`, or NAME alone, which is a parameter before a dimension. */
export interface ConditionName {
  name: string;
  of?: 'parameters' | 'matrix';
}

/** A condition (`when`), parsed. */
export type Condition =
  | { value: JsonValue }
  | ConditionName
  | { list: Condition[] }
  | { not: Condition }
  | { operator: ConditionOperator; left: Condition; right: Condition };

/** Why a text is no condition. */
export interface ConditionProblem {
  message: string;
  hint?: string;
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(-?[0-9][0-9A-Za-z_.+-]*)|([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*)|(==|!=|<=|>=|&&|\|\||[<>!()[\],])|(\S))/y;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>=', 'in'];
const WORDS: Record<string, JsonValue> = { true: true, false: false, null: null };
const HINTS: Record<string, string> = {
  "'": 'write text in double quotes: "adam"',
  '=': 'equality is ==',
  '&': 'and is &&',
  '|': 'or is ||',
};
/** Deepest nesting of brackets, lists and `!`. */
const DEEPEST = 100;

/** Parses a condition (spec SAME-PIP-034): `||` binds least, then `&&`, then comparisons, which do not chain, then `!`. */
export function parseCondition(text: string): { condition: Condition } | { problem: ConditionProblem } {
  try {
    return { condition: new Parser(text).whole() };
  } catch (error) {
    if (error instanceof Unparsable) return { problem: error.problem };
    throw error;
  }
}

/** Every name in a condition, in order. */
export function namesInCondition(condition: Condition): ConditionName[] {
  const names: ConditionName[] = [];
  const left: Condition[] = [condition];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if ('name' in next) names.push(next);
    else if ('list' in next) left.push(...next.list.toReversed());
    else if ('not' in next) left.push(next.not);
    else if ('operator' in next) left.push(next.right, next.left);
  }
  return names;
}

/** Carries a problem out of the parser's recursion; it never leaves this file. */
class Unparsable extends Error {
  readonly problem: ConditionProblem;
  constructor(problem: ConditionProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

type Kind = 'text' | 'number' | 'name' | 'sign' | 'other' | 'end';

class Parser {
  readonly #text: string;
  #kind: Kind = 'end';
  #token = '';
  #at = 0;
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#advance();
  }

  whole(): Condition {
    const condition = this.#or();
    if (this.#kind !== 'end') this.#fail();
    return condition;
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#take('||')) left = { operator: '||', left, right: this.#and() };
    return left;
  }

  #and(): Condition {
    let left = this.#comparison();
    while (this.#take('&&')) left = { operator: '&&', left, right: this.#comparison() };
    return left;
  }

  #comparison(): Condition {
    const left = this.#operand();
    const operator = this.#token;
    if (!this.#isComparison()) return left;
    this.#advance();
    const right = this.#operand();
    if (this.#isComparison()) this.#fail('comparisons do not chain: write a < b && b < c');
    return { operator: operator as ConditionOperator, left, right };
  }

  #isComparison(): boolean {
    return (this.#kind === 'sign' || this.#kind === 'name') && COMPARISONS.includes(this.#token);
  }

  #operand(): Condition {
    if (this.#depth++ > DEEPEST) throw new Unparsable({ message: `nested deeper than ${DEEPEST} levels` });
    try {
      if (this.#take('!')) return { not: this.#operand() };
      if (this.#take('(')) {
        const inner = this.#or();
        if (!this.#take(')')) this.#fail('a ( is not closed');
        return inner;
      }
      if (this.#take('[')) return { list: this.#items() };
      return this.#literalOrName();
    } finally {
      this.#depth--;
    }
  }

  #items(): Condition[] {
    const items: Condition[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#or());
    while (this.#take(','));
    if (!this.#take(']')) this.#fail('a [ is not closed');
    return items;
  }

  #literalOrName(): Condition {
    const token = this.#token;
    if (this.#kind === 'text') return this.#literal(this.#jsonText(token));
    if (this.#kind === 'number') {
      if (!NUMBER.test(token) || !isPortableNumber(Number(token)))
        this.#fail('numbers are written as in JSON');
      return this.#literal(Number(token));
    }
    if (this.#kind !== 'name' || token === 'in') this.#fail();
    if (Object.hasOwn(WORDS, token)) return this.#literal(WORDS[token]!);
    const [of, name, ...more] = token.split('.') as [string, ...string[]];
    if (name === undefined) {
      this.#advance();
      return { name: of };
    }
    if (more.length > 0 || (of !== 'parameters' && of !== 'matrix'))
      this.#fail('a name is NAME, parameters.NAME or matrix.NAME');
    this.#advance();
    return { name, of: of as 'parameters' | 'matrix' };
  }

  #literal(value: JsonValue): Condition {
    this.#advance();
    return { value };
  }

  #jsonText(token: string): string {
    try {
      const text = JSON.parse(token) as string;
      if (text.isWellFormed()) return text;
    } catch {
      // Said below: an escape that JSON does not know, or a control character.
    }
    return this.#fail('text is written as in JSON');
  }

  #take(sign: string): boolean {
    if (this.#kind !== 'sign' || this.#token !== sign) return false;
    this.#advance();
    return true;
  }

  #advance(): void {
    TOKEN.lastIndex = this.#next;
    const match = TOKEN.exec(this.#text);
    if (!match) {
      [this.#kind, this.#token, this.#at, this.#next] = ['end', '', this.#text.length, this.#text.length];
      return;
    }
    const kinds: Kind[] = ['text', 'number', 'name', 'sign', 'other'];
    const index = match.slice(1).findIndex((part) => part !== undefined);
    this.#kind = kinds[index]!;
    this.#token = match[index + 1]!;
    this.#next = TOKEN.lastIndex;
    this.#at = this.#next - this.#token.length;
  }

  #fail(hint?: string): never {
    const found = this.#kind === 'end' ? 'the end' : JSON.stringify(this.#token.slice(0, 40));
    const message = `${found} is not expected at character ${this.#at + 1}`;
    const advice = hint ?? HINTS[this.#token];
    throw new Unparsable(advice === undefined ? { message } : { message, hint: advice });
  }
}
