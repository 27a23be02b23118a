import { sha256 } from '../../bundle/canonical-json.ts';
import type { LocalContentStore } from '../../content/content-store.ts';
import type { ReadyEnvironment } from '../../environments/environment.ts';
import { SameError, throwFindings } from '../../errors/same-error.ts';
import { readIfThere } from '../../host/files.ts';
import { platform } from '../../host/machine.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, Engine, EngineContext, EngineEvent } from '../engine.ts';
import { forecast } from '../forecast.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { CarriedArchive, Compilation, CompiledStep, KnownPlan } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import { withPackedCode } from '../kubernetes/packed-code.ts';
import { runNames } from '../kubernetes/run-names.ts';
import { ROOT } from '../kubernetes/step-container.ts';
import { schedule } from '../scheduler.ts';
import { shimText } from '../shim.ts';
import { placesTaken } from '../step-script.ts';
import { runDirectory } from './leftovers.ts';
import { reuseBeside, submit } from './submission.ts';
import { SubmittedAttempts } from './submitted-attempts.ts';
import { openSubmittedRun, untilOver } from './submitted-run.ts';
import { ALL_AT_ONCE, type System } from './system.ts';

/** What the engine is opened with. */
export interface SubmittedEngineOptions {
  /** Opens the cluster, when something has to run there. */
  open(): Promise<Cluster>;
  /** Finds the steps of which cells have to run, and where their inputs come from. */
  compile(known: KnownPlan): Promise<{ steps: CompiledStep[]; unknownLists: PlannedStep[] }>;
  /** Packs content of the store. */
  archive(artifact: Artifact, field: string): Promise<CarriedArchive>;
  onProgress?(line: string): void;
}

/**
 * What no stored result stands in for as one object of a cluster, of which a system there runs all steps and which this
 * client watches: what steps leave comes back here and is kept as that of any other engine (spec chapter engines).
 */
export function openSubmittedEngine(
  system: System,
  content: LocalContentStore,
  options: SubmittedEngineOptions,
): Engine {
  const say = (line: string) => options.onProgress?.(line);
  return {
    name: system.engine,
    containers: true,
    jobs: ALL_AT_ONCE,
    ...(system.takesNoJobs ? { takesNoJobs: true } : {}),
    onFailure: system.onFailure,
    refusals: system.refusals,
    async *run(plan, context) {
      const told: EngineEvent[] = [];
      // One by one: a batch may hold one for each of 500,000 cells.
      for await (const batch of forecast(plan, context, content)) for (const event of batch) told.push(event);
      if (!told.some(({ type }) => type === 'step-finished')) {
        yield* schedule(plan, context, { content, run: nothingRuns });
        return;
      }
      const compile = await compilerOf(system, plan, context, options);
      // What cannot be compiled is refused before a cluster is asked.
      const { steps } = await compile(told, context.runId);
      const { open } = options;
      const run = await openSubmittedRun({ system, open, context, content, image: steps[0]!.image, say });
      try {
        const submission = await submit(run, { context, told, compile });
        if (!submission) {
          yield* schedule(plan, context, { content, run: nothingRuns });
          return;
        }
        const machine = { cpu: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY, gpus: 0 };
        const watched = { ...context, machine, reuse: reuseBeside(context, told, submission) };
        const attempts = new SubmittedAttempts(run, submission, content);
        yield* schedule(plan, watched, attempts);
        if (attempts.endsByItself) await untilOver(run, context.cancel);
      } finally {
        await run.close();
      }
    },
  };
}

async function compilerOf(
  system: System,
  plan: Plan,
  context: EngineContext,
  { compile, archive }: SubmittedEngineOptions,
): Promise<(told: readonly EngineEvent[], id: string) => Promise<Compilation>> {
  const environments = new Map<string, ReadyEnvironment>();
  for (const name of Object.keys(plan.environments)) environments.set(name, await context.environment(name));
  const code = new Map<string, Promise<CarriedArchive | undefined>>();
  const { run } = runNames(context.firstRunId ?? context.runId);
  return async (told, id) => {
    const { steps, unknownLists } = await compile({
      plan,
      told,
      environment: (name) => environments.get(name)!,
      code: (step) => {
        const packing = code.get(step.name) ?? codeArchive(context, step);
        code.set(step.name, packing);
        return packing;
      },
      archive,
      data: Object.fromEntries(
        Object.entries(context.data).map(([name, data]) => [name, (field: string) => archive(data, field)]),
      ),
      packed: `${ROOT}/spec`,
    });
    throwFindings(unknownLists.map((step) => unknownList(system, step)));
    const wanted = new Set(steps.flatMap(({ step }) => step.secrets));
    return {
      plan,
      steps,
      runId: run,
      platform: platform(),
      // Without those that it must have nothing was begun.
      optionalSecrets: [...wanted].filter((name) => context.secrets[name] === undefined),
      onFailure: system.onFailure[0]!,
      shim: shimText(),
      watched: {
        id,
        directory: runDirectory(system, run),
        secret: objectName(run, `@secrets ${id}`),
        ...(context.jobs === ALL_AT_ONCE ? {} : { jobs: context.jobs }),
      },
    };
  };
}

async function codeArchive(context: EngineContext, step: PlannedStep): Promise<CarriedArchive | undefined> {
  return withPackedCode(context, step, placesTaken(step), async (path) => {
    const bytes = readIfThere(path)!;
    const digits = sha256(bytes).slice('sha256:'.length, 'sha256:'.length + 12);
    return { name: `code-${digits}.tgz`, bytes, field: `pipeline.${step.group}.${step.name}.code` };
  });
}

function unknownList({ engine }: System, { group, name, foreach }: PlannedStep) {
  return {
    code: 'SAME1016' as const,
    message: `pipeline.${group}.${name}.foreach is not supported by engine ${engine}: its list is not known before step ${foreach!.step} has run`,
    place: 'same.yaml',
    hint: `run that step first: same run … --until ${foreach!.step}`,
  };
}

function nothingRuns(): never {
  throw new SameError({ code: 'SAME1903', message: 'interrupted' });
}
