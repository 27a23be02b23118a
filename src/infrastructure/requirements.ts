import type { ErrorCode } from '../errors/catalogue.ts';
import type { Finding } from '../errors/same-error.ts';
import { freeDiskBytes, type Gpu, type Machine, machine } from '../host/machine.ts';
import { formatBytes, parseQuantity } from '../program/quantity.ts';
import type { Program, Resources, Step } from '../program/schema.ts';
import type { RequirementRecord } from '../runs/run-record.ts';

/** One need of a program, beside what this machine has, and the code of the problem when it is not met. */
export interface Requirement extends RequirementRecord {
  what:
    | 'cpu'
    | 'memory'
    | 'disk'
    | 'gpu'
    | 'interpreter'
    | 'lock'
    | 'command'
    | 'package'
    | 'secret'
    | 'service'
    | 'node'
    | 'volume';
  code: ErrorCode;
}

/** What {@link checkRequirements} compares. */
export interface RequirementsInput {
  program: Program;
  /** Tells what an environment lacks: cheap, builds nothing. */
  environments: {
    check(name: string): Promise<(Finding & { what?: string; want?: string; have?: string })[]>;
  };
  /** Where runs work and results are kept; its disk is the one that counts. */
  homeDirectory: string;
  /** The caller's environment variables: secrets come from there. */
  variables: Record<string, string>;
  /** This machine unless told otherwise. */
  machine?: Machine;
  /** Free bytes below a directory; asked of the file system unless told otherwise. */
  freeBytes?(directory: string): number;
  /** What came of comparing resources with another place than this machine. */
  resources?: Requirement[];
}

/**
 * Compares everything a program needs with what this machine has: resources of its steps, environments in use,
 * secrets, services (spec SAME-PRG-022, 027, 028; SAME-PIP-021). All are looked at, met or not; nothing is built.
 */
export async function checkRequirements(input: RequirementsInput): Promise<Requirement[]> {
  const { program } = input;
  const steps = stepsOf(program);
  const resources = input.resources ?? (await checkResources(input, steps));
  const names = [...new Set(steps.map(([, step]) => step.environment ?? 'default'))].sort();
  const environments = await Promise.all(names.map((name) => input.environments.check(name)));
  return [
    ...resources,
    ...environments.flat().map(environmentRequirement),
    ...secretRequirements(input, steps),
    ...serviceRequirements(program, steps),
  ];
}

/** Every step, those of `finally` last. */
export function stepsOf({ pipeline: { steps, finally: last = {} } }: Program): [string, Step][] {
  return [...Object.entries(steps), ...Object.entries(last)];
}

/** What each step wants: its own resources replace the program's field by field. */
export function wantedResources({ resources }: Program, steps: [string, Step][]): [string, Resources][] {
  return steps.map(([name, step]) => [name, { ...resources, ...step.resources }]);
}

/** The greatest need of one kind, and the step that has it unless all steps do. */
interface Need {
  amount: number;
  want: string;
  step?: string;
}

async function checkResources(input: RequirementsInput, steps: [string, Step][]): Promise<Requirement[]> {
  const here = input.machine ?? machine();
  const wanted = wantedResources(input.program, steps);
  if (wanted.every(([, resources]) => Object.keys(resources).length === 0)) return [];
  const greatest = (
    amountOf: (resources: Resources) => number | undefined,
    say: (resources: Resources) => string,
  ) => {
    let need: Need | undefined;
    for (const [step, resources] of wanted) {
      const amount = amountOf(resources);
      if (amount !== undefined && (!need || amount > need.amount))
        need = { amount, want: say(resources), step };
    }
    if (need && wanted.every(([, resources]) => amountOf(resources) === need.amount)) delete need.step;
    return need;
  };
  const requirements: Requirement[] = [];
  const compare = (
    what: Requirement['what'],
    need: Need | undefined,
    has: () => number,
    say: (n: number) => string,
  ) => {
    if (!need) return;
    const have = has();
    const { step } = need;
    requirements.push({
      what,
      want: need.want,
      have: say(have),
      met: have >= need.amount,
      optional: false,
      ...(step === undefined ? {} : { step }),
      code: 'SAME1701',
    });
  };
  compare(
    'cpu',
    greatest(
      (r) => r.cpu,
      (r) => String(r.cpu),
    ),
    () => here.cpu,
    String,
  );
  const bytes = (quantity: string | undefined) =>
    quantity === undefined ? undefined : parseQuantity(quantity);
  compare(
    'memory',
    greatest(
      (r) => bytes(r.memory),
      (r) => r.memory!,
    ),
    () => here.memoryBytes,
    formatBytes,
  );
  const freeBytes = () => (input.freeBytes ?? freeDiskBytes)(input.homeDirectory);
  compare(
    'disk',
    greatest(
      (r) => bytes(r.disk?.size),
      (r) => r.disk!.size,
    ),
    freeBytes,
    formatBytes,
  );
  return [...requirements, ...(await gpuRequirements(wanted, here))];
}

