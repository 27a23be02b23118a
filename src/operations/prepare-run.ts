import { openOrigin } from '../bundle/origin-artifact.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import type { BlobId, ContentStore } from '../content/content-store.ts';
import type { EngineContext } from '../engines/engine.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Plan } from '../pipeline/plan.ts';
import { planRun } from '../pipeline/plan-run.ts';
import { cellFinding, selectSteps } from '../pipeline/selection.ts';
import { isJsonObject, type JsonObject } from '../program/json.ts';
import { parseParameterWords } from '../program/parameter-words.ts';
import {
  declaredParameters,
  loadPatterns,
  type ResolvedParameter,
  resolveParameters,
} from '../program/parameters.ts';
import { remoteData } from '../program/remote-data.ts';
import type { Program } from '../program/schema.ts';
import type { RequirementRecord } from '../runs/run-record.ts';
import type { Origin } from '../sources/source.ts';
import { findProgram } from './find-program.ts';
import { packTree } from './pack-source.ts';
import type { Environments, Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';
import { secretParameters } from './redaction.ts';
import { chosenAgain, type ResumedRun, resumedRun } from './resume-run.ts';
import { declaredSecrets } from './run-context.ts';
import { readSetWords } from './set-words.ts';

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
  const target = ports.resolveTarget({
    ...(request.target === undefined ? {} : { target: request.target }),
    ...(request.engine === undefined ? {} : { engine: request.engine }),
    ...(resumed && request.target === undefined && request.engine === undefined
      ? { target: resumed.record.target }
      : {}),
    program,
  });
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
    ...(resumed ? chosenAgain(resumed, request) : []),
    ...unknownSteps(program, request),
    ...untraceable(ports, request, target.engine),
    ...ports.engine(target.engine).refusals(plan),
  ]);
  const { containers } = ports.engine(target.engine);
  const environments = openProgramEnvironments(
    ports,
    artifact,
    workDirectory,
    request.allowUnmet,
    containers,
  );
  const requirements = await ports.checkRequirements(program, environments);
  return {
    request: resumed ? { ...request, ...resumed.record.selection } : request,
    artifact,
    ...(origin ? { origin } : {}),
    pinned,
    ...(resumed ? { resumed } : {}),
    plan,
    requirements,
    environments,
    data,
    keep: () => staged.keep(),
  };
}

/**
 * The parameters of a program as a user asked for them: words, `--set`, file and profile.
 * @throws every problem with them together (exit 2)
 */
export async function requestedParameters(
  ports: Ports,
  program: Program,
  given: RunRequest,
): Promise<Record<string, ResolvedParameter>> {
  await loadPatterns(program);
  const request = given.reread?.(Object.keys(program.parameters ?? {})) ?? given;
  const words = parseParameterWords(request.words, declaredParameters(program), {
    afterDashes: request.afterDashes,
    label: `${program.metadata.name}:${program.metadata.version}`,
    readFile: (path) => readText(ports, path),
  });
  const set = readSetWords(request.set);
  const file = await readParametersFile(ports, request.parametersFile);
  const { parameters, findings } = resolveParameters(program, {
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    ...(file.values === undefined ? {} : { file: { name: request.parametersFile!, values: file.values } }),
    set: set.values,
    flags: words.flags,
  });
  throwFindings([...words.findings, ...set.findings, ...file.findings, ...findings]);
  return parameters;
}

/** @throws SAME1103 for each parameter that holds the value of a secret */
function refuseSecretParameters(
  ports: Ports,
  program: Program,
  parameters: Record<string, ResolvedParameter>,
): void {
  throwFindings(
    secretParameters(parameters, declaredSecrets(ports, program)).map(({ parameter, secret }) => ({
      code: 'SAME1103',
      message: `parameter "${parameter}" holds the value of the secret ${secret}, and parameters are recorded`,
      place: parameter,
      hint: `leave it out: a step that lists ${secret} in its secrets gets it as a variable`,
      clause: 'SAME-RUN-081',
    })),
  );
}

/** What stands against `--trace` (spec SAME-RUN-031). */
function untraceable(ports: Ports, { trace }: RunRequest, engine: string): Finding[] {
  if (!trace) return [];
  if (engine !== 'local') {
    return [{ code: 'SAME1016', message: `--trace is not supported by engine ${engine}`, place: '--trace' }];
  }
  if (ports.hasCommand('strace')) return [];
  return [
    {
      code: 'SAME1701',
      message: '--trace: want command strace, have none',
      place: '--trace',
      hint: 'install strace (on Debian: apt install strace), or run without --trace',
    },
  ];
}

