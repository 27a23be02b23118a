import type { EngineEvent, StepResult } from '../../src/engines/engine.ts';
import type { PlannedStep } from '../../src/pipeline/plan.ts';
import type { JsonObject } from '../../src/program/json.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const empty = { digest, sizeBytes: 0 };
const at = '2026-01-31T09:30:00.000Z';

/** A planned step as far as a view of a run looks at it. @param cells how many, or their values; nothing for one */
export function step(
  name: string,
  rest: Partial<Omit<PlannedStep, 'cells'>> & { cells?: number | JsonObject[] } = {},
): PlannedStep {
  const { cells, ...fields } = rest;
  const values = typeof cells === 'number' ? Array.from({ length: cells }, (_, seed) => ({ seed })) : cells;
  return {
    name,
    group: 'steps',
    cells: values
      ? values.map((matrix, number) => ({ name: `${name}.${number}`, matrix }))
      : [{ name, matrix: {} }],
    mutex: [],
    cache: true,
    selected: 'run',
    template: `make ${name}`,
    command: { shell: [`make ${name}`] },
    after: [],
    environment: 'default',
    workdir: '.',
    inputs: {},
    outputs: {},
    parameters: {},
    secrets: [],
    services: [],
    retries: { max: 0, backoffMs: 0 },
    resources: {},
    ...fields,
  };
}

/** Events by their words, as an engine tells them. */
export const events = {
  started: (cell: string, attempt = 1): EngineEvent => ({
    type: 'step-started',
    step: cell,
    attempt,
    at,
    command: `make ${cell}`,
  }),
  printed: (cell: string, ...lines: string[]): EngineEvent => ({
    type: 'step-output',
    step: cell,
    attempt: 1,
    lines,
  }),
  finished: (
    cell: string,
    rest: Partial<Extract<EngineEvent, { type: 'step-finished' }>> = {},
  ): EngineEvent => ({
    type: 'step-finished',
    step: cell,
    attempt: 1,
    at,
    status: 'succeeded',
    retrying: false,
    durationMs: 2100,
    key: digest,
    inputs: {},
    outputs: {},
    metrics: [],
    logs: { stdout: empty, stderr: empty },
    problems: [],
    warnings: [],
    ...rest,
  }),
  reused: (cell: string, rest: Partial<StepResult> = {}): EngineEvent => ({
    type: 'step-cached',
    step: cell,
    at,
    inputs: {},
    result: {
      key: digest,
      run: '019a3b5c-7d00-7abc-8def-0123456789ab',
      step: cell,
      outputs: {},
      metrics: [],
      logs: { stdout: empty, stderr: empty },
      durationMs: 12_000,
      ...rest,
    },
  }),
  skipped: (cell: string, because: string): EngineEvent => ({
    type: 'step-skipped',
    step: cell,
    because,
    cause: 'failure',
  }),
};
