import type { JsonValue } from '../program/json.ts';
import { checkComparison, type FilterProblem, readField, type Written } from './filter-terms.ts';
import type { RunComparison, RunCondition, RunField } from './run-query.ts';

export { type FilterProblem, parseRunField } from './filter-terms.ts';

/** A name with parts in back-ticks, a quoted text in which its quote stands twice, a sign, or what is none of them. */
const TOKEN =
  /\s*(?:('(?:[^']|'')*'|"(?:[^"]|"")*")|(==|!=|<>|<=|>=|&&|\|\||[<>=!(),])|((?:[^\s'"`<>=!(),&|]|`[^`]*`)+)|(\S))/y;
const COMPARISONS: Record<string, RunComparison> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};
const HINTS = new Map<string, string>([
  ['&&', 'write and'],
  ['||', 'write or'],
  ['!', 'write not'],
  ["'", "the text is not closed; ' within it is written twice"],
  ['"', 'the text is not closed; " within it is written twice'],
  ['`', 'the name is not closed by another `'],
]);
/** Deepest nesting of brackets and `not`. */
const DEEPEST = 100;

/**
 * Reads a filter of runs (spec SAME-RUN-073): `or` binds least, then `and`, then `not`; words in any case.
 * @returns the condition, or everything that is wrong with it: one place where it cannot be read on, and each field or
 * value that is none
 */
export function parseRunFilter(text: string): { condition: RunCondition } | { problems: FilterProblem[] } {
  const parser = new Parser(text);
  try {
    const condition = parser.whole();
    return parser.problems.length === 0 ? { condition } : { problems: parser.problems };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { problems: [...parser.problems, error.problem] };
  }
}

/** Carries the last problem out of the parser's recursion; it never leaves this file. */
class Unreadable extends Error {
  readonly problem: FilterProblem;
  constructor(problem: FilterProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

type Kind = 'text' | 'sign' | 'word' | 'other' | 'end';

class Parser {
  readonly problems: FilterProblem[] = [];
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

  whole(): RunCondition {
    const condition = this.#or();
    if (this.#kind !== 'end') this.#fail('and, or, or the end');
    return condition;
  }

  #or(): RunCondition {
    const parts = [this.#and()];
    while (this.#word('or')) parts.push(this.#and());
    return parts.length === 1 ? parts[0]! : { or: parts };
  }

  #and(): RunCondition {
    const parts = [this.#not()];
    while (this.#word('and')) parts.push(this.#not());
    return parts.length === 1 ? parts[0]! : { and: parts };
  }

  #not(): RunCondition {
    if (this.#depth++ > DEEPEST) this.#refuse(`it is nested deeper than ${DEEPEST} levels`);
    try {
      if (this.#word('not')) return { not: this.#not() };
      if (!this.#sign('(')) return this.#comparison();
      const inner = this.#or();
      if (!this.#sign(')')) this.#fail('and, or, or )');
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #comparison(): RunCondition {
    if (this.#kind !== 'word' || isWord(this.#token)) this.#fail('a field');
    const at = this.#at;
    const read = readField(this.#token, at);
    this.#advance();
    const field = 'field' in read ? read.field : undefined;
    if ('problem' in read) this.problems.push(read.problem);
    const negated = this.#word('not');
    if (this.#word('in')) return listed(field, this.#list(field), negated);
    if (this.#word('like')) return liked(field, this.#value(field, 'like'), negated);
    if (negated) this.#fail('in or like');
    const operator = this.#operator();
    return { field: field ?? NOTHING, operator, value: this.#value(field, operator) };
  }

  #operator(): RunComparison {
    const operator = this.#kind === 'sign' ? COMPARISONS[this.#token] : undefined;
    if (operator === undefined) this.#fail('one of = != < <= > >= in like');
    this.#advance();
    return operator;
  }

  #list(field: RunField | undefined): JsonValue[] {
    if (!this.#sign('(')) this.#fail('( and values');
    const values = [this.#value(field, 'in')];
    while (this.#sign(',')) values.push(this.#value(field, 'in'));
    if (!this.#sign(')')) this.#fail(', or )');
    return values;
  }

  #value(field: RunField | undefined, operator: RunComparison | 'in'): JsonValue {
    if ((this.#kind !== 'word' && this.#kind !== 'text') || (this.#kind === 'word' && isWord(this.#token)))
      this.#fail('a value');
    const quote = this.#token[0]!;
    const written: Written =
      this.#kind === 'text'
        ? { text: this.#token.slice(1, -1).replaceAll(quote + quote, quote), quoted: true, at: this.#at }
        : { text: this.#token.replaceAll('`', ''), quoted: this.#token.includes('`'), at: this.#at };
    this.#advance();
    const checked = field === undefined ? { value: null } : checkComparison(field, operator, written);
    if ('value' in checked) return checked.value;
    this.problems.push(checked.problem);
    return null;
  }

  #word(word: string): boolean {
    if (this.#kind !== 'word' || this.#token.toLowerCase() !== word) return false;
    this.#advance();
    return true;
  }

  #sign(sign: string): boolean {
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
    const kinds: Kind[] = ['text', 'sign', 'word', 'other'];
    const index = match.slice(1).findIndex((part) => part !== undefined);
    this.#kind = kinds[index]!;
    this.#token = match[index + 1]!;
    this.#next = TOKEN.lastIndex;
    this.#at = this.#next - this.#token.length;
  }

  #fail(expected: string): never {
    const found = this.#kind === 'end' ? 'it ends' : `there is ${JSON.stringify(this.#token.slice(0, 40))}`;
    this.#refuse(
      `${found} where ${expected} is expected`,
      HINTS.get(this.#token) ?? HINT_WORDS.get(this.#token.toLowerCase()),
    );
  }

  #refuse(message: string, hint?: string): never {
    throw new Unreadable({ at: this.#at, message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Stands for a field that is none, in a condition that nobody gets to see. */
const NOTHING: RunField = { of: 'run', name: 'id' };
const HINT_WORDS = new Map<string, string>([
  ['ilike', 'like disregards case: write like'],
  ['rlike', 'write like, with % for any text and _ for any character'],
  ['is', 'write = null; what lacks a field meets no comparison with it'],
  ['between', 'write x >= 1 and x <= 2'],
]);

function isWord(token: string): boolean {
  return ['and', 'or', 'not', 'in', 'like'].includes(token.toLowerCase());
}

function listed(field = NOTHING, values: JsonValue[], negated: boolean): RunCondition {
  if (!negated) return { field, in: values };
  return { and: values.map((value) => ({ field, operator: '!=', value })) };
}

function liked(field = NOTHING, value: JsonValue, negated: boolean): RunCondition {
  const like: RunCondition = { field, operator: 'like', value };
  if (!negated) return like;
  // What lacks the field meets this comparison as little as any other.
  const has: RunCondition = {
    or: [
      { field, operator: '=', value: null },
      { field, operator: '!=', value: null },
    ],
  };
  return { and: [has, { not: like }] };
}
