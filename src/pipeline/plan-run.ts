import type { Finding } from '../errors/same-error.ts';
import { topologicalOrder } from '../program/graph.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { ResolvedParameter } from '../program/parameters.ts';
import { parseDuration } from '../program/quantity.ts';
import { isAddress } from '../program/remote-data.ts';
import type { Program, Resources, Step } from '../program/schema.ts';
import { planCommand } from './command.ts';
import type { Plan, PlannedInput, PlannedStep } from './plan.ts';

/** The environment of a step that names none. */
export const DEFAULT_ENVIRONMENT = 'default';

/** What a plan is made of: a program that parsed, its resolved parameters and where it will run. */
export interface PlanInput {
  program: Program;
  digest: string;
  target: string;
  engine: string;
  profile?: string;
  parameters: Record<string, ResolvedParameter>;
  /** Names of data elsewhere whose content is in the store, so that a step can get it. */
  dataHere?: ReadonlySet<string>;
}

/**
 * Turns a program and its parameters into a plan: plain JSON, nothing looked up, nothing executed.
 * @returns the plan and a finding (SAME1016) for each field that this version cannot honour: then nothing may run.
 */
export function planRun(input: PlanInput): { plan: Plan; findings: Finding[] } {
  const { program, parameters } = input;
  const values: JsonObject = Object.fromEntries(
    Object.entries(parameters).map(([name, p]) => [name, p.value]),
  );
  const steps = topologicalOrder(program).map((name) =>
    planStep(name, program.pipeline.steps[name]!, values, program),
  );
  const plan: Plan = {
    apiVersion: 'same/v1',
    kind: 'Plan',
    program: { name: program.metadata.name, version: program.metadata.version, digest: input.digest },
    target: input.target,
    engine: input.engine,
    ...(input.profile === undefined ? {} : { profile: input.profile }),
    parameters,
    steps,
    environments: environmentsOf(program, steps),
    data: Object.fromEntries(
      Object.entries(program.data ?? {}).map(([name, { uri, digest }]) => [
        name,
        digest ? { path: uri, digest } : { path: uri },
      ]),
    ),
    outputs: Object.fromEntries(
      Object.entries(program.outputs ?? {}).map(([name, { from }]) => [name, artifactReference(from)]),
    ),
    metrics: program.metrics ?? {},
    claims: program.claims ?? [],
  };
  return {
    plan,
    findings: [...unsupported(program, input.engine, input.dataHere ?? new Set()), ...unusableValues(values)],
  };
}

function planStep(name: string, step: Step, values: JsonObject, program: Program): PlannedStep {
  const visible = step.parameters ?? Object.keys(program.parameters ?? {});
  const parameters = Object.fromEntries(visible.map((parameter) => [parameter, values[parameter] ?? null]));
  const inputs = Object.fromEntries(
    Object.entries(step.inputs ?? {}).map(([input, { from, data, at, mode }]): [string, PlannedInput] => [
      input,
      {
        from: from === undefined ? { data: data! } : artifactReference(from),
        ...(at === undefined ? {} : { at }),
        mode: mode ?? 'link',
      },
    ]),
  );
  return {
    name,
    group: 'steps',
    cells: [{ name, matrix: {} }],
    mutex: [],
    cache: step.cache ?? true,
    selected: 'run',
    template: step.run,
    command: planCommand(step.run, parameters),
    after: [
      ...new Set(Object.values(inputs).flatMap(({ from }) => ('step' in from ? [from.step] : []))),
    ].sort(),
    environment: step.environment ?? DEFAULT_ENVIRONMENT,
    workdir: step.workdir ?? '.',
    inputs,
    outputs: Object.fromEntries(
      Object.entries(step.outputs ?? {}).map(([output, { path, kind }]) => [
        output,
        { ...(path === undefined ? {} : { path }), kind: kind ?? 'file' },
      ]),
    ),
    parameters,
    ...(step.code === undefined ? {} : { code: step.code }),
    secrets: step.secrets ?? [],
    services: step.services ?? [],
    ...(step.timeout === undefined ? {} : { timeoutMs: parseDuration(step.timeout) }),
    retries: {
      max: step.retries?.max ?? 0,
      backoffMs: parseDuration(step.retries?.backoff ?? '1s'),
      ...(step.retries?.codes === undefined ? {} : { codes: step.retries.codes }),
    },
    resources: { ...program.resources, ...step.resources } satisfies Resources,
  };
}

function artifactReference(from: string): { step: string; output: string } {
  const dot = from.indexOf('.');
  return { step: from.slice(0, dot), output: from.slice(dot + 1) };
}

function environmentsOf(program: Program, steps: PlannedStep[]): Record<string, JsonObject> {
  const used = [...new Set(steps.map((step) => step.environment))].sort();
  return Object.fromEntries(
    used.map((name) => [name, (program.environments?.[name] ?? { system: true }) as JsonObject]),
  );
}

/** How data that no run fetches comes to a run all the same. */
const CARRIED =
  'nothing was run; where data has a digest, let it travel in a bundle, and import that: same export --with-data';

/** Valid fields that no engine of this version honours: refused by name rather than ignored. */
function unsupported(program: Program, engine: string, dataHere: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const refuse = (
    field: string,
    hint = 'nothing was run; remove the field or use a version of same that has it',
  ) =>
    findings.push({
      code: 'SAME1016',
      message: `${field} is not supported by engine ${engine} in this version of same`,
      place: 'same.yaml',
      hint,
    });
  const fields = ['matrix', 'foreach', 'parallel', 'when', 'cache'] as const;
  for (const [name, step] of Object.entries(program.pipeline.steps)) {
    for (const field of fields) if (step[field] !== undefined) refuse(`pipeline.steps.${name}.${field}`);
  }
  if (program.pipeline.finally) refuse('pipeline.finally');
  for (const [name, { uri, mirrors, unpack, mutable }] of Object.entries(program.data ?? {})) {
    if (dataHere.has(name)) continue;
    if (isAddress(uri))
      refuse(`data.${name}.uri (${uri.split(':')[0]}:)`, unpack || mutable ? undefined : CARRIED);
    if (mirrors) refuse(`data.${name}.mirrors`);
    if (unpack) refuse(`data.${name}.unpack`);
    if (mutable) refuse(`data.${name}.mutable`);
  }
  for (const [name, environment] of Object.entries(program.environments ?? {})) {
    if (environment.image && !environment.python && !environment.system) {
      refuse(`environments.${name}.image without a lock`);
    }
  }
  return findings;
}

function unusableValues(values: JsonObject): Finding[] {
  const hasNul = (value: JsonValue): boolean => typeof value === 'string' && value.includes('\0');
  return Object.entries(values)
    .filter(([, value]) => hasNul(value))
    .map(([name]) => ({
      code: 'SAME1103',
      message: `parameter "${name}": a NUL byte cannot be passed to a program`,
    }));
}
