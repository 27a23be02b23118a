import { canonicalJson, sha256 } from '../bundle/canonical-json.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { CompiledStep } from '../engines/kubernetes/compilation.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import { openCommand } from '../pipeline/open-command.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';
import { planRun } from '../pipeline/plan-run.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import { type Dimension, listedValues } from '../sweeps/search-space.ts';
import type { Search } from '../sweeps/sweep.ts';
import { type CompiledProgram, type Compiler, compileProgram } from './compile-program.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { readSearch, type SearchRequest, wordsOf } from './read-search.ts';
import { requestedParameters } from './requested-parameters.ts';

/** What compiles searches. */
export interface SweepCompiler extends Omit<Compiler, 'compile'> {
  /** @param seed as it was asked for */
  searchRefusals(search: Search, seed: string | undefined): Finding[];
}

/** A search that would run on a cluster: the step of its trials, told no values yet. */
export interface CompiledSweep extends CompiledProgram {
  search: Search;
}

/**
 * `same compile` of a search: thinks through what its trials are, and runs nothing.
 * @throws SAME1016 for every field and every word that the engine cannot honour
 */
export async function compileSweep(
  ports: Ports,
  request: SearchRequest & { reference: string },
  compiler: SweepCompiler,
): Promise<CompiledSweep> {
  const { artifact } = await findProgram(ports, request.reference);
  const { search, parameters, first } = await readSearch(ports, artifact.program, request);
  const { name, version } = artifact.program.metadata;
  const settings = {
    reference: `${name}:${version}@${artifact.digest}`,
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    allowUnmet: false,
    // Of a trial whose values nobody knows yet, nothing is stored.
    noCache: true,
  };
  const refused = compiler.searchRefusals(search, request.samplerSeed);
  const compiled = await compileProgram(
    ports,
    { ...settings, ...wordsOf({ ...parameters, ...first }) },
    {
      ...compiler,
      refusals: (plan, onFailure) => [
        ...refused,
        ...compiler.refusals(plan, onFailure),
        ...objectiveRefusals(plan, search, compiler),
      ],
      compile: () => ({ objects: [], findings: [], comments: [], made: '' }),
    },
  );
  throwFindings(
    await varying(ports, artifact, compiled, { search, parameters, first, settings, engine: compiler.name }),
  );
  const [only] = compiled.compilation.steps as [CompiledStep];
  const open = new Set(search.space.map(({ name: of }) => of));
  const step = { ...only.step, command: openCommand(only.step.template, only.step.parameters, open) };
  const { runId } = compiled.compilation;
  const identity = sha256(canonicalJson({ runId, search } as never));
  return {
    ...compiled,
    search,
    compilation: {
      ...compiled.compilation,
      runId: identity.slice('sha256:'.length, 'sha256:'.length + runId.length),
      steps: [{ ...only, step }],
    },
  };
}

/** What says the figure that is searched by has to be a report, and of the one step that there is. */
function objectiveRefusals(
  { metrics, steps }: Plan,
  { objective }: Search,
  { name }: SweepCompiler,
): Finding[] {
  if (!objective) return [];
  const refuse = (field: string, why: string, hint: string): Finding => ({
    code: 'SAME1016',
    message: `${field} is not supported by engine ${name}: ${why}`,
    hint,
  });
  const hint = 'have the step write it into metrics.json or metrics.jsonl';
  const [prefix, metric = prefix!] = objective.metric.split('.');
  if (Object.hasOwn(metrics, objective.metric))
    return [refuse(`metrics.${objective.metric}`, 'it reads figures in reports only', hint)];
  if (metric !== prefix && steps.length === 1 && steps[0]!.name !== prefix)
    return [
      refuse(
        `--objective ${objective.metric}`,
        `there is no step "${prefix}"`,
        `say --objective=${objective.direction}:${metric}`,
      ),
    ];
  return [];
}

interface Variation {
  search: Search;
  parameters: JsonObject;
  first: JsonObject;
  settings: Omit<RunRequest, 'set' | 'words' | 'afterDashes'>;
  engine: string;
}

/** Parameters that change more of the plan than the words of the command and what it is told: a trial has one plan. */
async function varying(
  ports: Ports,
  { program }: ProgramArtifact,
  { plan }: CompiledProgram,
  { search, parameters, first, settings, engine }: Variation,
): Promise<Finding[]> {
  const shape = shapeOf(plan, search);
  const findings: Finding[] = [];
  const refuse = (name: string, why: string, hint: string) =>
    findings.push({
      code: 'SAME1016',
      message: `--${name} is not supported by engine ${engine}: ${why}`,
      place: `--${name}`,
      hint,
    });
  for (const dimension of search.space) {
    const { name } = dimension;
    const values = samples(dimension);
    const isFlag = values.some((value) => value === null || typeof value === 'boolean');
    if (isFlag && [plan.steps[0]!.template].flat().some((word) => word.includes('flags')))
      refuse(
        name,
        'its flag is there or not, and the words of a trial are the same for all values',
        'write {{parameters.NAME}} for {{flags}}, or read SAME_PARAM_NAME',
      );
    for (const value of values) {
      const given = wordsOf({ ...parameters, ...first, [name]: value });
      const other = planRun({
        program,
        digest: plan.program.digest,
        target: plan.target,
        engine: plan.engine,
        ...(plan.profile === undefined ? {} : { profile: plan.profile }),
        parameters: await requestedParameters(ports, program, { ...settings, ...given }),
        dataHere: new Set(Object.keys(plan.data)),
      });
      throwFindings(other.findings);
      if (shapeOf(other.plan, search) === shape) continue;
      refuse(name, `with ${JSON.stringify(value)} the program is another one`, 'search it with: same sweep');
      break;
    }
  }
  return findings;
}

/** All of a plan that must not depend on what is searched. */
function shapeOf({ steps, environments, data, outputs }: Plan, { space }: Search): string {
  const open = new Set(space.map(({ name }) => name));
  const shapes = steps.map(({ command: _, parameters, ...step }: PlannedStep) => ({
    ...step,
    parameters: Object.fromEntries(Object.entries(parameters).filter(([name]) => !open.has(name))),
  }));
  return canonicalJson({ shapes, environments, data, outputs } as never);
}

function samples(dimension: Dimension): readonly JsonValue[] {
  const listed = listedValues(dimension);
  if (listed) return listed;
  const { low, high } = dimension as Extract<Dimension, { low: number }>;
  return [low, high];
}
