import { z } from 'zod';
import type { Finding } from '../errors/same-error.ts';
import type { SameShape } from '../program/equality.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { ParameterSource } from '../program/parameters.ts';
import { RUN_ID } from './run-id.ts';
import type { RunRecord } from './run-record.ts';

const text = z.string().min(1);
const runId = z.string().regex(RUN_ID);
const digest = z.string().regex(/^(tree:)?sha256:[0-9a-f]{64}$/);
const instant = z.iso.datetime({ precision: 3 });
const count = z.int().min(0);
const json = z.unknown() as unknown as z.ZodType<JsonValue>;
const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;
const source = z
  .string()
  .regex(/^(default|imported|profile .+|--.+)$/) as unknown as z.ZodType<ParameterSource>;

const artifact = z.strictObject({ digest, sizeBytes: count, executable: z.boolean().optional() });
const artifacts = z.record(text, artifact);
const usage = z.strictObject({
  durationMs: z.number().min(0),
  cpuSeconds: z.number().min(0).optional(),
  peakMemoryBytes: count.optional(),
});

const texts = z.record(text, z.string());
const reported = z.strictObject({
  name: text,
  value: z.number(),
  count: count.optional(),
  lost: z.int().min(1).optional(),
  series: digest.optional(),
});
const logged = {
  parameters: texts.optional(),
  drift: z.record(text, z.array(z.string())).optional(),
  tags: texts.optional(),
  artifacts: artifact.optional(),
  models: z
    .array(
      z.strictObject({
        name: text,
        path: text.optional(),
        type: text.optional(),
        parameters: texts.optional(),
        tags: texts.optional(),
      }),
    )
    .optional(),
  inputs: z
    .array(z.strictObject({ name: text, digest: z.string(), context: z.string().optional() }))
    .optional(),
};
const loggedRun = z.strictObject({
  ...logged,
  id: text,
  name: text.optional(),
  parent: text.optional(),
  status: z.enum(['running', 'scheduled', 'finished', 'failed', 'killed']),
  startedAt: instant,
  finishedAt: instant.optional(),
  metrics: z.array(reported),
});

const step = z.strictObject({
  name: text,
  of: text.optional(),
  matrix: jsonObject.optional(),
  status: z.enum(['succeeded', 'failed', 'canceled', 'timeout', 'skipped', 'pending']),
  attempts: count,
  exitCode: z.int().optional(),
  signal: text.optional(),
  cached: z.boolean(),
  cachedFrom: runId.optional(),
  acceptedFrom: digest.optional(),
  cacheKey: text.optional(),
  command: z.union([z.string(), z.array(z.string())]),
  environment: text,
  inputs: artifacts,
  outputs: artifacts,
  logged: z.strictObject({ ...logged, runs: z.array(loggedRun).optional() }).optional(),
  logs: z.strictObject({ stdout: artifact, stderr: artifact }).optional(),
  startedAt: instant.optional(),
  finishedAt: instant.optional(),
  usage: usage.optional(),
  because: z.string().optional(),
});

const metric = z.strictObject({
  name: text,
  step: text,
  matrix: jsonObject.optional(),
  value: z.number(),
  unit: z.string().optional(),
  direction: z.enum(['lower', 'higher']).optional(),
  declared: z.literal(true).optional(),
  count: count.optional(),
  lost: z.int().min(1).optional(),
  series: z.string().optional(),
});

const claim = z.strictObject({
  id: text,
  metric: text,
  expect: z.number(),
  got: z.number().optional(),
  delta: z.number().optional(),
  allowed: z.number().optional(),
  outcome: z.enum(['within', 'outside', 'not-run', 'error']),
  because: z.string().optional(),
  cite: z.string().optional(),
});

/** The run record (spec chapter run-record), strict; the interface in run-record.ts says what each field means. */
export const runRecordSchema = z.strictObject({
  apiVersion: z.literal('same/v1'),
  kind: z.literal('Run'),
  id: runId,
  display: text,
  program: z.strictObject({ name: text, version: text, digest, pinned: z.boolean() }),
  status: z.enum(['pending', 'running', 'succeeded', 'failed', 'canceled', 'timeout', 'interrupted']),
  parent: runId.optional(),
  imported: z
    .strictObject({
      from: z.enum(['mlflow', 'tensorboard']),
      id: text,
      name: text.optional(),
      group: text,
      tags: z.record(text, z.string()).optional(),
      note: text.optional(),
    })
    .optional(),
  resumes: runId.optional(),
  selection: z
    .strictObject({ steps: z.array(text).optional(), from: text.optional(), until: text.optional() })
    .optional(),
  profile: text.optional(),
  target: text,
  engine: text,
  parameters: z.record(text, z.strictObject({ value: json, source, default: json.optional() })),
  data: z.record(text, artifact.extend({ uri: text })),
  code: z.strictObject({
    digest,
    repository: text.optional(),
    revision: text.optional(),
    path: z.string().optional(),
    dirty: z.boolean().optional(),
    diff: text.optional(),
  }),
  environments: z.record(
    text,
    z.strictObject({
      key: text,
      locked: z.boolean(),
      variables: z.record(text, z.string()),
      resolved: jsonObject,
    }),
  ),
  machine: z.strictObject({
    os: text,
    arch: text,
    cpu: z.number(),
    memoryBytes: count,
    gpu: z.array(z.string()),
  }),
  startedAt: instant,
  finishedAt: instant.optional(),
  usage: usage.optional(),
  steps: z.array(step),
  outputs: artifacts,
  metrics: z.array(metric),
  claims: z.array(claim),
  waivers: z.array(z.strictObject({ what: text, want: z.string(), have: z.string() })),
  services: z.record(text, z.string()),
  warnings: z.array(z.string()),
  error: z.strictObject({ code: text, message: z.string(), step: text.optional() }).optional(),
  runtime: text,
  redactions: z.array(z.string()),
});

true satisfies SameShape<z.infer<typeof runRecordSchema>, RunRecord>;

/** What is wrong with a run record that came from elsewhere; at most ten findings (SAME1302). */
export function runRecordFindings(record: unknown, label: string): Finding[] {
  const result = runRecordSchema.safeParse(record);
  if (result.success) return [];
  return result.error.issues.slice(0, 10).map(({ path, message }) => ({
    code: 'SAME1302',
    message: `${label} is no run record: ${path.join('.') || 'it'}: ${message}`,
  }));
}
