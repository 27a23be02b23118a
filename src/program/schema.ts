import { z } from 'zod';
import type { JsonValue } from './json.ts';

// Patterns are part of the published JSON Schemas, so they stay within ECMA 262 and RE2 both.
const namePattern = /^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*(\/[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)*$/;
const versionPattern = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,126}$/;
const identifierPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const variablePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const digestPattern = /^(tree:)?sha256:[0-9a-f]{64}$/;
const quantityPattern = /^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/;
const durationPattern = /^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$/;
const imagePattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$/;

// Documents are JSON before they come here, so nothing is left to check.
const json = z.unknown() as unknown as z.ZodType<JsonValue>;
const text = z.string().min(1);
const identifier = z.string().regex(identifierPattern, {
  error: 'is not an identifier: a letter, then letters, digits, "_" or "-", at most 64',
});
const variable = z.string().regex(variablePattern, {
  error: 'is not a variable name: a letter or "_", then letters, digits or "_"',
});
const quantity = z.string().regex(quantityPattern, { error: 'is not a size: write it like 4Gi or 500M' });
const duration = z.string().regex(durationPattern, { error: 'is not a duration: write it like 30m or 10s' });
const name = z.string().max(128).regex(namePattern, {
  error: 'is not a name: letters and digits joined by ".", "_" or "-", segments joined by "/"',
});
const version = z.string().regex(versionPattern, {
  error: 'is not a version: a letter or digit, then letters, digits, ".", "+" or "-", at most 127 in all',
});
const path = z.string().min(1).max(1024);
const digest = z.string().regex(digestPattern, {
  error: 'is not a digest: sha256: and 64 lower-case hexadecimal digits',
});
const named = <T extends z.ZodType>(value: T) => z.record(identifier, value);

const parameterType = z.enum(['string', 'integer', 'number', 'boolean', 'array', 'object']);

/** One parameter: the JSON Schema 2020-12 subset of the spec's chapter parameters. */
export const parameterSchema = z.strictObject({
  type: z.union([parameterType, z.tuple([parameterType, z.literal('null')])]),
  default: json.optional(),
  enum: z.array(json).min(1).optional(),
  const: json.optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  multipleOf: z.number().positive().optional(),
  minLength: z.int().min(0).optional(),
  maxLength: z.int().min(0).optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
  get items(): z.ZodOptional<typeof parameterSchema> {
    return parameterSchema.optional();
  },
  minItems: z.int().min(0).optional(),
  maxItems: z.int().min(0).optional(),
  uniqueItems: z.boolean().optional(),
  get properties(): z.ZodOptional<z.ZodRecord<z.ZodString, typeof parameterSchema>> {
    return z.record(z.string(), parameterSchema).optional();
  },
  required: z.array(z.string()).optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  examples: z.array(json).optional(),
  deprecated: z.boolean().optional(),
});

const author = z.strictObject({
  name: text,
  orcid: z
    .string()
    .regex(/^https:\/\/orcid\.org\/[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$/, {
      error: 'is not an ORCID: write https://orcid.org/0000-0000-0000-0000',
    })
    .optional(),
  affiliation: text.optional(),
  email: text.optional(),
});

const metadata = z.strictObject({
  name,
  version,
  title: text.optional(),
  description: text.optional(),
  authors: z.array(author).min(1).optional(),
  license: text.optional(),
  keywords: z.array(text).optional(),
  paper: z.strictObject({ arxiv: text.optional(), doi: text.optional(), url: text.optional() }).optional(),
  derivedFrom: z.strictObject({ name, version, digest }).optional(),
});

const upstream = z.strictObject({
  git: text,
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}$/, { error: 'is not a commit: 40 lower-case hexadecimal digits' }),
  to: path.optional(),
  patches: z.array(path).optional(),
});

const profile = z.strictObject({ parameters: named(json).optional(), description: text.optional() });

const python = z.strictObject({
  version: z.string().regex(/^[0-9]+\.[0-9]+$/, { error: 'is not major.minor: write it like "3.11"' }),
  lock: path.optional(),
  requirements: path.optional(),
  packages: z.array(text).optional(),
});

const r = z.strictObject({
  version: z.string().regex(/^[0-9]+\.[0-9]+$/, { error: 'is not major.minor: write it like "4.2"' }),
  lock: path.optional(),
  packages: z.array(text).optional(),
});

const node = z.strictObject({
  version: z.string().regex(/^[0-9]+$/, { error: 'is not a major version: write it like "20"' }),
  lock: path.optional(),
});

const image = z.string().regex(imagePattern, {
  error: 'is not an image by digest: write it like docker.io/library/python@sha256:…',
});

const environment = z.strictObject({
  python: python.optional(),
  r: r.optional(),
  node: node.optional(),
  system: z.literal(true).optional(),
  image: image.optional(),
  dockerfile: path.optional(),
  variables: z.record(variable, z.string()).optional(),
  requires: z.strictObject({ commands: z.array(text).min(1) }).optional(),
  description: text.optional(),
});

const dataPointer = z.strictObject({
  uri: text,
  mirrors: z.array(text).optional(),
  digest: digest.optional(),
  size: z.int().min(0).optional(),
  unpack: z.enum(['tar', 'zip', 'gzip']).optional(),
  license: text.optional(),
  carry: z.enum(['pointer', 'embed', 'never']).optional(),
  mutable: z.boolean().optional(),
  description: text.optional(),
});

