import { storeFanIn } from '../bundle/fan-in-tree.ts';
import { compareClaims } from '../claims/compare-claims.ts';
import type { SkipCause } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import { programOutput } from '../pipeline/fan-in.ts';
import type { Plan, PlannedCell } from '../pipeline/plan.ts';
import type { ClaimRecord, MetricRecord, RunRecord, RunStatus } from '../runs/run-record.ts';
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
  await takeOutputs(ports, plan, record);
  const declared = await declaredMetrics(ports, plan.metrics, record);
  const placeOf = ({ name, step }: MetricRecord) => `${step}/${name}`;
  const named = new Set(declared.metrics.map(placeOf));
  // In the order of the plan, whichever ended first.
  const order = new Map(record.steps.map(({ name }, index) => [name, index]));
  record.metrics = [
    ...record.metrics.filter((metric) => !named.has(placeOf(metric))),
    ...declared.metrics,
  ].sort((a, b) => (order.get(a.step) ?? 0) - (order.get(b.step) ?? 0));
  for (const problem of declared.problems) problems.push(problem);
  record.claims = compareClaims(plan.claims, {
    metrics: record.metrics,
    parameters: record.parameters,
    ...(plan.leftOut === undefined ? {} : { leftOut: plan.leftOut }),
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

/** The outputs that the program is run for; of a step with several cells a directory of what these left. */
async function takeOutputs(ports: Ports, plan: Plan, record: RunRecord): Promise<void> {
  if (Object.keys(plan.outputs).length === 0) return;
  const steps = new Map(record.steps.map((step) => [step.name, step]));
  const hasFailed = record.steps.some(({ status }) => status !== 'succeeded' && status !== 'skipped');
  const cells = Map.groupBy(record.steps, ({ name, of = name }) => of);
  const expanded = new Map<string, PlannedCell[]>(
    plan.steps.flatMap(({ name, foreach }) =>
      foreach
        ? [
            [
              name,
              (cells.get(name) ?? []).map(({ name: cell, matrix = {} }) => ({ name: cell, matrix })),
            ] as const,
          ]
        : [],
    ),
  );
  for (const name of Object.keys(plan.outputs)) {
    const wanted = programOutput(plan, name, expanded);
    if (!wanted) continue;
    const artifactOf = (cell: string) => steps.get(cell)?.outputs[wanted.output];
    if ('cell' in wanted) {
      const artifact = artifactOf(wanted.cell);
      if (artifact) record.outputs[name] = artifact;
      continue;
    }
    const entries = wanted.entries.flatMap(({ entry, cell }) => {
      const artifact = artifactOf(cell);
      return artifact ? [{ entry, artifact }] : [];
    });
    // A part of what it should be would pass for the whole.
    const isWhole = !hasFailed || entries.length === wanted.entries.length;
    if (entries.length > 0 && isWhole) record.outputs[name] = await storeFanIn(entries, ports.content);
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
