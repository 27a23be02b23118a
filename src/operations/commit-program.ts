import type { Limits } from '../bundle/oci.ts';
import { openOrigin, originArtifact } from '../bundle/origin-artifact.ts';
import { type ProgramArtifact, packProgram } from '../bundle/program-artifact.ts';
import type { StagedContentStore } from '../content/content-store.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import { loadPatterns, resolveParameters } from '../program/parameters.ts';
import { compareVersions, isVersion } from '../program/version.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { findProgram } from './find-program.ts';
import { PACKING, refuseLimits } from './limits.ts';
import { queueTelling } from './metadata-stores.ts';
import { keepUnlessTaken, type Pinning, pinProgram, refuseTaken } from './pin-program.ts';
import type { Ports } from './ports.ts';
import { storedFiles } from './stored-files.ts';

const PINNING: Pinning = { pin: 'soft', replace: 'none' };

/** What commit made. */
export interface Committed {
  artifact: ProgramArtifact;
  from: { name: string; version: string; digest: string };
  /** The defaults it changed, by parameter. */
  defaults: Record<string, JsonValue>;
  /** The run whose values became defaults. */
  run?: string;
}

/** What commit is asked for. */
export interface CommitRequest {
  reference: string;
  as: string;
  run?: RunRecord;
  set?: { name: string; text: string }[];
  /** Raised limits: a program that was made with them is committed with them. */
  limits?: Partial<Limits>;
}

/** A commit that is packed aside and can still be left undone. */
export interface PreparedCommit extends Committed {
  /** Digest of its origin record, when one is known. */
  origin?: string;
  /** Stores and pins it. */
  keep(): Promise<void>;
}

/**
 * `same commit`: a new version of a stored program, its manifest edited with comments kept: version, defaults (from
 * `--set` or a run), `derivedFrom`. Code, lock and data stay as they are.
 */
export async function commitProgram(ports: Ports, request: CommitRequest): Promise<Committed> {
  refuseLimits(request.limits, request.reference, [...PACKING, 'jsonBytes', 'yamlBytes']);
  using temporary = ports.files.temporary();
  const {
    keep,
    origin: _,
    ...committed
  } = await prepareCommit(ports, request, ports.stageContent(temporary.path));
  await keep();
  return committed;
}

/** Packs what {@link commitProgram} makes into a staged store; the home stays as it is until it is kept. */
export async function prepareCommit(
  ports: Ports,
  options: CommitRequest,
  staged: StagedContentStore,
): Promise<PreparedCommit> {
  const { artifact, pin } = await findProgram(ports, options.reference);
  const { name, version } = artifact.program.metadata;
  if (!isVersion(options.as)) {
    throw new SameError({ code: 'SAME1202', message: `"${options.as}" is not a version`, place: '--as' });
  }
  if (compareVersions(options.as, version) === 0) {
    throw new SameError({
      code: 'SAME1207',
      message: `${options.as} is the version of ${name}:${version} already`,
      place: '--as',
    });
  }
  await loadPatterns(artifact.program);
  const defaults = newDefaults(artifact, options.run, options.set ?? []);
  const { editManifest } = await import('../program/edit-manifest.ts');
  const from = { name, version, digest: artifact.digest };
  const text = editManifest(artifact.manifestBytes.toString('utf8'), {
    version: options.as,
    defaults,
    derivedFrom: from,
  });
  const manifestBytes = Buffer.from(text, 'utf8');
  const { program, value, findings } = await ports.parseManifest(
    manifestBytes,
    'same.yaml',
    options.limits?.yamlBytes,
  );
  throwFindings(findings);
  const committed = await packProgram(
    {
      manifestBytes,
      manifestValue: value!,
      program: program!,
      ...(artifact.lock ? { lock: artifact.lock } : {}),
      files: await storedFiles(artifact),
    },
    staged,
    { limits: options.limits },
  );
  const origin = pin.origin === undefined ? undefined : await openOrigin(pin.origin, ports.content);
  const linked = origin && (await originArtifact(origin, committed, staged));
  refuseTaken(ports, committed, PINNING);
  return {
    artifact: committed,
    from,
    defaults,
    ...(options.run ? { run: options.run.id } : {}),
    ...(linked ? { origin: linked.digest } : {}),
    async keep() {
      await keepUnlessTaken(ports, committed, PINNING, staged);
      pinProgram(ports, committed, PINNING, { origin: linked?.digest });
      if (linked) ports.referrers.add(committed.digest, linked.digest);
      const { digest } = committed;
      const told = { name, version: options.as, digest, createdAt: ports.now() };
      await queueTelling(ports, { kind: 'program', ...told });
    },
  };
}

/** Values that differ from today's defaults. */
function newDefaults(
  artifact: ProgramArtifact,
  run: RunRecord | undefined,
  set: { name: string; text: string }[],
): Record<string, JsonValue> {
  const declared = artifact.program.parameters ?? {};
  const unknown: Finding[] = Object.keys(run?.parameters ?? {})
    .filter((name) => !(name in declared))
    .map((name) => ({
      code: 'SAME1101',
      message: `run ${run!.id} has a parameter "${name}" that the program lacks`,
    }));
  throwFindings(unknown);
  const { parameters, findings } = resolveParameters(artifact.program, { set, flags: [] });
  throwFindings(findings.filter(({ code }) => code !== 'SAME1104'));
  const chosen = Object.keys(declared).flatMap((name): [string, JsonValue][] => {
    const given = parameters[name];
    if (given?.source === '--set') return [[name, given.value]];
    const ran = run?.parameters[name];
    return ran ? [[name, ran.value]] : [];
  });
  return Object.fromEntries(
    chosen.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(declared[name]!.default)),
  );
}