const service = z.strictObject({
  resource: text,
  version: text.optional(),
  optional: z.boolean().optional(),
  provides: z.record(variable, text).optional(),
  description: text.optional(),
});

const resources = z.strictObject({
  cpu: z.number().positive().optional(),
  memory: quantity.optional(),
  disk: z.strictObject({ size: quantity, class: text.optional() }).optional(),
  gpu: z
    .strictObject({
      count: z.int().min(1),
      vendor: z.enum(['nvidia', 'amd', 'intel']).optional(),
      memory: quantity.optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
});

const stepInput = z.strictObject({
  from: text.optional(),
  data: identifier.optional(),
  cells: z.enum(['all', 'matching']).optional(),
  at: path.optional(),
  mode: z.enum(['link', 'copy']).optional(),
});

const stepOutput = z.strictObject({
  path: path.optional(),
  kind: z.enum(['file', 'dataset', 'model', 'metrics', 'figure', 'log', 'report']).optional(),
  description: text.optional(),
});

const step = z.strictObject({
  run: z.union([text, z.array(z.string()).min(1)]),
  description: text.optional(),
  environment: identifier.optional(),
  workdir: path.optional(),
  inputs: named(stepInput).optional(),
  outputs: named(stepOutput).optional(),
  parameters: z.array(identifier).optional(),
  code: z.array(text).min(1).optional(),
  secrets: z.array(variable).optional(),
  services: z.array(identifier).optional(),
  retries: z
    .strictObject({
      max: z.int().min(0).max(100),
      backoff: duration.optional(),
      codes: z.array(z.int().min(1).max(255)).min(1).optional(),
    })
    .optional(),
  timeout: duration.optional(),
  network: z.boolean().optional(),
  resources: resources.optional(),
  matrix: named(z.array(json).min(1)).optional(),
  foreach: text.optional(),
  parallel: z.int().min(1).optional(),
  mutex: z.array(identifier).min(1).optional(),
  when: text.optional(),
  cache: z.union([z.boolean(), z.literal('portable')]).optional(),
});

const metricSource = z.strictObject({
  from: text,
  json: z.string().optional(),
  regex: text.optional(),
  take: z.enum(['first', 'last', 'min', 'max']).optional(),
  unit: text.optional(),
  direction: z.enum(['lower', 'higher']).optional(),
  description: text.optional(),
});

const claim = z.strictObject({
  id: identifier,
  text: text.optional(),
  metric: text,
  expect: z.number(),
  tolerance: z
    .strictObject({ abs: z.number().min(0).optional(), rel: z.number().min(0).optional() })
    .optional(),
  cite: text.optional(),
  given: z.record(identifier, json).optional(),
  profile: identifier.optional(),
  over: identifier.optional(),
  aggregate: z.enum(['mean', 'median', 'min', 'max']).optional(),
  required: z.boolean().optional(),
});

/** The whole manifest, strict: a field that is not here is an error (`x-` keys are taken out before). */
export const programSchema = z.strictObject({
  apiVersion: z.literal('same/v1'),
  kind: z.literal('Program'),
  metadata,
  upstream: upstream.optional(),
  parameters: named(parameterSchema).optional(),
  profiles: named(profile).optional(),
  secrets: z
    .record(variable, z.strictObject({ description: text.optional(), required: z.boolean().optional() }))
    .optional(),
  environments: named(environment).optional(),
  data: named(dataPointer).optional(),
  services: named(service).optional(),
  resources: resources.optional(),
  infrastructure: z
    .strictObject({
      targets: z
        .array(
          z.strictObject({
            name: identifier,
            kind: z.enum(['process', 'container', 'kubernetes', 'slurm', 'ssh', 'terraform']),
            path: path.optional(),
            description: text.optional(),
          }),
        )
        .min(1),
    })
    .optional(),
  pipeline: z.strictObject({ steps: named(step), finally: named(step).optional() }),
  outputs: named(z.strictObject({ from: text, description: text.optional() })).optional(),
  metrics: named(metricSource).optional(),
  claims: z.array(claim).optional(),
  files: z
    .strictObject({ exclude: z.array(text).optional(), allowSecret: z.array(path).optional() })
    .optional(),
  history: z.strictObject({ export: z.enum(['none', 'latest', 'all']) }).optional(),
  extensions: z
    .record(
      z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, {
        error: 'is not a reverse domain name such as org.example.tool',
      }),
      json,
    )
    .optional(),
  requiredExtensions: z.array(text).optional(),
});

/** The manifest as typed data, exactly what `same.yaml` says: defaults are not filled in. */
export type Program = z.infer<typeof programSchema>;
/** One declared parameter. */
export type ParameterSchema = z.infer<typeof parameterSchema>;
/** One pipeline step. */
export type Step = z.infer<typeof step>;
/** One step input: an artifact of another step (`from`) or declared data (`data`). */
export type StepInput = z.infer<typeof stepInput>;
/** One environment: an interpreter with its packages, the system's own, or an image. */
export type Environment = z.infer<typeof environment>;
/** One declared data source. */
export type DataPointer = z.infer<typeof dataPointer>;
/** Needs in cpu (cores), memory and disk (quantities), gpu. */
export type Resources = z.infer<typeof resources>;
/** Where a declared metric comes from. */
export type MetricSource = z.infer<typeof metricSource>;
/** One figure the authors claim. */
export type Claim = z.infer<typeof claim>;
