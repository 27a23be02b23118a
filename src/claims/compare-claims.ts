import type { PlannedParameter } from '../pipeline/plan.ts';
import type { Claim } from '../program/schema.ts';
import type { ClaimRecord, MetricRecord } from '../runs/run-record.ts';
import { figuresOf } from './figure.ts';

/** The facts of one run that claims are held against. */
export interface ClaimFacts {
  metrics: readonly MetricRecord[];
  parameters: Record<string, PlannedParameter>;
  profile?: string;
  /** Steps of the program that this run left out: a figure that is not there may be theirs. */
  leftOut?: readonly string[];
}

/** Holds every claim against one run, in the manifest's order (spec chapter claims). */
export function compareClaims(claims: readonly Claim[], facts: ClaimFacts): ClaimRecord[] {
  const figureOf = figuresOf(facts.metrics, facts);
  return claims.map((claim) => {
    const record: ClaimRecord = {
      id: claim.id,
      metric: claim.metric,
      expect: claim.expect,
      outcome: 'not-run',
      ...(claim.cite === undefined ? {} : { cite: claim.cite }),
    };
    if (claim.profile !== undefined && claim.profile !== facts.profile)
      return { ...record, because: `speaks of profile ${claim.profile}` };
    const figure = figureOf(claim);
    return { ...record, ...('value' in figure ? compare(figure.value, claim) : figure) };
  });
}

/**
 * The plain tolerance: |got − expect| ≤ max(abs, rel·|expect|), both 0 when absent. NaN is never within. A tolerance is
 * widened by what doubles lose of decimal figures, so that 17.8 is within 17.7 ± 0.1 (spec SAME-CLM-003).
 */
export function compare(
  got: number,
  claim: Pick<Claim, 'expect' | 'tolerance'>,
): Required<Pick<ClaimRecord, 'got' | 'delta' | 'allowed' | 'outcome'>> {
  const allowed = Math.max(claim.tolerance?.abs ?? 0, (claim.tolerance?.rel ?? 0) * Math.abs(claim.expect));
  const delta = got - claim.expect;
  const lost =
    allowed === 0 || !Number.isFinite(got) ? 0 : 2 ** -50 * Math.max(Math.abs(got), Math.abs(claim.expect));
  return { got, delta, allowed, outcome: Math.abs(delta) <= allowed + lost ? 'within' : 'outside' };
}

/** The one figure of a run by `NAME` or `STEP.NAME`, or why there is none. */
export function findMetric(metrics: readonly MetricRecord[], name: string): { value: number } | string {
  const figure = figuresOf(metrics, { parameters: {} })({ metric: name });
  return 'value' in figure ? figure : figure.because;
}
