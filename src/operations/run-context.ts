import type { Artifact, EngineContext } from '../engines/engine.ts';
import { pinDirectory } from '../program/name.ts';
import type { Program } from '../program/schema.ts';
import type { RunJournal } from '../runs/run-store.ts';
import type { Ports } from './ports.ts';
import type { PreparedRun, RunRequest } from './prepare-run.ts';
import type { ProgramFiles } from './program-files.ts';
import { firstOf, placeBefore } from './resume-run.ts';
import { openReuse } from './reuse-results.ts';
import { maskingOf } from './secrets.ts';

/** Digits of a run's id that its directory of attempts is called by: the last ones, for the first are a time. */
const ID_DIGITS = 12;

/** Where the attempts of a run have their directories, below one of this process. */
export function attemptsOf(temporary: string, run: string): string {
  return `${temporary}/${run.slice(-ID_DIGITS)}`;
}

/** The journal of a run that is only looked at. */
export const unkept: RunJournal = {
  id: '',
  append() {},
  settle() {},
  notePlace() {},
  logPaths: () => ({ stdout: '', stderr: '' }),
  finish() {},
};

/** What an engine gets of the rest of the product for one run. */
export async function engineContext(
  ports: Ports,
  request: RunRequest,
  prepared: PreparedRun,
  files: ProgramFiles,
  data: Record<string, Artifact>,
  journal: RunJournal,
  workDirectory: string,
): Promise<EngineContext> {
  const secrets = secretsOf(ports, prepared);
  const masking = maskingOf(secrets);
  const { cpu, memoryBytes, gpu } = await ports.machine();
  const engine = ports.engine(prepared.target);
  return {
    runId: journal.id,
    ...(prepared.resumed ? { firstRunId: firstOf(ports, prepared.resumed.record) } : {}),
    place: {
      before: prepared.resumed && placeBefore(ports, prepared.resumed.record.id),
      note: journal.notePlace,
    },
    settle: journal.settle,
    ...(request.trace ? { trace: { directory: `${workDirectory}-traces` } } : {}),
    jobs: request.jobs ?? engine.jobs ?? cpu,
    onFailure: request.onFailure ?? engine.onFailure?.[0] ?? 'finish',
    machine: { cpu, memoryBytes, gpus: gpu.length, ...visibleGpus(ports) },
    reuse: openReuse(ports, request, prepared),
    workDirectory,
    placeCode: files.place,
    codeDigest: (step) => files.digestFor(step),
    codeTree: (step) => files.listFor(step),
    environment: (name) => prepared.environments.ready(name),
    // Of one program: what others left there must not reach its results.
    scratch: (key) =>
      `${ports.home}/cache/scratch/${pinDirectory(prepared.plan.program.name)}/${key.replaceAll(':', '-')}`,
    // Where data came from is the record's; a step sees content only.
    data: Object.fromEntries(
      Object.entries(data).map(([name, { digest, sizeBytes, executable }]) => [
        name,
        executable ? { digest, sizeBytes, executable } : { digest, sizeBytes },
      ]),
    ),
    secrets,
    mask: masking.mask,
    intake: ports.intake,
    logPaths: journal.logPaths,
    async keepLog(path) {
      if (masking.active)
        await ports.files.writeStream(path, masking.maskStream(ports.files.streamToEnd(path)));
      return ports.content.ingest(ports.files.streamToEnd(path));
    },
    cancel: ports.cancel,
    kill: ports.kill,
  };
}

/** Which GPUs are the caller's, where not all of the machine's are. */
function visibleGpus({ variables }: Ports): { gpuIds?: string[] } {
  const visible = variables.CUDA_VISIBLE_DEVICES;
  if (visible === undefined) return {};
  const ids = visible.split(',').map((id) => id.trim());
  return { gpuIds: ids.filter((id) => id !== '' && id !== '-1') };
}

/** The declared secrets that the caller has. */
export function secretsOf(ports: Ports, { artifact }: PreparedRun): Record<string, string> {
  return declaredSecrets(ports, artifact.program);
}

/** The secrets of a program that the caller has. */
export function declaredSecrets(ports: Ports, { secrets }: Program): Record<string, string> {
  return Object.fromEntries(
    Object.keys(secrets ?? {}).flatMap((name) =>
      ports.variables[name] === undefined ? [] : [[name, ports.variables[name]]],
    ),
  );
}
