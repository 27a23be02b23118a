import { compareClaims } from '../claims/compare-claims.ts';
import type { SkipCause } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { ClaimRecord, RunRecord, RunStatus } from '../runs/run-record.ts';
import type { Ports } from './ports.ts';
import { digestOfValue } from './program-files.ts';
import { declaredMetrics } from './run-metrics.ts';

/**
 * Decides what became of a run whose engine has ended: outputs, declared figures, claims, status.
 * @param problems of the steps; those of figures are added
 * @param skips why cells were skipped, each cause that there was
 */
export async function concludeRun(
  ports: Ports,
  plan: Plan,
  record: RunRecord,
  problems: Finding[],
  skips: ReadonlySet<SkipCause>,
): Promise<void> {
  for (const [name, { step, output }] of Object.entries(plan.outputs)) {
    const artifact = record.steps.find((known) => known.name === step)?.outputs[output];
    if (artifact) record.outputs[name] = artifact;
  }
  const declared = await declaredMetrics(ports, plan.metrics, record);
  record.metrics = [
    ...record.metrics.filter(
      ({ name, step }) => !declared.metrics.some((d) => d.name === name && d.step === step),
    ),
    ...declared.metrics,
  ];
  problems.push(...declared.problems);
  record.claims = compareClaims(plan.claims, {
    metrics: record.metrics,
    parameters: record.parameters,
    ...(plan.profile === undefined ? {} : { profile: plan.profile }),
  });
  record.status = statusOf(record, problems, ports.cancel.aborted, skips);
  if (record.status !== 'succeeded') {
    // Figures of half a run agree with nothing (spec SAME-CLM-011).
    record.claims = record.claims.map(
      ({ id, metric, expect, cite }): ClaimRecord => ({
        id,
        metric,
        expect,
        ...(cite === undefined ? {} : { cite }),
        outcome: 'not-run',
        because: 'the run did not succeed',
      }),
    );
    const failed = record.steps.find(({ status }) => ['failed', 'timeout', 'canceled'].includes(status));
    const problem = problems[0] ?? { code: 'SAME1607', message: 'the run was canceled' };
    record.error = { code: problem.code, message: problem.message, ...(failed ? { step: failed.name } : {}) };
  }
}

/** A step that is stopped because another one failed is canceled as well: then the run has failed. */
function statusOf(
  record: RunRecord,
  problems: readonly Finding[],
  isInterrupted: boolean,
  skips: ReadonlySet<SkipCause>,
): RunStatus {
  const statuses = record.steps.map(({ status }) => status);
  if (isInterrupted && (statuses.includes('canceled') || skips.has('canceled'))) return 'canceled';
  if (statuses.includes('timeout')) return 'timeout';
  if (statuses.includes('failed')) return 'failed';
  return problems.length > 0 ? 'failed' : 'succeeded';
}

/** What a command exits with after a run that ended so (spec SAME-RUN-007). */
export function exitCodeOf(status: RunStatus): number {
  if (status === 'succeeded') return 0;
  return status === 'canceled' ? 130 : 1;
}

/** `code_environment_data_parameters:output`, five hex digits each. */
export function displayId(record: RunRecord): string {
  const five = (value: unknown) => digestOfValue(value).slice('sha256:'.length, 'sha256:'.length + 5);
  const environments = Object.fromEntries(
    Object.entries(record.environments).map(([name, { key }]) => [name, key]),
  );
  const data = Object.fromEntries(Object.entries(record.data).map(([name, { digest }]) => [name, digest]));
  const parameters = Object.fromEntries(
    Object.entries(record.parameters).map(([name, { value }]) => [name, value]),
  );
  const outputs = record.steps.map(({ name, outputs: written }) => [name, written]);
  return `${five(record.code.digest)}_${five(environments)}_${five(data)}_${five(parameters)}:${five(outputs)}`;
}
