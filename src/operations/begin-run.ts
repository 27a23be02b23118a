import type { Artifact } from '../engines/engine.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { pendingStep } from '../runs/step-outcome.ts';
import type { Ports } from './ports.ts';
import type { PreparedRun, RunRequest } from './prepare-run.ts';
import { secretsOf } from './run-context.ts';

/** The record of a run that begins, as far as it is known: every cell is pending. */
export async function beginRecord(
  ports: Ports,
  request: RunRequest,
  prepared: PreparedRun,
  data: Record<string, Artifact & { uri: string }>,
  waived: { what: string; want: string; have: string }[],
): Promise<RunRecord> {
  const { artifact, origin, plan } = prepared;
  const environments: RunRecord['environments'] = {};
  for (const name of Object.keys(plan.environments)) {
    const { key, locked, variables, resolved } = await prepared.environments.ready(name);
    environments[name] = { key, locked, variables, resolved };
  }
  const { repository, revision, path, dirty, diff } = origin ?? {};
  return {
    apiVersion: 'same/v1',
    kind: 'Run',
    id: ports.newRunId(),
    display: '',
    program: { ...plan.program, pinned: prepared.pinned },
    status: 'running',
    ...(request.parent === undefined ? {} : { parent: request.parent }),
    ...(prepared.resumed === undefined ? {} : { resumes: prepared.resumed.record.id }),
    ...(selectionOf(request) ?? {}),
    ...(plan.profile === undefined ? {} : { profile: plan.profile }),
    target: plan.target,
    engine: plan.engine,
    parameters: plan.parameters,
    data,
    code: definedOnly({ digest: artifact.codeDigest, repository, revision, path, dirty, diff }),
    environments,
    machine: await ports.machine(),
    startedAt: ports.now(),
    steps: plan.steps.flatMap(({ name: of, cells, foreach, template: command, environment }) =>
      // The cells of a list take the place of the one that stands for all of them.
      (foreach ? [{ name: of, matrix: {} }] : cells).map(({ name, matrix }) =>
        pendingStep({ name, of, matrix, command, environment }),
      ),
    ),
    outputs: {},
    metrics: [],
    claims: [],
    waivers: waived.map(({ what, want, have }) => ({ what, want, have })),
    services: Object.fromEntries(
      Object.entries(artifact.program.services ?? {}).map(([name]) => [
        name,
        'not bound: none is configured',
      ]),
    ),
    warnings: ports.warnings.map(({ code, message }) => `${code} ${message}`),
    runtime: ports.runtime,
    redactions: Object.keys(secretsOf(ports, prepared)).sort(),
  };
}

/** What the run was restricted to, so that a record of a part says so. */
function selectionOf({ steps, from, until }: RunRequest): Pick<RunRecord, 'selection'> | undefined {
  const selection = definedOnly({ steps, from, until });
  return Object.keys(selection).length === 0 ? undefined : { selection };
}

function definedOnly<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
