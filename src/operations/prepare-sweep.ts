import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Plan } from '../pipeline/plan.ts';
import { planRun } from '../pipeline/plan-run.ts';
import { artifactReference } from '../program/artifact-reference.ts';
import { engines } from '../program/engines.ts';
import type { JsonObject } from '../program/json.ts';
import type { Program } from '../program/schema.ts';
import type { Objective, SweepRecord } from '../sweeps/sweep.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import { type PreparedRun, prepareRun, type RunRequest, refuseUnmet } from './prepare-run.ts';
import { readSearch, type SearchRequest, wordsOf } from './read-search.ts';
import { requestedParameters } from './requested-parameters.ts';

/** What a user asked to sweep. */
export interface SweepRequest extends SearchRequest {
  /** NAME[:VERSION] of a stored program. */
  reference: string;
  target?: string;
  engine?: string;
  allowUnmet: boolean;
  noCache: boolean;
}

/** A sweep that has been thought through: what its record will say, and nothing has been executed or recorded. */
export interface PreparedSweep {
  sweep: Omit<SweepRecord, 'id' | 'startedAt'>;
  /** The values of every trial, where they do not depend on results. */
  trials: JsonObject[] | undefined;
}

/** What trials have in common but their values. */
type Settings = Omit<RunRequest, 'set' | 'words' | 'afterDashes'>;

/** Problems of single trials that are told; there may be as many as trials. */
const MOST_FINDINGS = 20;

/**
 * Reads the space and the search, and plans every trial whose values are known: nothing of a sweep starts while one of
 * them would be refused (spec SAME-SWP-013).
 * @throws every problem together
 */
export async function prepareSweep(ports: Ports, request: SweepRequest): Promise<PreparedSweep> {
  using temporary = ports.files.scratch();
  const { artifact } = await findProgram(ports, request.reference);
  const { search, parameters, trials, first } = await readSearch(ports, artifact.program, request);
  const settings = settingsOf(artifact, request);
  const whole: RunRequest = { ...settings, ...wordsOf({ ...parameters, ...first }) };
  const prepared = await prepareRun(ports, whole, temporary.path);
  refuseWithoutSweeps(prepared.target.engine);
  refuseUnmet(prepared, request.allowUnmet);
  refuseShared(prepared.plan, search.jobs);
  await planEach(ports, { prepared, settings, parameters, trials: trials ?? [] });
  if (search.objective) warnOfOtherFigure(ports, artifact.program, search.objective);
  return {
    trials,
    sweep: {
      apiVersion: 'same/v1',
      kind: 'Sweep',
      program: prepared.plan.program,
      status: 'running',
      ...search,
      ...(request.profile === undefined ? {} : { profile: request.profile }),
      target: prepared.plan.target,
      ...(request.allowUnmet ? { allowUnmet: true } : {}),
      ...(request.noCache ? { noCache: true } : {}),
      parameters,
      results: [],
      runtime: ports.runtime,
    },
  };
}

function refuseWithoutSweeps(engine: string): void {
  const able = engines.filter(({ runs, sweeps }) => runs && sweeps).map(({ name }) => name);
  if (able.includes(engine)) return;
  throw new SameError({
    code: 'SAME1702',
    message: `engine ${engine} runs no sweeps in this version of same`,
    place: '--engine',
    hint: `those that do: ${able.join(', ')}`,
  });
}

/** The run that tries values: what is given reaches it as flags, so that its record says who set it. */
export function requestOfTrial(sweep: Omit<SweepRecord, 'startedAt'>, values: JsonObject): RunRequest {
  const { name, version, digest } = sweep.program;
  return {
    reference: `${name}:${version}@${digest}`,
    ...(sweep.profile === undefined ? {} : { profile: sweep.profile }),
    target: sweep.target,
    allowUnmet: sweep.allowUnmet ?? false,
    ...(sweep.noCache ? { noCache: true } : {}),
    parent: sweep.id,
    ...wordsOf({ ...sweep.parameters, ...values }),
  };
}

function settingsOf(
  { program, digest }: ProgramArtifact,
  { profile, target, engine, allowUnmet }: SweepRequest,
): Settings {
  return {
    reference: `${program.metadata.name}:${program.metadata.version}@${digest}`,
    ...(profile === undefined ? {} : { profile }),
    ...(target === undefined ? {} : { target }),
    ...(engine === undefined ? {} : { engine }),
    allowUnmet,
  };
}

/** What a step may report without declaring it is known after the first trial only; what is nearly declared may be a slip. */
function warnOfOtherFigure(ports: Ports, { metrics = {} }: Program, { metric }: Objective): void {
  const declared = Object.entries(metrics).flatMap(([name, { from }]) => [
    name,
    `${artifactReference(from).step}.${name}`,
  ]);
  const meant = declared.includes(metric) ? undefined : nearest(metric, declared);
  if (meant === undefined) return;
  ports.warn({
    code: 'SAME1902',
    message: `the program declares no figure "${metric}"`,
    place: '--objective',
    hint: `did you mean ${meant}?`,
    clause: 'SAME-SWP-016',
  });
}

/** GPUs are handed out within a run: trials at one time would be given the same ones. */
function refuseShared({ steps }: Plan, jobs: number): void {
  const step = steps.find(({ resources }) => resources.gpu !== undefined);
  if (step === undefined || jobs === 1) return;
  throw new SameError({
    code: 'SAME1902',
    message: `step ${step.name} asks for GPUs, and trials at a time would be given the same ones`,
    place: '--jobs',
    hint: 'leave out --jobs: the steps of one trial share GPUs',
  });
}

/** @throws what is wrong with the plan of any trial, each problem once */
async function planEach(
  ports: Ports,
  options: {
    prepared: PreparedRun;
    settings: Settings;
    parameters: JsonObject;
    trials: readonly JsonObject[];
  },
): Promise<void> {
  const { prepared, settings, trials } = options;
  const { plan, data, artifact } = prepared;
  const engine = ports.engine(prepared.target);
  const problems = new Map<string, Finding>();
  for (const [number, values] of trials.entries()) {
    const found: Finding[] = [];
    try {
      const given = wordsOf({ ...options.parameters, ...values });
      const parameters = await requestedParameters(ports, artifact.program, { ...settings, ...given });
      const planned = planRun({
        program: artifact.program,
        digest: plan.program.digest,
        target: plan.target,
        engine: plan.engine,
        ...(plan.profile === undefined ? {} : { profile: plan.profile }),
        parameters,
        dataHere: new Set(Object.keys(data)),
      });
      found.push(...planned.findings, ...engine.refusals(planned.plan));
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      found.push(...error.findings);
    }
    for (const finding of found) {
      if (!problems.has(finding.message))
        problems.set(finding.message, { ...finding, message: `trial ${number}: ${finding.message}` });
    }
    if (problems.size > MOST_FINDINGS) break;
  }
  throwFindings([...problems.values()].slice(0, MOST_FINDINGS));
}
