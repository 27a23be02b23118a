import { readBundle, writeBundle } from '../../src/bundle/archive.ts';
import type { BundleDigests } from '../../src/bundle/layout.ts';
import { originArtifact } from '../../src/bundle/origin-artifact.ts';
import { type ProgramArtifact, packProgram } from '../../src/bundle/program-artifact.ts';
import { runArtifact } from '../../src/bundle/run-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { SameError, throwFindings } from '../../src/errors/same-error.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Lock } from '../../src/program/lock.ts';
import { parseLock } from '../../src/program/lock-file.ts';
import { parseManifest } from '../../src/program/manifest.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { runRecordFindings } from '../../src/runs/run-record-schema.ts';
import type { Origin } from '../../src/sources/source.ts';
import { begun, digest } from '../runs/record.ts';
import { type ArbitraryFile, piecesOf } from './arbitraries.ts';

/** How the product reads a bundle: manifest, lock and records are checked as a command does. */
export const rules = {
  canonicalOfYaml(bytes: Buffer) {
    const { value, findings } = parseManifest(bytes, 'same.yaml');
    throwFindings(findings);
    return value!;
  },
  lockFindings: (bytes: Buffer) => parseLock(bytes, 'same.lock').findings,
  runFindings: (record: unknown, label: string) => runRecordFindings(record, label),
};

/** What a program of these tests is made of. */
export interface Recipe {
  version?: string;
  derivedFrom?: { name: string; version: string; digest: string };
  files: readonly ArbitraryFile[];
  lock?: Lock;
  /** Below this directory lie the files of a target. */
  infrastructure?: string;
}

/** The text of a manifest, in YAML or JSON as the version falls. */
export function manifestBytes({ version = '1.0', derivedFrom, infrastructure }: Recipe): Buffer {
  const value: JsonObject = {
    apiVersion: 'same/v1',
    kind: 'Program',
    metadata: {
      name: 'Lab/study',
      version,
      title: 'Étude',
      authors: [{ name: 'A' }, { name: 'B' }],
      ...(derivedFrom ? { derivedFrom } : {}),
    },
    'x-kept': [1e21, 0.1, 'é'],
    ...(infrastructure
      ? { infrastructure: { targets: [{ name: 't', kind: 'terraform', path: infrastructure }] } }
      : {}),
    pipeline: { steps: { train: { run: ['sh', '-e', 'train.sh'] } } },
  };
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** Packs a program. */
export function pack(recipe: Recipe, store: ContentStore): Promise<ProgramArtifact> {
  const bytes = manifestBytes(recipe);
  const { program, value, findings } = parseManifest(bytes, 'same.yaml');
  throwFindings(findings);
  return packProgram(
    {
      manifestBytes: bytes,
      manifestValue: value!,
      program: program!,
      ...(recipe.lock ? { lock: recipe.lock } : {}),
      files: recipe.files.map(({ path, executable, bytes: content }) => ({
        path,
        executable,
        sizeBytes: content.length,
        chunks: () => [content],
        bytes: async () => content,
      })),
    },
    store,
  );
}

/** A record of a run that is over, of this program. */
export function recordOf(program: ProgramArtifact, id: string, more: Partial<RunRecord> = {}): RunRecord {
  const { name, version } = program.program.metadata;
  const record = begun({
    id,
    display: `${id.slice(0, 13)}:1`,
    program: { name, version, digest: program.digest, pinned: true },
    code: { digest: program.codeDigest },
    status: 'succeeded',
    finishedAt: '2026-01-31T09:31:00.000Z',
    ...more,
  });
  const artifact = { digest: digest('d'), sizeBytes: 5 };
  return {
    ...record,
    steps: record.steps.map((step) => ({
      ...step,
      status: 'succeeded',
      attempts: 1,
      exitCode: 0,
      outputs: { model: artifact },
    })),
    outputs: { 'one.model': artifact },
  };
}

/** Stores a run of a program. @returns the digest of its manifest. */
export async function storeRun(
  record: RunRecord,
  program: ProgramArtifact,
  store: ContentStore,
): Promise<string> {
  return (await runArtifact(record, program, store)).digest;
}

/** Stores where a program came from. @returns the digest of its manifest. */
export async function storeOrigin(
  origin: Origin,
  program: ProgramArtifact,
  store: ContentStore,
): Promise<string> {
  return (await originArtifact(origin, program, store)).digest;
}

/** A bundle file in memory. */
export interface Written extends BundleDigests {
  bytes: Buffer;
}

/** Writes a bundle. */
export async function write(
  contents: { program: string; ancestors?: readonly string[]; referrers?: readonly string[] },
  store: ContentStore,
  options = { gzip: true },
): Promise<Written> {
  const chunks: Uint8Array[] = [];
  let digests: BundleDigests | undefined;
  const written = writeBundle({ referrers: [], ...contents }, store, {
    ...options,
    onDigests: (all) => (digests = all),
  });
  for await (const chunk of written) chunks.push(chunk);
  return { ...digests!, bytes: Buffer.concat(chunks) };
}

/** Reads a bundle from its bytes in pieces of these lengths. */
export function read(bytes: Uint8Array, store: ContentStore, cuts: readonly number[] = []) {
  return readBundle(piecesOf(bytes, cuts.length > 0 ? cuts : [bytes.length]), store, rules);
}

/** The id of the nth run of these tests: a version 7 id, later ones sort later. */
export function runId(n: number): string {
  return `019c0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Whether an error is a refusal. */
export const isRefusal = (error: unknown): error is SameError => error instanceof SameError;
