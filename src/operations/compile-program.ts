import { canonicalJson, sha256 } from '../bundle/canonical-json.ts';
import type { ClusterCompiler } from '../engines/cluster-compiler.ts';
import type { EngineEvent } from '../engines/engine.ts';
import type { Compilation } from '../engines/kubernetes/compilation.ts';
import type { ReadyEnvironment } from '../environments/environment.ts';
import { SameError, throwFindings } from '../errors/same-error.ts';
import type { Plan, PlannedStep } from '../pipeline/plan.ts';
import { codeArchive, contentArchive, dataArchive } from './carried-archives.ts';
import { compiledSteps } from './compiled-steps.ts';
import type { Ports } from './ports.ts';
import { type PreparedRun, prepareRun, type RunRequest } from './prepare-run.ts';
import { openProgramFiles } from './program-files.ts';
import { engineContext, unkept } from './run-context.ts';

/** What compiles, with what every such engine carries along. */
export interface Compiler extends ClusterCompiler {
  shim: string;
  /** Paths of the program where its files give way to inputs and outputs of a step. */
  placesTaken(step: PlannedStep): string[];
}

/** What would run on a cluster: of the cells of the plan those that no stored result stands in for. */
export interface CompiledProgram {
  compilation: Compilation;
  plan: Plan;
  /** Cells whose result is stored. */
  reused: number;
  /** Secrets that have to be in the cluster. */
  secrets: string[];
}

/**
 * `same compile`: thinks a run through for another engine, and runs nothing.
 * @throws SAME1016 for every field that the engine cannot honour, SAME1701 for services that nobody provides, SAME1902 where
 * it cannot go on after a failure as asked
 */
export async function compileProgram(
  ports: Ports,
  request: RunRequest,
  compiler: Compiler,
): Promise<CompiledProgram> {
  using temporary = ports.files.scratch();
  const onFailure = request.onFailure ?? compiler.onFailure[0]!;
  if (!compiler.onFailure.includes(onFailure)) {
    throw new SameError({
      code: 'SAME1902',
      message: `engine ${compiler.name} does not take --${onFailure}`,
      hint: `what it does after a failure: ${compiler.onFailure.join(' or ')}`,
    });
  }
  const elsewhere: Ports = {
    ...ports,
    resolveTarget: async () => ({ name: compiler.name, engine: compiler.name }),
    // No cluster is asked (spec SAME-ENG-017).
    checkRequirements: (program, environments) => ports.checkRequirements(program, environments),
    engine: () => ({
      name: compiler.name,
      containers: true,
      refusals: (of) => compiler.refusals(of, onFailure),
      async *run() {},
    }),
  };
  const prepared = await prepareRun(elsewhere, request, temporary.path);
  const { artifact, plan } = prepared;
  throwFindings(
    prepared.requirements
      .filter(({ what, met, optional }) => what === 'service' && !met && !optional)
      .map(({ want }) => ({ code: 'SAME1701', message: `service: want ${want}, have none on a cluster` })),
  );
  const files = await openProgramFiles(elsewhere, artifact, prepared.data);
  const { told, environments } = await look(elsewhere, request, prepared, files, temporary.path);
  const { steps, unknownLists } = await compiledSteps({
    plan,
    told,
    environment: (name) => environments.get(name)!,
    code: (step) => codeArchive(artifact, files, step, compiler.placesTaken(step)),
    archive: (found, field) => contentArchive(ports, found, field),
    data: Object.fromEntries(
      Object.entries(artifact.program.data ?? {}).map(([name, { uri }]) => {
        const stored = prepared.data[name];
        return [
          name,
          (field: string) =>
            stored ? contentArchive(ports, stored, field) : dataArchive(artifact, uri, field),
        ];
      }),
    ),
    packed: compiler.packed,
  });
  throwFindings(
    unknownLists.map(({ group, name, foreach }) => ({
      code: 'SAME1016',
      message: `pipeline.${group}.${name}.foreach is not supported by engine ${compiler.name}: its list is not known before step ${foreach!.step} has run`,
      place: 'same.yaml',
      hint: `run that step first: same run … --until ${foreach!.step}`,
    })),
  );
  const identity = steps.map(({ step: { name }, cells, archives }) => ({
    name,
    cells: cells.map((cell) => cell.name),
    archives: archives.map((archive) => archive.name),
  }));
  const { secrets = {} } = artifact.program;
  return {
    plan,
    compilation: {
      plan,
      steps,
      runId: sha256(canonicalJson({ plan, identity } as never)).slice(
        'sha256:'.length,
        'sha256:'.length + 12,
      ),
      platform: ports.platform(),
      optionalSecrets: Object.keys(secrets).filter((name) => secrets[name]!.required === false),
      onFailure,
      shim: compiler.shim,
    },
    reused: new Set(told.flatMap((event) => (event.type === 'step-cached' ? [event.step] : []))).size,
    secrets: [...new Set(steps.flatMap(({ step }) => step.secrets))].sort(),
  };
}

/** What is known of every cell, and the environments that were met. */
async function look(
  ports: Ports,
  request: RunRequest,
  prepared: PreparedRun,
  files: Awaited<ReturnType<typeof openProgramFiles>>,
  workDirectory: string,
): Promise<{ told: EngineEvent[]; environments: Map<string, ReadyEnvironment> }> {
  const environments = new Map<string, ReadyEnvironment>();
  for (const name of Object.keys(prepared.plan.environments))
    environments.set(name, await prepared.environments.planned(name));
  const data = files.checkData();
  const context = await engineContext(ports, request, prepared, files, data, unkept, workDirectory);
  const looking = { ...context, environment: async (name: string) => environments.get(name)! };
  const told: EngineEvent[] = [];
  for await (const batch of await ports.forecast(prepared.plan, looking))
    for (const event of batch) told.push(event);
  return { told, environments };
}