/** One requirement for each distinct kind of device that steps want, at its greatest count. */
async function gpuRequirements(wanted: [string, Resources][], here: Machine): Promise<Requirement[]> {
  const kinds = new Map<string, { gpu: NonNullable<Resources['gpu']>; step: string }>();
  for (const [step, { gpu }] of wanted) {
    if (!gpu) continue;
    const kind = `${gpu.vendor ?? ''} ${gpu.memory ?? ''} ${gpu.optional ?? false}`;
    if ((kinds.get(kind)?.gpu.count ?? 0) < gpu.count) kinds.set(kind, { gpu, step });
  }
  if (kinds.size === 0) return [];
  const devices = await here.gpus();
  return [...kinds.values()].map(({ gpu, step }) => {
    const least = gpu.memory === undefined ? 0 : parseQuantity(gpu.memory);
    const fitting = devices.filter(
      ({ vendor, memoryBytes }) => vendor === (gpu.vendor ?? vendor) && memoryBytes >= least,
    );
    const words = [String(gpu.count), gpu.vendor, gpu.memory && `with ${gpu.memory}`];
    return {
      what: 'gpu' as const,
      want: words.filter((word) => word !== undefined).join(' '),
      have: describeDevices(devices),
      met: fitting.length >= gpu.count,
      optional: gpu.optional ?? false,
      ...(wanted.every(([, resources]) => resources.gpu?.count === gpu.count) ? {} : { step }),
      code: 'SAME1701' as const,
    };
  });
}

function describeDevices(devices: readonly Gpu[]): string {
  if (devices.length === 0) return 'none';
  return devices.map(({ name, memoryBytes }) => `${name} (${formatBytes(memoryBytes)})`).join(', ');
}

function environmentRequirement(
  finding: Finding & { what?: string; want?: string; have?: string },
): Requirement {
  const { code, message, hint, what, want, have } = finding;
  return {
    what: what === 'interpreter' || what === 'command' || what === 'package' ? what : 'lock',
    want: want ?? message,
    have: have ?? 'none',
    met: false,
    optional: false,
    ...(hint === undefined ? {} : { hint }),
    code,
  };
}

/** Secrets that a step names; a value is never looked at beyond whether there is one. */
function secretRequirements(
  { program, variables }: RequirementsInput,
  steps: [string, Step][],
): Requirement[] {
  const named = new Set<string>();
  for (const [, { secrets }] of steps) if (secrets) for (const name of secrets) named.add(name);
  return [...named].sort().map((name) => {
    const met = (variables[name] ?? '') !== '';
    return {
      what: 'secret',
      want: name,
      have: met ? 'set' : 'not set',
      met,
      optional: program.secrets?.[name]?.required !== true,
      ...(met ? {} : { hint: `set it in your environment: export ${name}=…` }),
      code: 'SAME1701',
    };
  });
}

/** No service can be bound by this version: required ones are unmet, optional ones noted. */
function serviceRequirements(program: Program, steps: [string, Step][]): Requirement[] {
  return Object.entries(program.services ?? {}).map(([name, { resource, version, optional }]) => {
    const users = steps.filter(([, step]) => step.services?.includes(name)).map(([step]) => step);
    return {
      what: 'service',
      want: `${name} (${version === undefined ? resource : `${resource} ${version}`})`,
      have: 'none configured',
      met: false,
      optional: optional ?? false,
      ...(users.length === 1 ? { step: users[0]! } : {}),
      hint: 'this version of same binds no services; declare it optional if the program runs without it',
      code: 'SAME1701',
    };
  });
}
