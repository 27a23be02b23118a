import { equalJson, type JsonValue, stableText } from '../program/json.ts';
import type { Claim } from '../program/schema.ts';
import type { MetricRecord } from '../runs/run-record.ts';

/** The figure that a claim speaks of; otherwise why there is none, and whether the claim then speaks of this run. */
export type Figure =
  | { value: number }
  | { outcome: 'not-run'; because: string }
  | { outcome: 'error'; because: string };

/** What figures are looked for in. */
export interface FigureFacts {
  parameters: Record<string, { value: JsonValue }>;
  /** Steps of the program that this run left out. */
  leftOut?: readonly string[];
}

/** Makes a function that finds a claim's figure among the metrics of a run (spec SAME-CLM-006, 007, 012, 013). */
export function figuresOf(
  metrics: readonly MetricRecord[],
  facts: FigureFacts,
): (claim: Pick<Claim, 'metric' | 'given' | 'over' | 'aggregate'>) => Figure {
  const byName = Map.groupBy(metrics, ({ name }) => name);
  let byStep: Map<string, MetricRecord[]> | undefined;
  const named = (metric: string): MetricRecord[] => {
    const exact = byName.get(metric) ?? [];
    const declared = exact.filter((one) => one.declared);
    if (declared.length > 0) return declared;
    if (exact.length > 0) return exact;
    byStep ??= byStepAndName(metrics);
    return byStep.get(metric) ?? [];
  };
  return (claim) => {
    const found = named(claim.metric);
    const chosen = givenOnly(found, claim.given ?? {}, facts);
    if (typeof chosen === 'string') return { outcome: 'not-run', because: chosen };
    if (chosen.length === 0) return missing(claim.metric, facts);
    const lost = chosen.find((metric) => metric.lost !== undefined);
    if (lost) return { outcome: 'error', because: lostBecause(lost) };
    if (claim.over !== undefined || claim.aggregate !== undefined) return aggregated(chosen, claim);
    return chosen.length === 1 ? { value: chosen[0]!.value } : ambiguous(chosen, claim.metric);
  };
}

/** The name of the step whose cell reported a metric. */
function stepOf({ step, matrix }: MetricRecord): string {
  return matrix === undefined ? step : step.slice(0, step.lastIndexOf('.'));
}

/** By `STEP.NAME`, where a STEP may also be one cell. */
function byStepAndName(metrics: readonly MetricRecord[]): Map<string, MetricRecord[]> {
  const found = new Map<string, MetricRecord[]>();
  for (const metric of metrics) {
    for (const step of new Set([metric.step, stepOf(metric)])) {
      const name = `${step}.${metric.name}`;
      const known = found.get(name);
      if (known) known.push(metric);
      else found.set(name, [metric]);
    }
  }
  return found;
}

/** The metrics of the cells that `given` picks, or why the claim does not speak of this run. */
function givenOnly(
  metrics: MetricRecord[],
  given: Record<string, JsonValue>,
  { parameters }: FigureFacts,
): MetricRecord[] | string {
  let left = metrics;
  for (const [name, value] of Object.entries(given)) {
    const wanted = `${name}=${JSON.stringify(value)}`;
    if (metrics.some((metric) => hasDimension(metric, name))) {
      left = left.filter((metric) => hasDimension(metric, name) && equalJson(metric.matrix![name]!, value));
      if (left.length === 0) return `speaks of ${wanted}; no cell of this run with this metric had that`;
      continue;
    }
    const actual = parameters[name]?.value;
    // A dimension says nothing where there is no figure at all.
    if (actual === undefined && metrics.length === 0) continue;
    if (actual === undefined) return `speaks of ${wanted}; this metric is of no cell`;
    if (!equalJson(actual, value)) return `speaks of ${wanted}; this run had ${JSON.stringify(actual)}`;
  }
  return left;
}

function hasDimension({ matrix }: MetricRecord, name: string): boolean {
  return matrix !== undefined && Object.hasOwn(matrix, name);
}

function missing(name: string, { leftOut = [] }: FigureFacts): Figure {
  if (leftOut.length === 0) return { outcome: 'error', because: `no step reported a metric "${name}"` };
  const steps = leftOut.slice(0, 5).join(', ') + (leftOut.length > 5 ? ', …' : '');
  return { outcome: 'not-run', because: `no step reported a metric "${name}"; this run left out ${steps}` };
}

/** Why a figure is no result whose series ends in what is no number. */
function lostBecause({ name, step, lost }: MetricRecord): string {
  const last = lost === 1 ? 'last point' : `last ${lost} points`;
  return `metric "${name}" of step ${step} is not a finite number in its ${last}`;
}

function ambiguous(metrics: readonly MetricRecord[], name: string): Figure {
  const steps = [...new Set(metrics.map(stepOf))];
  const because =
    steps.length > 1
      ? `metric "${name}" was reported by steps ${steps.join(' and ')}: say STEP.${name}`
      : `metric "${name}" was reported by ${metrics.length} cells of step ${steps[0]}: pick one by given, or say over and aggregate`;
  return { outcome: 'error', because };
}

/** One figure of the cells that differ in one dimension. */
function aggregated(
  metrics: readonly MetricRecord[],
  { metric, over, aggregate }: Pick<Claim, 'metric' | 'over' | 'aggregate'>,
): Figure {
  if (over === undefined || !metrics.every((one) => hasDimension(one, over)))
    return {
      outcome: 'not-run',
      because: `speaks of several runs (${over === undefined ? aggregate : `over ${over}`})`,
    };
  if (aggregate === undefined)
    return {
      outcome: 'not-run',
      because: `speaks of several cells (over ${over}), and not of their mean, median, min or max`,
    };
  if (new Set(metrics.map(stepOf)).size > 1) return ambiguous(metrics, metric);
  const others = Object.keys(metrics[0]!.matrix!).filter((name) => name !== over);
  const differing = others.filter(
    (name) => new Set(metrics.map(({ matrix }) => stableText(matrix![name]!))).size > 1,
  );
  if (differing.length > 0) {
    const because = `its cells differ in ${differing.join(' and ')} too: say which by given`;
    return { outcome: 'error', because };
  }
  // Sums depend on their order, and cells end in any: by number the figure is the same every time.
  const values = metrics.toSorted((a, b) => numberOf(a) - numberOf(b)).map(({ value }) => value);
  return { value: AGGREGATES[aggregate](values) };
}

function numberOf({ step }: MetricRecord): number {
  return Number(step.slice(step.lastIndexOf('.') + 1));
}

const AGGREGATES: Record<NonNullable<Claim['aggregate']>, (values: readonly number[]) => number> = {
  mean,
  median(values) {
    const sorted = values.toSorted((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[half]! : mean(sorted.slice(half - 1, half + 1));
  },
  min: (values) => values.reduce((a, b) => Math.min(a, b)),
  max: (values) => values.reduce((a, b) => Math.max(a, b)),
};

function mean(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  if (Number.isFinite(sum)) return sum / values.length;
  // Too large together, not each: no record can hold what is not finite.
  return values.reduce((total, value) => total + value / values.length, 0);
}
