import { artifactReference } from '../program/artifact-reference.ts';
import { type StepGroup, sourcesOf } from '../program/graph.ts';
import type { JsonObject } from '../program/json.ts';
import { parseDuration } from '../program/quantity.ts';
import type { Program, Resources, Step, StepInput } from '../program/schema.ts';
import { planCommand } from './command.ts';
import { plannedCells } from './matrix.ts';
import type { PlannedInput, PlannedStep } from './plan.ts';

/** Milliseconds that bound the first pause between attempts where a step declares no `backoff` (spec SAME-STP-026). */
export const BACKOFF_MS = 1000;

/** The environment of a step that names none. */
export const DEFAULT_ENVIRONMENT = 'default';

/**
 * One step with its cells, no defaults left to fill in.
 * @param values of all parameters of the program
 * @throws {SameError} SAME1010 where its condition has no answer
 */
export function planStep(
  name: string,
  group: StepGroup,
  step: Step,
  values: JsonObject,
  program: Program,
): PlannedStep {
  const parameters =
    step.parameters === undefined
      ? values
      : Object.fromEntries(step.parameters.map((parameter) => [parameter, values[parameter] ?? null]));
  const secrets = step.secrets ?? [];
  const services = step.services ?? [];
  const { foreach, when, parallel, code, network, timeout, retries } = step;
  const planned: PlannedStep = {
    name,
    group,
    cells: foreach === undefined ? plannedCells(name, step.matrix, when, values) : [],
    mutex: step.mutex === undefined ? [] : [...new Set(step.mutex)].sort(),
    // What a secret or a service answers is in no key, and what runs in the end is for its effect (spec SAME-PIP-035).
    cache: step.cache ?? (secrets.length === 0 && services.length === 0 && group === 'steps'),
    selected: 'run',
    template: step.run,
    command: planCommand(step.run, parameters),
    after: sourcesOf(step).sort(),
    environment: step.environment ?? DEFAULT_ENVIRONMENT,
    workdir: step.workdir ?? '.',
    inputs: mapped(step.inputs, planInput),
    outputs: mapped(step.outputs, ({ path, kind = 'file' }) =>
      path === undefined ? { kind } : { path, kind },
    ),
    parameters,
    secrets,
    services,
    retries: {
      max: retries?.max ?? 0,
      backoffMs: retries?.backoff === undefined ? BACKOFF_MS : parseDuration(retries.backoff),
    },
    resources: { ...program.resources, ...step.resources } satisfies Resources,
  };
  // One by one: of many steps most say none of them.
  if (foreach !== undefined) {
    planned.foreach = artifactReference(foreach);
    if (when !== undefined) planned.when = when;
  }
  if (parallel !== undefined) planned.parallel = parallel;
  if (code !== undefined) planned.code = code;
  if (network !== undefined) planned.network = network;
  if (timeout !== undefined) planned.timeoutMs = parseDuration(timeout);
  if (retries?.codes !== undefined) planned.retries.codes = retries.codes;
  return planned;
}

/** The same names with other values. */
function mapped<From, To>(
  values: Readonly<Record<string, From>> | undefined,
  as: (value: From) => To,
): Record<string, To> {
  const made: Record<string, To> = {};
  for (const name in values) made[name] = as(values[name]!);
  return made;
}

function planInput({ from, data, cells, at, mode }: StepInput): PlannedInput {
  const planned: PlannedInput = {
    from: from === undefined ? { data: data! } : artifactReference(from),
    mode: mode ?? 'link',
  };
  if (cells !== undefined) planned.cells = cells;
  if (at !== undefined) planned.at = at;
  return planned;
}
