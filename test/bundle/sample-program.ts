import { type ProgramArtifact, packProgram } from '../../src/bundle/program-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Lock } from '../../src/program/lock.ts';
import type { Program } from '../../src/program/schema.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import type { TreeFile } from '../../src/sources/source.ts';

/** A file of a source tree from its text. */
export function treeFile(path: string, text: string | Buffer, executable = false): TreeFile {
  const bytes = Buffer.from(text);
  return { path, executable, sizeBytes: bytes.length, chunks: () => [bytes], bytes: async () => bytes };
}

/** A manifest with every field that matters to a bundle. */
export function sampleManifest(version = '1.0', more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'same/v1',
    kind: 'Program',
    metadata: {
      name: 'Lab/speech',
      version,
      title: 'Speech – ünïcode',
      authors: [{ name: 'A' }, { name: 'B' }],
      license: 'Apache-2.0',
      paper: { arxiv: '1303.5778v1' },
      'x-note': 'kept',
      ...((more.metadata as JsonObject) ?? {}),
    },
    infrastructure: { targets: [{ name: 'aks', kind: 'terraform', path: 'infra/aks/' }] },
    pipeline: { steps: { train: { run: ['python', 'train.py'] } } },
  };
}

/** The lock of the sample. */
export const sampleLock: Lock = {
  apiVersion: 'same/v1',
  kind: 'Lock',
  environments: {
    default: {
      'linux-x86_64': {
        python: '3.11',
        of: 'sha256:00',
        packages: [{ name: 'numpy', version: '1.24.4', hashes: ['sha256:00'] }],
      },
    },
  },
};

/** The files of the sample, in no order. */
export const sampleFiles: TreeFile[] = [
  treeFile('train.py', 'print("train")\n'),
  treeFile('run.sh', '#!/bin/sh\n', true),
  treeFile('README.md', '# Speech\n'),
  treeFile('LICENSE', 'Apache\n'),
  treeFile('données/é.csv', '1,2\n'),
  treeFile('infra/aks/main.tf', 'resource {}\n'),
  treeFile('infra/aks-other/main.tf', 'other\n'),
  treeFile('same.yaml', 'passed over'),
  treeFile('same.lock', 'passed over'),
  treeFile('weights.bin', Buffer.alloc(200_000, 'noise')),
];

/** Packs the sample. */
export function packSample(
  store: ContentStore,
  options: { version?: string; derivedFrom?: JsonObject; files?: TreeFile[]; lock?: Lock | null } = {},
): Promise<ProgramArtifact> {
  const { derivedFrom, lock = sampleLock, files = sampleFiles } = options;
  const value = sampleManifest(options.version, derivedFrom ? { metadata: { derivedFrom } } : {});
  return packProgram(
    {
      manifestBytes: Buffer.from(JSON.stringify(value, null, 2)),
      manifestValue: value,
      program: value as unknown as Program,
      ...(lock ? { lock } : {}),
      files,
    },
    store,
  );
}

/** A run record of a program. */
export function sampleRun(artifact: ProgramArtifact, id: string): RunRecord {
  const { name, version } = artifact.program.metadata;
  return {
    apiVersion: 'same/v1',
    kind: 'Run',
    id,
    display: '12345_12345_12345_12345:12345',
    program: { name, version, digest: artifact.digest, pinned: true },
    status: 'succeeded',
    target: 'local',
    engine: 'local',
    parameters: {},
    data: {},
    code: { digest: artifact.codeDigest },
    environments: {},
    machine: { os: 'linux', arch: 'x86_64', cpu: 2, memoryBytes: 1, gpu: [] },
    startedAt: '2026-01-01T00:00:00Z',
    steps: [],
    outputs: {},
    metrics: [{ name: 'per', step: 'train', value: 17.7, unit: '%' }],
    claims: [],
    waivers: [],
    services: {},
    warnings: [],
    runtime: 'same 0.1.0',
    redactions: [],
  };
}
