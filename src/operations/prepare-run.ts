import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { BlobId, ContentStore } from '../content/content-store.ts';
import type { EngineContext } from '../engines/engine.ts';
import { type Finding, throwFindings } from '../errors/same-error.ts';
import type { Plan } from '../pipeline/plan.ts';
import { planRun } from '../pipeline/plan-run.ts';
import { selectSteps } from '../pipeline/selection.ts';
import { remoteData } from '../program/remote-data.ts';
import type { Target } from '../program/target.ts';
import type { RequirementRecord } from '../runs/run-record.ts';
import type { Origin } from '../sources/source.ts';
import { refusePlaceholder } from './placeholder-program.ts';
import type { Environments, Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';
import {
  refuseSecretParameters,
  unknownAfterFailure,
  unknownJobs,
  unknownSteps,
  untraceable,
} from './refuse-request.ts';
import { requestedParameters } from './requested-parameters.ts';
import { chosenAgain, otherEngine, type ResumedRun } from './resume-run.ts';
import { understand } from './understand-request.ts';

/** What a user asked to run. Exactly one of `reference` and `source`. */
export interface RunRequest {
  reference?: string;
  /** What the reference may have been meant for instead, where there is no such program: `--force=train`. */
  meant?: string;
  /** A tree to run without pinning it. */
  source?: string;
  profile?: string;
  /** A JSON or YAML file of values. */
  parametersFile?: string;
  /** `NAME=VALUE` of each `--set`. */
  set: string[];
  /** The words that are the program's own. */
  words: string[];
  /** The words after `--`, all of them parameters. */
  afterDashes: string[];
  target?: string;
  engine?: string;
  allowUnmet: boolean;
  /** Steps at a time; the machine's cpu count when it is not given. */
  jobs?: number;
  /** What a failed step means for the others; `finish` when it is not given. */
  onFailure?: EngineContext['onFailure'];
  /** Only these steps, from this one on, up to this one: what is left out is reused. */
  steps?: string[];
  from?: string;
  until?: string;
  /** Steps that no stored result stands in for: all, or these. */
  force?: true | string[];
  /** Options that cannot all be followed (SAME1902). */
  problems?: Finding[];
  /**
   * What the words ask for once the parameters of the program are known, where some of them are parameters' and not the
   * tool's (spec SAME-PAR-027).
   */
  reread?(parameters: string[]): RunRequest | undefined;
  /** Looks for no stored results at all. */
  noCache?: boolean;
  /** Steps whose last outputs are taken as they are, whatever changed. */
  accept?: string[];
  /** Tells which files steps read that they do not declare; nothing is reused then. */
  trace?: boolean;
  /** The run to go on from, by what names one. */
  resume?: string;
  /** Also where its process cannot be asked whether it lives: the caller says that it does not. */
  takeOver?: boolean;
  /** The run that starts this one. */
  parent?: string;
}

/** A run that has been thought through: nothing has been executed or recorded yet. */
export interface PreparedRun {
  /** What is asked for, every word where it belongs; of a run that goes on with another, also what that was restricted to. */
  request: RunRequest;
  artifact: ProgramArtifact;
  origin?: Origin;
  pinned: boolean;
  target: Target;
  plan: Plan;
  requirements: RequirementRecord[];
  environments: Environments;
  /** The run that this one goes on from. */
  resumed?: ResumedRun;
  /** Content in the store of data that lies elsewhere, by name. */
  data: Record<string, BlobId>;
  /** Stores what was packed for it; until then a refusal leaves nothing behind. */
  keep(): Promise<void>;
}

/**
 * Finds the program, resolves its parameters, plans, and looks at what the program needs.
 * @throws every problem of parameters and plan together (exit 2), nothing having run
 */
export async function prepareRun(
  ports: Ports,
  given: RunRequest,
  workDirectory: string,
): Promise<PreparedRun> {
  const staged = ports.stageContent(workDirectory);
  const { request, artifact, origin, pinned, resumed } = await understand(ports, given, staged);
  const { program } = artifact;
  refusePlaceholder(program);
  const target = await ports.resolveTarget({
    ...(request.target === undefined ? {} : { target: request.target }),
    ...(request.engine === undefined ? {} : { engine: request.engine }),
    ...(resumed && request.target === undefined && request.engine === undefined
      ? { target: resumed.record.target }
      : {}),
    program,
  });
  const engine = ports.engine(target);
  const parameters = resumed?.record.parameters ?? (await requestedParameters(ports, program, request));
  refuseSecretParameters(ports, program, parameters);
  const data = await dataHere(artifact, staged);
  const { plan: whole, findings: refusals } = planRun({
    program,
    digest: artifact.digest,
    target: target.name,
    engine: target.engine,
    ...((resumed?.record ?? request).profile === undefined
      ? {}
      : { profile: (resumed?.record ?? request).profile! }),
    parameters,
    dataHere: new Set(Object.keys(data)),
  });
  const { plan, findings: unselected } = selectSteps(whole, resumed?.record.selection ?? request);
  throwFindings([
    ...refusals,
    ...unselected,
    ...(resumed ? [...chosenAgain(resumed, request), ...otherEngine(resumed, target)] : []),
    ...unknownSteps(program, request),
    ...untraceable(ports, request, target.engine),
    ...unknownAfterFailure(request, engine),
    ...unknownJobs(request, engine),
    ...engine.refusals(plan),
  ]);
  const { containers } = engine;
  const environments = openProgramEnvironments(
    ports,
    artifact,
    workDirectory,
    request.allowUnmet,
    containers,
  );
  const requirements = await ports.checkRequirements(program, environments, target);
  return {
    request: resumed ? { ...request, ...resumed.record.selection } : request,
    artifact,
    ...(origin ? { origin } : {}),
    pinned,
    ...(resumed ? { resumed } : {}),
    target,
    plan,
    requirements,
    environments,
    data,
    keep: () => staged.keep(),
  };
}

/** The content of data elsewhere that came along with a bundle, as far as a step can get it as it is. */
async function dataHere(
  { program, lock }: ProgramArtifact,
  content: ContentStore,
): Promise<Record<string, BlobId>> {
  const found: Record<string, BlobId> = {};
  for (const { name, digest, plain } of remoteData(program, lock)) {
    if (!plain || !digest?.startsWith('sha256:')) continue;
    const sizeBytes = await content.size(digest);
    if (sizeBytes !== undefined) found[name] = { digest, sizeBytes };
  }
  return found;
}

/** @throws SAME1701 for each requirement that is not met, all together (exit 10) */
export function refuseUnmet(prepared: PreparedRun, allowUnmet: boolean): RequirementRecord[] {
  const unmet = prepared.requirements.filter(({ met, optional }) => !met && !optional);
  if (!allowUnmet) {
    throwFindings(
      unmet.map(({ what, want, have, step, hint }) => ({
        code: 'SAME1701',
        message: `${what}: want ${want}, have ${have}${step ? ` (step ${step})` : ''}`,
        hint: hint ?? 'nothing was run; --allow-unmet goes on and records the waiver',
      })),
    );
  }
  return unmet;
}
