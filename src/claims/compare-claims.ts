import type { PlannedParameter } from '../pipeline/plan.ts';
import { equalJson } from '../program/json.ts';
import type { Claim } from '../program/schema.ts';
import type { ClaimRecord, MetricRecord } from '../runs/run-record.ts';

/** The facts of one run that claims are held against. */
export interface ClaimFacts {
  metrics: readonly MetricRecord[];
  parameters: Record<string, PlannedParameter>;
  profile?: string;
}

/** Holds every claim against one run, in the manifest's order (spec chapter claims). */
export function compareClaims(claims: readonly Claim[], facts: ClaimFacts): ClaimRecord[] {
  return claims.map((claim) => {
    const record: ClaimRecord = {
      id: claim.id,
      metric: claim.metric,
      expect: claim.expect,
      outcome: 'not-run',
      ...(claim.cite === undefined ? {} : { cite: claim.cite }),
    };
    const because = conditionNotMet(claim, facts);
    if (because) return { ...record, because };
    const found = findMetric(facts.metrics, claim.metric);
    if (typeof found === 'string') return { ...record, outcome: 'error', because: found };
    return { ...record, ...compare(found.value, claim) };
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

/** A metric by `NAME` or `STEP.NAME`, or why there is none. */
export function findMetric(metrics: readonly MetricRecord[], name: string): MetricRecord | string {
  const exact = metrics.filter((metric) => metric.name === name);
  const declared = exact.find((metric) => metric.declared);
  if (declared) return declared;
  const found =
    exact.length > 0 ? exact : metrics.filter((metric) => `${metric.step}.${metric.name}` === name);
  if (found.length === 0) return `no step reported a metric "${name}"`;
  if (found.length > 1) {
    return `metric "${name}" was reported by steps ${found.map((metric) => metric.step).join(' and ')}: say STEP.${name}`;
  }
  return found[0]!;
}

function conditionNotMet(claim: Claim, facts: ClaimFacts): string | undefined {
  if (claim.over !== undefined) return `speaks of several runs (over ${claim.over})`;
  if (claim.aggregate !== undefined) return `speaks of several runs (${claim.aggregate})`;
  if (claim.profile !== undefined && claim.profile !== facts.profile)
    return `speaks of profile ${claim.profile}`;
  for (const [name, value] of Object.entries(claim.given ?? {})) {
    const actual = facts.parameters[name]?.value;
    if (actual === undefined || !equalJson(actual, value)) {
      return `speaks of ${name}=${JSON.stringify(value)}; this run had ${JSON.stringify(actual ?? null)}`;
    }
  }
  return undefined;
}
