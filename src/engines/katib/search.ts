import type { Finding } from '../../errors/same-error.ts';
import { wordOf } from '../../pipeline/command.ts';
import type { JsonValue } from '../../program/json.ts';
import { type Dimension, listedValues, sizeOf, valueAt } from '../../sweeps/search-space.ts';
import type { Search } from '../../sweeps/sweep.ts';
import type { GivenParameter } from '../given-parameters.ts';
import type { ClusterObject } from '../kubernetes/compilation.ts';
import { refusalsOf } from '../refusals.ts';

/** The most values that are told one by one. */
const MOST_VALUES = 1000;
/** Seeds that what draws values there takes. */
const SEEDS = 2 ** 32;

/** Refusals of Experiments. */
export const refusal = refusalsOf('katib');

/** What of a search Katib cannot honour (SAME1016). @param seed as it was asked for */
export function searchRefusals({ space, algorithm, objective }: Search, seed: string | undefined): Finding[] {
  const found: Finding[] = [];
  const refuse = (what: string, why: string, hint: string) =>
    found.push({ ...refusal(what, why, hint), place: what });
  if (!objective)
    refuse('a search without an objective', 'it searches by one', 'say it with --objective=min:METRIC');
  else if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?$/.test(objective.metric))
    refuse(
      `--objective ${objective.metric}`,
      'it is told metrics by names of letters, digits, _ and -',
      'report it under such a name, at the top of the report',
    );
  if (seed !== undefined && algorithm === 'sobol')
    refuse('--sampler-seed', 'its sobol takes none', 'leave it out');
  if (seed !== undefined && Number(seed) >= SEEDS)
    refuse('--sampler-seed', `seeds there are below ${SEEDS}`, 'choose a smaller one');
  for (const dimension of space) {
    const { name, kind } = dimension;
    if (kind === 'log' && algorithm === 'sobol')
      refuse(`--${name}`, 'its sobol knows no logarithms', 'use --algorithm random or tpe');
    const step = 'low' in dimension ? dimension.multipleOf : undefined;
    if (kind === 'log' && step !== undefined && step !== 1)
      refuse(
        `--${name}`,
        `it keeps to no multiples of ${step} between two ends`,
        'write the values as a list: a,b,c',
      );
    const isListed =
      listedValues(dimension) !== undefined || (kind === 'linear' && step !== undefined && step !== 1);
    if (isListed && sizeOf(dimension) > MOST_VALUES)
      refuse(
        `--${name}`,
        `it is told at most ${MOST_VALUES} values one by one`,
        'search between two ends: linear(LOW,HIGH)',
      );
  }
  return found;
}

/** A dimension as Katib takes it, and how its values reach a step. */
export function parameterOf(
  dimension: Dimension,
  number: number,
): { parameter: ClusterObject; given: GivenParameter } {
  const { name } = dimension;
  const variable = `SAME_GIVEN_${number}`;
  const values = valuesOf(dimension);
  if (values) {
    const told = values.map((value, index) => ({ said: saidAs(value, index, values), value }));
    const isNumbers = values.every((value) => typeof value === 'number');
    return {
      parameter: {
        name,
        parameterType: isNumbers ? 'discrete' : 'categorical',
        feasibleSpace: { list: told.map(({ said }) => said) },
      },
      given: { name, variable, values: told },
    };
  }
  const { low, high, kind, multipleOf } = dimension as Extract<Dimension, { low: number }>;
  const isInteger = multipleOf === 1;
  return {
    parameter: {
      name,
      parameterType: isInteger ? 'int' : 'double',
      feasibleSpace: {
        min: String(low),
        max: String(high),
        ...(kind === 'log' ? { distribution: 'logUniform' } : {}),
      },
    },
    given: { name, variable, ...(isInteger ? { isInteger } : {}) },
  };
}

/** The values of what has a list of them, or keeps to multiples that Katib would not keep to. */
function valuesOf(dimension: Dimension): readonly JsonValue[] | undefined {
  const listed = listedValues(dimension);
  if (listed || !('low' in dimension) || dimension.kind === 'log') return listed;
  if (dimension.multipleOf === undefined || dimension.multipleOf === 1) return undefined;
  const size = sizeOf(dimension);
  return Array.from({ length: size }, (_, index) => valueAt(dimension, (index + 0.5) / size));
}

/** The word that says a value: itself where no template and no shell could take it for anything else. */
function saidAs(value: JsonValue, index: number, values: readonly JsonValue[]): string {
  const word = wordOf(value);
  const isPlain = /^[A-Za-z0-9+-][A-Za-z0-9._+-]{0,62}$/.test(word);
  return isPlain && values.filter((other) => wordOf(other) === word).length === 1 ? word : `value ${index}`;
}
