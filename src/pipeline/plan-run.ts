import { type Finding, SameError } from '../errors/same-error.ts';
import { artifactReference } from '../program/artifact-reference.ts';
import { topologicalOrder } from '../program/graph.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { ResolvedParameter } from '../program/parameters.ts';
import { isAddress } from '../program/remote-data.ts';
import type { Program } from '../program/schema.ts';
import type { Plan, PlannedStep } from './plan.ts';
import { planStep } from './plan-step.ts';

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
 * @returns the plan and findings, with which nothing may run: SAME1016 for each field that this version cannot honour,
 *   SAME1010 for a condition that has no answer for these values, SAME1103 for values that no process can be given
 */
export function planRun(input: PlanInput): { plan: Plan; findings: Finding[] } {
  const { program, parameters } = input;
  const values: JsonObject = Object.fromEntries(
    Object.entries(parameters).map(([name, p]) => [name, p.value]),
  );
  const { steps, findings } = planSteps(program, values);
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
    findings: [
      ...unsupported(program, input.engine, input.dataHere ?? new Set()),
      ...unusableValues(values),
      ...findings,
    ],
  };
}

/** The steps in an order in which each comes after those it reads from, those of `finally` last. */
function planSteps(program: Program, values: JsonObject): { steps: PlannedStep[]; findings: Finding[] } {
  const steps: PlannedStep[] = [];
  const findings: Finding[] = [];
  for (const group of ['steps', 'finally'] as const) {
    for (const name of topologicalOrder(program, group)) {
      const step = program.pipeline[group]![name]!;
      try {
        steps.push(planStep(name, group, step, values, program));
      } catch (error) {
        if (!(error instanceof SameError)) throw error;
        const [finding] = error.findings;
        findings.push({
          ...finding!,
          message: `pipeline.${group}.${name}.when: ${finding!.message} (${step.when})`,
        });
      }
    }
  }
  return { steps, findings };
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
  for (const [name, { uri, mirrors, unpack, mutable }] of Object.entries(program.data ?? {})) {
    if (dataHere.has(name)) continue;
    if (isAddress(uri))
      refuse(`data.${name}.uri (${uri.split(':')[0]}:)`, unpack || mutable ? undefined : CARRIED);
    if (mirrors) refuse(`data.${name}.mirrors`);
    if (unpack) refuse(`data.${name}.unpack`);
    if (mutable) refuse(`data.${name}.mutable`);
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
