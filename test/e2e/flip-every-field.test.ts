import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { checkout, openRig, type Rig } from './rig.ts';

// A field of the manifest that changes nothing a user can see is a field that is ignored. Every field of the published
// schema has a case here: the base manifest with that field changed must give another plan, another record, another
// page of `show`, or an error. A field that is new in the schema fails the first test until it has a case.

// biome-ignore lint/suspicious/noExplicitAny: manifests and answers are taken apart freely here
type Json = any;
type Manifest = Record<string, Json>;
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

interface Case {
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
function put(path: string, value: Json): (manifest: Manifest) => void {
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

const fields = fieldsBelow(schema, '');
const cases: Case[] = [];
const add = (path: string, rest: Omit<Case, 'field'>) =>
  cases.push({ field: fieldOf(path, fields), ...rest });

/** Shown to whoever reads the page of `show`, as that text: all of these are set at once and looked for one by one. */
const descriptions: { field: string; set: (manifest: Manifest) => void; text: string }[] = [];
function shown(path: string, value: Json, text = String(value)): void {
  descriptions.push({ field: fieldOf(path, fields), set: put(path, value), text });
}
/** Changes what would run. */
function planned(path: string, value: Json, base?: Case['base'], words: string[] = []): void {
  add(path, { look: 'plan', change: put(path, value), base, words });
}
/** Changes what came of a run. */
function recorded(path: string, value: Json, base?: Case['base'], words: string[] = []): void {
  add(path, { look: 'record', change: put(path, value), base, words });
}
/** Is refused: it cannot be had, or says something that cannot be. */
function refused(path: string, value: Json, code: string, base?: Case['base'], words: string[] = []): void {
  add(path, { look: 'plan', change: put(path, value), base, words, code });
}

const all =
  (...changes: ((manifest: Manifest) => void)[]) =>
  (manifest: Manifest) => {
    for (const change of changes) change(manifest);
  };

/** A program that runs, and holds at least one of each thing that has fields. */
const base = (): Manifest => ({
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

const files = {
  'table.txt': 'a table\n',
  'other.txt': 'another table\n',
  'extra.txt': 'extra\n',
  'infra/main.tf': 'resource\n',
  'sub/extra.txt': 'below\n',
};

// The document.
refused('apiVersion', 'same/v2', 'SAME1007');
refused('kind', 'Lock', 'SAME1007');
planned('metadata.name', 'study-2');
planned('metadata.version', '1.1');
shown('metadata.title', 'A title');
shown('metadata.description', 'What it is about');
shown('metadata.authors.0.name', 'Grace');
shown('metadata.authors.0.orcid', 'https://orcid.org/0000-0002-1825-0097');
shown('metadata.authors.0.affiliation', 'Brown University');
shown('metadata.authors.0.email', 'ada@example.org');
shown('metadata.license', 'MIT');
shown('metadata.keywords', ['speech-keyword'], 'keywords speech-keyword');
shown('metadata.paper.arxiv', '1303.5778v1');
shown('metadata.paper.doi', '10.1109/ICASSP.2013.6638947');
shown('metadata.paper.url', 'https://example.org/paper');
shown('metadata.derivedFrom.name', 'eldest');
shown('metadata.derivedFrom.version', '0.8');
shown('metadata.derivedFrom.digest', `sha256:${'2'.repeat(64)}`);

// Parameters: how they are read, and what they allow.
const parameter = (value: Json) => put('parameters.x', value);
planned('parameters.x.type', 'string', parameter({ type: 'integer' }), ['--x=5']);
planned('parameters.x.default', 2, parameter({ type: 'integer', default: 1 }));
const limits: [keyword: string, declared: Json, changed: Json, word: string][] = [
  ['enum', { type: 'string', enum: ['a', 'b'], default: 'a' }, ['a', 'c'], '--x=b'],
  ['const', { type: 'string', const: 'a' }, 'b', '--x=a'],
  ['minimum', { type: 'integer', minimum: 1, default: 9 }, 5, '--x=3'],
  ['maximum', { type: 'integer', maximum: 9, default: 1 }, 5, '--x=7'],
  ['exclusiveMinimum', { type: 'number', exclusiveMinimum: 1, default: 9 }, 3, '--x=3'],
  ['exclusiveMaximum', { type: 'number', exclusiveMaximum: 9, default: 1 }, 7, '--x=7'],
  ['multipleOf', { type: 'integer', multipleOf: 2, default: 0 }, 4, '--x=6'],
  ['minLength', { type: 'string', minLength: 1, default: 'aaaa' }, 3, '--x=aa'],
  ['maxLength', { type: 'string', maxLength: 3, default: 'a' }, 1, '--x=aa'],
  ['pattern', { type: 'string', pattern: 'a', default: 'ab' }, '^b|ab$', '--x=a'],
  ['minItems', { type: 'array', minItems: 1, default: [1, 2] }, 2, '--x=[1]'],
  ['maxItems', { type: 'array', maxItems: 2, default: [1] }, 1, '--x=[1,2]'],
  ['uniqueItems', { type: 'array', uniqueItems: false, default: [1] }, true, '--x=[1,1]'],
  ['required', { type: 'object', required: ['a'], default: { a: 1, b: 1 } }, ['a', 'b'], '--x={"a":1}'],
];
for (const [keyword, declared, changed, word] of limits)
  refused(`parameters.x.${keyword}`, changed, 'SAME1103', parameter(declared), [word]);
refused(
  'parameters.x.items',
  { type: 'integer' },
  'SAME1102',
  parameter({ type: 'array', items: { type: 'string' } }),
  ['--x=a'],
);
refused(
  'parameters.x.properties.a',
  { type: 'integer' },
  'SAME1102',
  parameter({ type: 'object', properties: { a: { type: 'string' } } }),
  ['--x={"a":"b"}'],
);
shown('parameters.tag.format', 'uri-reference');
shown('parameters.tag.title', 'A tag');
shown('parameters.tag.description', 'What it is called');
shown('parameters.tag.examples', ['spring'], 'for example "spring"');
shown('parameters.tag.deprecated', true, '(deprecated)');
planned('profiles.smoke.parameters.epochs', 3, undefined, ['--profile=smoke']);
shown('profiles.smoke.description', 'A quick look');

// Secrets, services, resources, targets.
shown('secrets.TOKEN.description', 'Opens the door');
const needsToken = put('pipeline.steps.train.secrets', ['TOKEN']);
add('secrets.TOKEN.required', {
  look: 'record',
  base: needsToken,
  change: put('secrets.TOKEN.required', true),
  code: 'SAME1701',
});
planned('services.board.resource', 'tracker');
planned('services.board.version', '>=2');
add('services.board.optional', {
  look: 'record',
  change: put('services.board.optional', undefined),
  code: 'SAME1701',
});
shown('services.board.provides.BOARD_URI', 'endpoint.url', 'BOARD_URI=endpoint.url');
shown('services.board.description', 'Live curves');
const gpu = { count: 1, optional: true };
const wants: [path: string, value: Json][] = [
  ['resources.cpu', 0.25],
  ['resources.memory', '1Mi'],
  ['resources.disk.size', '2k'],
  ['resources.gpu.count', 2],
  ['resources.gpu.vendor', 'amd'],
  ['resources.gpu.memory', '1Gi'],
];
for (const prefix of ['', 'pipeline.steps.train.']) {
  const before = all(put(`${prefix}resources`, { cpu: 0.75, disk: { size: '1k' }, gpu }));
  for (const [path, value] of wants) planned(prefix + path, value, before);
  add(`${prefix}resources.gpu.optional`, {
    look: 'plan',
    base: before,
    change: put(`${prefix}resources.gpu.optional`, false),
    code: 'SAME1701',
  });
}
refused('infrastructure.targets.0.name', 'there', 'SAME1902', undefined, ['--target=here']);
refused('infrastructure.targets.0.kind', 'slurm', 'SAME1702', undefined, ['--target=here']);
shown('infrastructure.targets.1.path', 'infra', 'cloud (terraform) from infra');
shown('infrastructure.targets.1.description', 'Of the institute');
shown('resources.disk.class', 'premium', '(premium)');
shown('pipeline.steps.train.resources.disk.class', 'scratch', '(scratch) (step train)');

// Environments.
refused(
  'environments.default.python.version',
  '3.99',
  'SAME1701',
  put('environments.default', { python: { version: '3.11' } }),
  [],
);
refused(
  'environments.other.python.lock',
  'none.lock',
  'SAME1009',
  put('environments.other', { python: { version: '3.11' } }),
);
refused(
  'environments.other.python.requirements',
  'none.txt',
  'SAME1009',
  put('environments.other', { python: { version: '3.11' } }),
);
refused(
  'environments.other.python.packages',
  ['x @ https://example.org/x.whl'],
  'SAME1505',
  put('environments.other', { python: { version: '3.11' } }),
);
shown('environments.fourth.r.version', '4.9', 'R 4.9');
shown('environments.fourth.r.packages', ['lme4 >=1.1'], 'lme4 >=1.1');
refused(
  'environments.other.r.lock',
  'none.lock',
  'SAME1009',
  put('environments.other', { r: { version: '4.2' } }),
);
shown('environments.fifth.node.version', '99', 'node 99');
refused(
  'environments.other.node.lock',
  'none.json',
  'SAME1009',
  put('environments.other', { node: { version: '20' } }),
);
refused('environments.fifth.dockerfile', 'none/Dockerfile', 'SAME1009');
refused('environments.other.system', undefined, 'SAME1008');
shown('environments.third.image', `example.org/image@sha256:${'1'.repeat(64)}`);
recorded('environments.other.variables.COLOUR', 'green', put('pipeline.steps.train.environment', 'other'));
add('environments.default.requires.commands', {
  look: 'record',
  change: put('environments.default.requires.commands', ['no-such-command']),
  code: 'SAME1701',
});
shown('environments.third.description', 'For figures');

// Data.
recorded('data.table.uri', 'other.txt');
refused('data.table.mirrors', ['https://example.org/table.txt'], 'SAME1016');
add('data.table.digest', {
  look: 'record',
  change: put('data.table.digest', `sha256:${'1'.repeat(64)}`),
  code: 'SAME1301',
});
add('data.table.size', { look: 'record', change: put('data.table.size', 7), code: 'SAME1301' });
refused('data.table.unpack', 'tar', 'SAME1016');
shown('data.table.license', 'CC0-1.0');
refused('data.table.carry', 'never', 'SAME1005');
refused('data.table.mutable', true, 'SAME1016');
shown('data.table.description', 'Of numbers');

// Steps.
const train = 'pipeline.steps.train';
const test_ = 'pipeline.steps.test';
planned(`${train}.run`, 'true');
shown(`${train}.description`, 'Trains');
recorded(`${train}.environment`, 'other');
recorded(`${test_}.workdir`, 'sub');
recorded(`${test_}.inputs.model.from`, 'train.report');
recorded(`${train}.inputs.table.data`, 'second', put('data.second', { uri: 'other.txt' }));
recorded(`${test_}.inputs.model.at`, 'here.txt');
recorded(
  `${test_}.inputs.model.mode`,
  'copy',
  put(`${test_}.run`, [
    'sh',
    '-c',
    'if [ -w "$1" ]; then echo mine; else echo theirs; fi > "$SAME_OUT/copy"',
    'sh',
    '{{inputs.model}}',
  ]),
);
recorded(
  `${test_}.outputs.copy.path`,
  'copied.txt',
  put(`${test_}.run`, ['sh', '-c', 'echo "$1" > "$1"', 'sh', '{{outputs.copy}}']),
);
recorded(`${train}.outputs.report.kind`, 'metrics', all());
shown(`${train}.outputs.model.description`, 'The weights');
recorded(`${train}.parameters`, ['epochs']);
recorded(`${test_}.code`, ['extra.txt', 'sub/**']);
add(`${train}.secrets`, {
  look: 'record',
  env: { TOKEN: 'open sesame' },
  change: put(`${train}.secrets`, ['TOKEN']),
});
planned(`${train}.services`, ['board']);
const failing = put(`${train}.run`, 'exit 3');
recorded(`${train}.retries.max`, 1, all(failing, put(`${train}.retries`, { max: 0, backoff: '1ms' })));
planned(`${train}.retries.backoff`, '2ms', put(`${train}.retries`, { max: 1, backoff: '1ms' }));
recorded(`${train}.retries.codes`, [4], all(failing, put(`${train}.retries`, { max: 1, backoff: '1ms' })));
recorded(
  `${train}.timeout`,
  '20ms',
  put(`${train}.run`, 'echo loss: 3; sleep 0.3; echo done > {{outputs.model}}; echo {} > {{outputs.report}}'),
);
const seeds = { seed: [1, 2] };
planned(`${train}.matrix.seed`, [1, 2]);
planned(
  `${train}.foreach`,
  'list.items',
  put('pipeline.steps.list', { run: ['true'], outputs: { items: {} } }),
);
planned(`${train}.parallel`, 2, put(`${train}.matrix`, seeds));
planned(`${train}.mutex`, ['board']);
planned(`${train}.network`, true);
planned(`${train}.when`, 'parameters.epochs > 100');
planned(`${train}.cache`, false);
planned(
  `${test_}.inputs.model.cells`,
  'matching',
  all(
    put(`${train}.matrix`, seeds),
    put(`${test_}.matrix`, seeds),
    put(`${test_}.inputs.model`, { from: 'train.model', cells: 'all' }),
  ),
);
planned('pipeline.finally', { last: { run: ['true'] } });

// What comes of a run.
recorded(
  'outputs.model.from',
  'test.copy',
  put(`${test_}.run`, ['sh', '-c', 'echo other > "$SAME_OUT/copy"']),
);
shown('outputs.model.description', 'The weights');
recorded('metrics.loss.from', 'train.stderr');
recorded('metrics.loss.json', '/other', put('metrics.loss', { from: 'train.report', json: '/loss' }));
recorded('metrics.loss.regex', 'los: ([0-9]+)');
recorded('metrics.loss.take', 'first');
recorded('metrics.loss.unit', '%');
recorded('metrics.loss.direction', 'lower');
shown('metrics.loss.description', 'Cross entropy');
recorded('claims.0.id', 'two');
shown('claims.0.text', 'The loss is three');
recorded('claims.0.metric', 'train.loss');
recorded('claims.0.expect', 2);
recorded('claims.0.tolerance.abs', 0.5);
recorded('claims.0.tolerance.rel', 0.5);
recorded('claims.0.cite', 'Table 1');
recorded('claims.0.given.epochs', 7);
recorded('claims.0.profile', 'smoke');
recorded('claims.0.over', 'epochs');
recorded('claims.0.aggregate', 'mean');
shown('claims.0.required', false, '(not required)');

// The whole.
recorded('files.exclude', ['sub/**']);
refused('files.allowSecret', [], 'SAME1213', put('files.allowSecret', ['sub/.env']));
add('history.export', { look: 'export', change: put('history.export', 'none') });
descriptions.push({
  field: 'extensions.*',
  set: (manifest) => {
    manifest.extensions = { 'org.example.review': { blind: true } };
  },
  text: 'org.example.review  {"blind":true}',
});
refused('requiredExtensions', ['org.example.review'], 'SAME1012');

/** What differs between two runs of one thing, taken out. */
function settled(document: Json): Json {
  const volatile = new Set(['display', 'startedAt', 'finishedAt', 'usage', 'durationMs', 'have', 'pinnedAt']);
  return JSON.parse(
    JSON.stringify(document, (name, value) => (volatile.has(name) ? undefined : value)).replaceAll(
      document.id ?? '\0',
      'ID',
    ),
  );
}

describe('every field of a manifest changes something that a user can see', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
    rig.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`study/${name}`, text])));
  });
  after(() => rig[Symbol.dispose]());

  /** What a user sees of a manifest, digests of the whole left out: they always change. */
  async function look({ look: what, words = [], env = {} }: Case, manifest: Manifest): Promise<Json> {
    const secret = 'study/sub/.env';
    rmSync(rig.path(secret), { force: true });
    if (manifest.files?.allowSecret) rig.write({ [secret]: 'TOKEN=1\n' });
    rig.write({ 'study/same.yaml': JSON.stringify(manifest) });
    const answer = (ended: { stdout: string; code: number | null }) => {
      const document = JSON.parse(ended.stdout);
      return document.kind === 'Error' ? { findings: document.findings, refusal: document.code } : document;
    };
    if (what === 'plan') {
      const plan = answer(await rig.same(['run', '-f', 'study', '--plan', '--json', ...words], { env }));
      if (plan.findings) return plan;
      // An unmet need is no refusal of a plan, and said in it.
      const unmet = plan.requirements.filter(({ met, optional }: Json) => !met && !optional);
      const { digest: _, ...program } = plan.program;
      const { environments: __, metrics: ___, claims: ____, ...rest } = plan;
      return { ...settled({ ...rest, program }), ...(unmet.length > 0 ? { refusal: 'SAME1701' } : {}) };
    }
    if (what === 'record') {
      const record = answer(await rig.same(['run', '-f', 'study', '--json', ...words], { env }));
      if (record.findings) return record;
      const { digest: _, ...program } = record.program;
      return settled({ ...record, program });
    }
    const { name, version } = manifest.metadata;
    const created = answer(await rig.same(['create', '-f', 'study', '--json']));
    if (created.findings) return created;
    await rig.same(['run', `${name}:${version}`]);
    const { history, runs } = answer(
      await rig.same(['export', '-n', `${name}:${version}`, '-o', 'study.tgz', '--json']),
    );
    rmSync(rig.path('study.tgz'));
    await rig.same(['delete', `${name}:${version}`]);
    return { history, runs: runs.length };
  }

  test('every description is on the page of show', async () => {
    const page = async (manifest: Manifest): Promise<string> => {
      rig.write({ 'study/same.yaml': JSON.stringify(manifest) });
      const created = await rig.same(['create', '-f', 'study']);
      assert.equal(created.code, 0, created.stderr);
      return (await rig.same(['show', manifest.metadata.name])).stdout;
    };
    const manifest = base();
    manifest.metadata.derivedFrom = { name: 'a', version: '1', digest: `sha256:${'3'.repeat(64)}` };
    manifest.environments.third = { python: { version: '3.11' } };
    manifest.infrastructure.targets.push({ name: 'cloud', kind: 'terraform', path: 'sub' });
    manifest.resources.disk = { size: '1k' };
    manifest.pipeline.steps.train.resources = { disk: { size: '1k' } };
    const without = await page(manifest);
    for (const { set } of descriptions) set(manifest);
    const whole = await page(manifest);
    const unseen = descriptions.filter(({ text }) => without.includes(text) || !whole.includes(text));
    assert.deepEqual(
      unseen.map(({ field, text }) => `${field}: ${text}`),
      [],
      whole,
    );
  });

  test('every field of the schema has a case', () => {
    const covered = new Set([...cases, ...descriptions].map(({ field }) => field));
    const upstream = fields.filter((field) => field.startsWith('upstream.'));
    assert.deepEqual(
      fields.filter((field) => !covered.has(field) && !upstream.includes(field)),
      [],
    );
    assert.ok(fields.length > 130, String(fields.length));
  });

  const seen = new Map<string, Promise<Json>>();
  for (const one of cases) {
    test(`${one.field} (${one.code ?? one.look})`, async () => {
      const from = base();
      one.base?.(from);
      const to = structuredClone(from);
      one.change(to);
      assert.notDeepEqual(to, from, 'the case changes nothing');
      const key = JSON.stringify([one.look, one.words, one.env, from]);
      if (!seen.has(key)) seen.set(key, look(one, from));
      const first = await seen.get(key)!;
      assert.equal(first.findings, undefined, `the base is refused: ${JSON.stringify(first.findings)}`);
      assert.notEqual(first.refusal, 'SAME1701', 'the base has unmet needs');
      const second = await look(one, to);
      assert.equal(second.refusal, one.code, JSON.stringify(second.findings));
      assert.notDeepEqual(second, first, `${one.field} changed nothing that ${one.look} shows`);
    });
  }

  test('upstream.git, revision, to and patches change what is packed, or are refused', async () => {
    const git = (...words: string[]) =>
      execFileSync(
        'git',
        ['-C', rig.path('theirs'), '-c', 'user.name=A', '-c', 'user.email=a@b.c', ...words],
        {
          encoding: 'utf8',
        },
      ).trim();
    rig.write({ 'theirs/main.txt': 'one\n' });
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
    const one = git('rev-parse', 'HEAD');
    rig.write({ 'theirs/main.txt': 'two\n' });
    git('commit', '-q', '-a', '-m', 'two');
    const two = git('rev-parse', 'HEAD');
    mkdirSync(rig.path('study/patches'), { recursive: true });
    rig.write({ 'study/patches/a.patch': '--- a/main.txt\n+++ b/main.txt\n@@ -1 +1 @@\n-one\n+patched\n' });
    const upstream = { git: `git+${pathToFileURL(rig.path('theirs'))}`, revision: one };
    const run = {
      main: {
        run: 'find . -name main.txt -exec cat {} + > {{outputs.found}}; ls > {{outputs.names}}',
        outputs: { found: {}, names: {} },
      },
    };
    const manifest = (changes: object): Manifest => ({
      ...base(),
      upstream: { ...upstream, ...changes },
      pipeline: { steps: run },
      outputs: {},
      metrics: {},
      claims: [],
    });
    const outputs = async (changes: object) => {
      const record = await look({ field: 'upstream', look: 'record', change: () => {} }, manifest(changes));
      assert.equal(record.findings, undefined, JSON.stringify(record.findings));
      return record.steps[0].outputs;
    };
    const first = await outputs({});
    assert.notEqual((await outputs({ revision: two })).found.digest, first.found.digest);
    assert.notEqual((await outputs({ to: 'elsewhere' })).names.digest, first.names.digest);
    assert.notEqual((await outputs({ patches: ['patches/a.patch'] })).found.digest, first.found.digest);
    const gone = `git+${pathToFileURL(rig.path('gone'))}`;
    const refusal = await look(
      { field: 'upstream.git', look: 'record', change: () => {} },
      manifest({ git: gone }),
    );
    assert.equal(refusal.refusal, 'SAME1205');
  });
});