/** Steps that options name and the program does not have (spec SAME-RUN-026). */
function unknownSteps(program: Program, { force, accept = [] }: RunRequest): Finding[] {
  const { steps, finally: last = {} } = program.pipeline;
  const known = [...Object.keys(steps), ...Object.keys(last)];
  const named = [
    ...(Array.isArray(force) ? force.map((name) => ['--force', name] as const) : []),
    ...accept.map((name) => ['--accept', name] as const),
  ];
  return named.flatMap(([option, name]) => {
    if (known.includes(name)) return [];
    const cell = cellFinding(option, name, new Set(known));
    if (cell) return [cell];
    const meant = nearest(name, known);
    return [
      {
        code: 'SAME1009' as const,
        message: `${option}: there is no step "${name}"${meant === undefined ? '' : ` — did you mean ${meant}?`}`,
        place: option,
      },
    ];
  });
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

/** A program that was found, and what is asked of it. */
interface Understood {
  /** With every word where it belongs. */
  request: RunRequest;
  artifact: ProgramArtifact;
  origin?: Origin;
  pinned: boolean;
  resumed?: ResumedRun;
}

/** Finds the program, reads the words by its parameters, and finds the run that is gone on with. */
async function understand(ports: Ports, given: RunRequest, content: ContentStore): Promise<Understood> {
  const isHere = given.reference !== undefined || given.resume === undefined || given.source !== '.';
  // A run is gone on with wherever one stands.
  const found = isHere || ports.files.exists('same.yaml') ? await locate(ports, given, content) : undefined;
  const parameters = Object.keys(found?.artifact.program.parameters ?? {});
  const request = given.reread?.(parameters) ?? given;
  throwFindings(request.problems ?? []);
  if (request.resume === undefined) return { request, ...found! };
  const reference = request.reference ?? found?.artifact.program.metadata.name;
  const resumed = resumedRun(ports, request.resume, reference);
  const { id, program, status } = resumed.record;
  ports.progress(`going on with run ${id} of ${program.name}:${program.version} (${status})`);
  if (found && found.artifact.digest !== program.digest)
    ports.progress(
      'that is the program as it was then; it has changed since, and what it is now runs with: same run',
    );
  return { request, ...(await locateAgain(ports, resumed)), resumed };
}

async function locate(
  ports: Ports,
  request: RunRequest,
  content: ContentStore,
): Promise<{ artifact: ProgramArtifact; origin?: Origin; pinned: boolean }> {
  if (request.source !== undefined) {
    using temporary = ports.files.scratch();
    using source = await ports.openSource(request.source, {
      workDirectory: temporary.path,
      signal: ports.cancel,
    });
    if (source.kind === 'bundle') {
      throw new SameError({
        code: 'SAME1208',
        message: `${source.label} is a bundle: run -f runs a folder or a repository without storing it`,
        hint: `store it first: same import ${request.source}`,
      });
    }
    return { ...(await packTree(ports, source, content)), pinned: false };
  }
  const { artifact, pin } = await findProgram(ports, request.reference!).catch((error: unknown) => {
    if (!(error instanceof SameError) || request.meant === undefined) throw error;
    const [first, ...others] = error.findings;
    const hint = `if it is no program, it belongs to the option before it: ${request.meant}`;
    throw new SameError([{ ...first!, hint }, ...others], { cause: error });
  });
  const origin = pin.origin === undefined ? undefined : await openOrigin(pin.origin, ports.content);
  return { artifact, ...(origin ? { origin } : {}), pinned: true };
}

/** The program of a run, pinned or not, as it was then. @throws SAME1305 it is not here any more */
async function locateAgain(
  ports: Ports,
  { record }: ResumedRun,
): Promise<{ artifact: ProgramArtifact; origin?: Origin; pinned: boolean }> {
  const { name, version, digest, pinned } = record.program;
  const artifact = await openProgram(digest, ports.content);
  const pin = ports.pins.get(name, version);
  const origin =
    pin?.digest === digest && pin.origin !== undefined
      ? await openOrigin(pin.origin, ports.content)
      : undefined;
  return { artifact, ...(origin ? { origin } : {}), pinned };
}

async function readParametersFile(
  ports: Ports,
  path: string | undefined,
): Promise<{ values?: JsonObject; findings: Finding[] }> {
  if (path === undefined) return { findings: [] };
  const bytes = ports.files.read(path);
  if (!bytes) {
    return {
      findings: [
        { code: 'SAME1108', message: `parameters file ${path} is not there`, place: '--parameters' },
      ],
    };
  }
  const { value, findings } = await ports.parseDocument(bytes, path);
  if (findings.length === 0 && !isJsonObject(value)) {
    return {
      findings: [{ code: 'SAME1108', message: `${path} does not hold names and values`, place: path }],
    };
  }
  return { values: value as JsonObject, findings };
}

function readText(ports: Ports, path: string): string {
  const bytes = ports.files.read(path);
  if (bytes) return bytes.toString('utf8');
  throw new SameError({ code: 'SAME1108', message: `file ${path} is not there`, place: `@${path}` });
}
