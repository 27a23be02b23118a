import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { checkout } from './rig.ts';

/** Whatever a manifest or an answer holds. */
// biome-ignore lint/suspicious/noExplicitAny: manifests and answers are taken apart freely here
export type Json = any;
/** A manifest, taken apart freely. */
export type Manifest = Record<string, Json>;
interface Schema {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | false;
  items?: Schema;
}

const schema = JSON.parse(readFileSync(`${checkout}/spec/v1/schemas/program.schema.json`, 'utf8'));

/** The fields below a schema that hold values: `*` is a name of the author's, `[]` an item. */
function fieldsBelow(node: Schema, path: string, above: string[] = []): string[] {
  // What a step of finally may say is what any step may say, and is tried there.
  if (path === 'pipeline.finally') return [path];
  if (node.$ref !== undefined) {
    // A schema inside itself: items and properties of a parameter.
    if (above.includes(node.$ref)) return [path];
    const keys = node.$ref.split('/').slice(1);
    const target = keys.reduce((at, key) => at[key], schema);
    return fieldsBelow(target, path, [...above, node.$ref]);
  }
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (node.properties)
    return Object.entries(node.properties).flatMap(([key, value]) => fieldsBelow(value, below(key), above));
  if (node.additionalProperties) return fieldsBelow(node.additionalProperties, below('*'), above);
  const { items } = node;
  if (items && (items.properties || items.$ref)) return fieldsBelow(items, `${path}[]`, above);
  return [path];
}

/** What is looked at. */
type Look = 'plan' | 'record' | 'export';

/** A field, and how it is changed. */
export interface Case {
  /** The field as {@link fieldsBelow} calls it. */
  field: string;
  look: Look;
  /** Changes the manifest: that field and nothing else, or what it takes for the field to be valid. */
  change: (manifest: Manifest) => void;
  /** Of both manifests first: what the field is changed from. */
  base?: ((manifest: Manifest) => void) | undefined;
  words?: string[];
  env?: Record<string, string>;
  /** The change is refused with this code; the base is not. */
  code?: string | undefined;
}

/** Sets a value at a path such as `claims.0.text`; undefined removes it. */
export function put(path: string, value: Json): (manifest: Manifest) => void {
  return (manifest) => {
    const keys = path.split('.');
    const last = keys.pop()!;
    const parent = keys.reduce((at: Json, key) => (at[key] ??= {}), manifest);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  };
}

/** `claims.0.text` is the field `claims[].text`; names become `*` where the schema has no such property. */
function fieldOf(path: string, fields: readonly string[]): string {
  const keys = path.split('.');
  const fits = (field: string) => {
    const parts = field.replaceAll('[]', '.[]').split('.');
    return (
      parts.length === keys.length &&
      parts.every(
        (part, index) =>
          part === keys[index] || part === '*' || (part === '[]' && /^\d+$/.test(keys[index]!)),
      )
    );
  };
  const found = fields.filter(fits);
  assert.equal(found.length, 1, `${path} is ${found.length === 0 ? 'no field' : found.join(' and ')}`);
  return found[0]!;
}

/** Every field of the published schema. */
export const fields = fieldsBelow(schema, '');
/** Filled by the modules of cases. */
export const cases: Case[] = [];
/** A case by the path of its field. */
export const add = (path: string, rest: Omit<Case, 'field'>) =>
  cases.push({ field: fieldOf(path, fields), ...rest });

/** Shown to whoever reads the page of `show`, as that text: all of these are set at once and looked for one by one. */
export const descriptions: { field: string; set: (manifest: Manifest) => void; text: string }[] = [];
export function shown(path: string, value: Json, text = String(value)): void {
  descriptions.push({ field: fieldOf(path, fields), set: put(path, value), text });
}
/** Changes what would run. */
export function planned(path: string, value: Json, base?: Case['base'], words: string[] = []): void {
  add(path, { look: 'plan', change: put(path, value), base, words });
}
/** Changes what came of a run. */
export function recorded(path: string, value: Json, base?: Case['base'], words: string[] = []): void {
  add(path, { look: 'record', change: put(path, value), base, words });
}
/** Is refused: it cannot be had, or says something that cannot be. */
export function refused(
  path: string,
  value: Json,
  code: string,
  base?: Case['base'],
  words: string[] = [],
): void {
  add(path, { look: 'plan', change: put(path, value), base, words, code });
}

/** Several changes as one. */
export const all =
  (...changes: ((manifest: Manifest) => void)[]) =>
  (manifest: Manifest) => {
    for (const change of changes) change(manifest);
  };

/** A program that runs, and holds at least one of each thing that has fields. */
export const base = (): Manifest => ({
  apiVersion: 'same/v1',
  kind: 'Program',
  metadata: { name: 'study', version: '1.0', authors: [{ name: 'Ada' }] },
  parameters: { epochs: { type: 'integer', default: 10 }, tag: { type: 'string', default: 'main' } },
  profiles: { smoke: { parameters: { epochs: 2 } } },
  secrets: { TOKEN: {} },
  environments: { default: { system: true }, other: { system: true, variables: { COLOUR: 'blue' } } },
  data: { table: { uri: 'table.txt' } },
  services: { board: { resource: 'dashboard', optional: true } },
  resources: { cpu: 0.5 },
  infrastructure: { targets: [{ name: 'here', kind: 'process' }] },
  pipeline: {
    steps: {
      train: {
        run: 'cat {{inputs.table}} extra.txt; echo "${COLOUR:-none}" {{flags}} ${TOKEN:-unset} > {{outputs.model}}; echo \'{"loss": 2}\' > {{outputs.report}}; echo loss: 1; echo loss: 3',
        inputs: { table: { data: 'table' } },
        outputs: { model: { path: 'model.txt' }, report: { path: 'report.json' } },
      },
      test: {
        run: ['sh', '-c', 'ls -A; ls -A ..; cat "$1" > "$SAME_OUT/copy"', 'sh', '{{inputs.model}}'],
        inputs: { model: { from: 'train.model' } },
        outputs: { copy: {} },
      },
    },
  },
  outputs: { model: { from: 'train.model' } },
  metrics: { loss: { from: 'train.stdout', regex: 'loss: ([0-9]+)' } },
  claims: [{ id: 'one', metric: 'loss', expect: 3, tolerance: { abs: 0 } }],
});

/** The files beside it. */
export const files = {
  'table.txt': 'a table\n',
  'other.txt': 'another table\n',
  'extra.txt': 'extra\n',
  'infra/main.tf': 'resource\n',
  'sub/extra.txt': 'below\n',
};
