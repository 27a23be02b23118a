import { SameError } from '../errors/same-error.ts';
import type { Condition } from '../program/condition.ts';
import { equalJson, type JsonObject, type JsonValue } from '../program/json.ts';
import { shown } from '../program/value.ts';

/** What the names of a condition stand for. */
export interface ConditionValues {
  /** All parameters of the program: whether a step runs is no secret of its. */
  parameters: JsonObject;
  matrix: JsonObject;
}

/**
 * Whether a condition holds. `&&` and `||` look at their right side only where the left does not decide.
 * @throws {SameError} SAME1010 where values cannot be compared so, or the whole is neither true nor false
 */
export function holds(condition: Condition, values: ConditionValues): boolean {
  return truth(resultOf(condition, values), 'the condition');
}

function resultOf(condition: Condition, values: ConditionValues): JsonValue {
  if ('value' in condition) return condition.value;
  if ('name' in condition) return namedValue(condition, values);
  if ('list' in condition) return condition.list.map((item) => resultOf(item, values));
  if ('not' in condition) return !truth(resultOf(condition.not, values), 'the right side of !');
  const { operator } = condition;
  if (operator === '&&' || operator === '||') return chained(condition, operator, values);
  return compared(operator, resultOf(condition.left, values), resultOf(condition.right, values));
}

/** A chain of hundreds of thousands leans to the left: it is walked, not descended into. */
function chained(condition: Condition, operator: '&&' | '||', values: ConditionValues): boolean {
  const sides: Condition[] = [];
  let first = condition;
  while ('operator' in first && first.operator === operator) {
    sides.push(first.right);
    first = first.left;
  }
  sides.push(first);
  const decided = operator === '||';
  for (const side of sides.reverse()) {
    if (truth(resultOf(side, values), `a side of ${operator}`) === decided) return decided;
  }
  return !decided;
}

function namedValue({ name, of }: { name: string; of?: string }, values: ConditionValues): JsonValue {
  if (of !== 'matrix' && Object.hasOwn(values.parameters, name)) return values.parameters[name]!;
  if (of !== 'parameters' && Object.hasOwn(values.matrix, name)) return values.matrix[name]!;
  throw refusal(`there is no ${of ?? 'parameter or dimension'} "${name}"`);
}

function compared(operator: string, left: JsonValue, right: JsonValue): boolean {
  if (operator === '==') return equalJson(left, right);
  if (operator === '!=') return !equalJson(left, right);
  if (operator === 'in') {
    if (!Array.isArray(right)) throw refusal(`the right side of in is ${shown(right)}, not a list`);
    return right.some((item) => equalJson(item, left));
  }
  const order = orderOf(left, right);
  if (order === undefined)
    throw refusal(`${shown(left)} ${operator} ${shown(right)} compares neither two numbers nor two texts`);
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/** Numbers by their size, texts by their code units. */
function orderOf(left: JsonValue, right: JsonValue): number | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left !== 'string' || typeof right !== 'string') return undefined;
  return left < right ? -1 : Number(left > right);
}

function truth(value: JsonValue, what: string): boolean {
  if (typeof value !== 'boolean') throw refusal(`${what} is ${shown(value)}, neither true nor false`);
  return value;
}

function refusal(message: string): SameError {
  return new SameError({ code: 'SAME1010', message });
}
