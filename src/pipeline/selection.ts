import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Plan, PlannedStep } from './plan.ts';

/** Which steps of a program a user asked for; without any member all of them. */
export interface StepSelection {
  /** These and no others. */
  steps?: readonly string[];
  /** This one and what follows it; steps of `finally` follow everything. */
  from?: string;
  /** This one and what it needs. */
  until?: string;
}

/**
 * The part of a plan that a user asked for (spec SAME-PIP-046, SAME-PIP-047): steps that are left out and yet read from
 * are to be reused, all others are gone, with the outputs and metrics of the program that they would have made.
 * @returns the plan as it was, and findings, where a name is no step (SAME1009) or the words exclude each other (SAME1902)
 */
export function selectSteps(plan: Plan, selection: StepSelection): { plan: Plan; findings: Finding[] } {
  const { steps, from, until } = selection;
  if (steps === undefined && from === undefined && until === undefined) return { plan, findings: [] };
  const findings = selectionProblems(plan, selection);
  if (findings.length > 0) return { plan, findings };
  const wanted = new Set(steps ?? chosen(plan.steps, from, until));
  if (wanted.size === 0) return { plan, findings: [notFollowing(from!, until!)] };
  const needed = sourcesOf(plan.steps, wanted);
  const kept = plan.steps.filter(({ name }) => wanted.has(name) || needed.has(name));
  const names = new Set(kept.map(({ name }) => name));
  const environments = new Set(kept.map(({ environment }) => environment));
  return {
    plan: {
      ...plan,
      steps: kept.map((step) => ({ ...step, selected: wanted.has(step.name) ? 'run' : 'reuse' })),
      environments: onlyOf(plan.environments, (_, name) => environments.has(name)),
      outputs: onlyOf(plan.outputs, ({ step }) => names.has(step)),
      metrics: onlyOf(plan.metrics, ({ from: source }) => names.has(source.slice(0, source.indexOf('.')))),
      leftOut: plan.steps.map(({ name }) => name).filter((name) => !names.has(name)),
    },
    findings: [],
  };
}

function selectionProblems({ steps: known }: Plan, { steps, from, until }: StepSelection): Finding[] {
  const names = new Set(known.map(({ name }) => name));
  const findings: Finding[] = [];
  if (steps !== undefined && (from !== undefined || until !== undefined)) {
    const other = from === undefined ? '--until' : '--from';
    findings.push({
      code: 'SAME1902',
      message: `--step names every step that runs, and so does ${other}`,
      hint: `remove --step or ${other}`,
    });
  }
  const words: [option: string, name: string | undefined][] = [
    ...(steps ?? []).map((name): [string, string] => ['--step', name]),
    ['--from', from],
    ['--until', until],
  ];
  for (const [option, name] of words) {
    if (name === undefined || names.has(name)) continue;
    const cell = cellFinding(option, name, names);
    if (cell) {
      findings.push(cell);
      continue;
    }
    const guess = nearest(name, names);
    const first = [...names].slice(0, 20).join(', ');
    const list = `steps: ${first}${names.size > 20 ? ` and ${names.size - 20} more` : ''}`;
    findings.push({
      code: 'SAME1009',
      message: `there is no step "${name}"`,
      place: option,
      hint: guess === undefined ? list : `did you mean ${guess}? (${list})`,
    });
  }
  return findings;
}

/** Of a name that is a cell's, where a step is wanted: steps are chosen whole. */
export function cellFinding(
  option: string,
  name: string,
  steps: { has(name: string): boolean },
): Finding | undefined {
  const step = /^(.+)\.[0-9]+$/.exec(name)?.[1];
  if (step === undefined || !steps.has(step)) return undefined;
  return {
    code: 'SAME1009',
    message: `${name} is a cell of step ${step}, and steps are chosen with all their cells`,
    place: option,
    hint: `name the step: ${option}${option === '--force' ? '=' : ' '}${step}`,
  };
}

function notFollowing(from: string, until: string): Finding {
  return {
    code: 'SAME1902',
    message: `nothing lies from step "${from}" until step "${until}": ${until} needs nothing that ${from} writes`,
    hint: 'name a step that follows, or leave one of the two options out',
  };
}

/** The steps from one and until another, either of which may be open. */
function chosen(steps: readonly PlannedStep[], from?: string, until?: string): string[] {
  const following = from === undefined ? undefined : followersOf(steps, from, until === undefined);
  const leading = until === undefined ? undefined : sourcesOf(steps, new Set([until])).add(until);
  return steps
    .map(({ name }) => name)
    .filter((name) => (following?.has(name) ?? true) && (leading?.has(name) ?? true));
}

/** A step and all that read from it, at whatever distance; in a plan each step comes after those it reads from. */
function followersOf(steps: readonly PlannedStep[], from: string, withFinally: boolean): Set<string> {
  const found = new Set([from]);
  for (const { name, group, after } of steps) {
    if ((withFinally && group === 'finally') || after.some((source) => found.has(source))) found.add(name);
  }
  return found;
}

/** The steps that some steps read from, at whatever distance, and that are not among these. */
function sourcesOf(steps: readonly PlannedStep[], readers: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const { name, after } of steps.toReversed()) {
    if (readers.has(name) || found.has(name)) for (const source of after) found.add(source);
  }
  for (const reader of readers) found.delete(reader);
  return found;
}

function onlyOf<T>(entries: Record<string, T>, keep: (value: T, name: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).filter(([name, value]) => keep(value, name)));
}
