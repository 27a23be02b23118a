import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../src/bundle/canonical-json.ts';
import { paddingOf, tarHeader } from '../src/bundle/tar-header.ts';
import type { JsonValue } from '../src/program/json.ts';
import { type Member, sha256, writePack } from '../src/runs/pack-writer.ts';
import { monthOf } from '../src/runs/run-id.ts';
import type { RunRecord } from '../src/runs/run-record.ts';

const PACK = 4096;
const FIRST_MS = Date.parse('2025-09-01T00:00:00.000Z');
const digest = (number: number): string => `sha256:${number.toString(16).padStart(64, '0')}`;

/** Writes final runs into a home as a long-used one has them: one every ten seconds, packed. */
export function writeManyRuns(home: string, count: number): void {
  let members: Member[] = [];
  let month = '';
  const write = () => {
    if (members.length === 0) return;
    mkdirSync(join(home, 'runs', month), { recursive: true });
    writePack(join(home, 'runs', month), members);
    members = [];
  };
  for (let number = 0; number < count; number++) {
    const record = recordOf(number);
    const at = monthOf(record.id);
    if (`${at.year}/${at.month}` !== month || members.length === PACK) {
      write();
      month = `${at.year}/${at.month}`;
    }
    members.push(memberOf(record));
  }
  write();
}

function memberOf(record: RunRecord): Member {
  const body = Buffer.from(`${canonicalJson(record as unknown as JsonValue)}\n`);
  const head = tarHeader(`${record.id}/run.json`, false, body.length);
  const bytes = Buffer.concat([head, body, Buffer.alloc(paddingOf(body.length))]);
  return {
    id: record.id,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    files: [['run.json', head.length, body.length]],
    stored: [],
    bytes,
  };
}

/** A run of a search: parameters that repeat, figures that hardly do. */
function recordOf(number: number): RunRecord {
  const startedMs = FIRST_MS + number * 10_000;
  const hex = startedMs.toString(16).padStart(12, '0');
  const noise = (number * 2654435761) % 2 ** 32;
  const acc = noise / 2 ** 32;
  return {
    apiVersion: 'same/v1',
    kind: 'Run',
    id: `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-${number.toString(16).padStart(12, '0')}`,
    display: `2cf24_e3b0c_44136_${(number % 2 ** 20).toString(16).padStart(5, '0')}:60303`,
    program: { name: `study-${number % 7}`, version: '1.0', digest: digest(number % 7), pinned: true },
    status: number % 50 === 0 ? 'failed' : 'succeeded',
    target: 'local',
    engine: 'local',
    parameters: {
      lr: { value: [0.1, 0.03, 0.01, 0.003, 0.001][noise % 5]!, source: '--set', default: 0.1 },
      epochs: { value: 10 * (1 + (number % 10)), source: '--set', default: 10 },
      optimizer: { value: ['adam', 'sgd', 'lion'][number % 3]!, source: 'default', default: 'adam' },
    },
    data: {},
    code: { digest: digest(1) },
    environments: {},
    machine: { os: 'linux', arch: 'x86_64', cpu: 2, memoryBytes: 2 ** 34, gpu: [] },
    startedAt: new Date(startedMs).toISOString(),
    finishedAt: new Date(startedMs + 9000).toISOString(),
    usage: { durationMs: 9000 - (noise % 4000) },
    steps: [],
    outputs: {},
    metrics:
      number % 50 === 0
        ? []
        : [
            { name: 'acc', step: 'train', value: acc },
            { name: 'loss', step: 'train', value: 1 - acc },
          ],
    claims: [],
    waivers: [],
    services: {},
    warnings: [],
    runtime: '0.1.0',
    redactions: [],
  };
}
