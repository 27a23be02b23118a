import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { canonicalBytes, parseCanonical } from '../../src/bundle/canonical-json.ts';
import { parseIndex, parseManifest as parseOciManifest } from '../../src/bundle/oci-manifest.ts';
import { parseTreeList, treeList } from '../../src/bundle/tree.ts';
import { parseCommandRequirement } from '../../src/environments/command.ts';
import { parseHashedRequirements } from '../../src/environments/hashed-requirements.ts';
import { readDeclaredMetric, readFinalMetrics, readMetricSeries } from '../../src/pipeline/metrics.ts';
import { coerceText, coerceTexts } from '../../src/program/coercion.ts';
import { parseDocument } from '../../src/program/document.ts';
import { editManifest } from '../../src/program/edit-manifest.ts';
import { matchesGlob } from '../../src/program/glob.ts';
import type { JsonValue } from '../../src/program/json.ts';
import { parseLock } from '../../src/program/lock-file.ts';
import { parseManifest } from '../../src/program/manifest.ts';
import { parseParameterWords } from '../../src/program/parameter-words.ts';
import { resolveParameters } from '../../src/program/parameters.ts';
import { compilePattern, patternProblem } from '../../src/program/pattern.ts';
import { parseDuration, parseQuantity } from '../../src/program/quantity.ts';
import { parseReference } from '../../src/program/reference.ts';
import type { ParameterSchema } from '../../src/program/schema.ts';
import { unsafePlaces } from '../../src/program/shell-context.ts';
import { parseTemplate } from '../../src/program/template.ts';
import { compareVersions, isVersion, versionOfTag } from '../../src/program/version.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { frame, readJournal } from '../../src/runs/journal.ts';
import { runRecordFindings } from '../../src/runs/run-record-schema.ts';
import { parseSourceAddress, shareable, withoutLogin } from '../../src/sources/source-address.ts';
import { begun, digest, finished, started } from '../runs/record.ts';
import { anyText } from './arbitraries.ts';
import { manifestBytes, runId } from './bundles.ts';
import { holds, outcomeOf } from './campaign.ts';
import { changed, changes, jsonChange, jsonChanged } from './mutations.ts';

const root = mkdtempSync(join(tmpdir(), 'same-hostile-texts-'));
after(() => rmSync(root, { recursive: true, force: true }));

const manifest = `apiVersion: same/v1
kind: Program
metadata:
  name: Lab/study
  version: "1.0"
  authors: [{name: A}]
files: {exclude: ['**/*.pyc', "{a,b}[0-9]"]}
secrets: {TOKEN: {description: a token}}
environments:
  default: {python: {version: "3.11", packages: ["numpy==1.26"]}, requires: {commands: ["git >=2"]}}
data: {set: {uri: data/x.csv}}
parameters:
  epochs: {type: integer, default: 3, minimum: 1}
  names: {type: array, items: {type: string}, default: [a], uniqueItems: true}
  rate: {type: [number, "null"], default: 1e-3}
  mode: {type: string, enum: [a, b], default: a, pattern: "^[ab]$"}
profiles: {quick: {epochs: 1}}
resources: {memory: 512Mi}
pipeline:
  steps:
    train:
      run: [python, train.py, "{{flags}}", "--out={{outputs.model}}"]
      timeout: 90s
      outputs: {model: {path: model.bin}}
    # a comment
    test:
      run: |
        python test.py {{inputs.m}} --epochs={{parameters.epochs}}
      inputs: {m: {from: train.model, at: m.bin}}
claims:
  - {id: c1, metric: test.wer, expect: 1.5, given: {epochs: 3}}
`;

const lock = {
  apiVersion: 'same/v1',
  kind: 'Lock',
  environments: {
    default: {
      'linux-x86_64': {
        python: '3.11',
        of: digest('0'),
        packages: [{ name: 'numpy', version: '1.24.4', hashes: [digest('1')] }],
      },
    },
  },
};

const schemas: Record<string, ParameterSchema> = {
  epochs: { type: 'integer', minimum: 1 },
  rate: { type: ['number', 'null'] },
  names: { type: 'array', items: { type: 'string' } },
  sizes: { type: 'array', items: { type: 'integer' }, uniqueItems: true },
  options: { type: 'object' },
  fast: { type: 'boolean' },
  'no-op': { type: 'boolean' },
  mode: { type: 'string', enum: ['a', 'b'] },
} as Record<string, ParameterSchema>;

const ociIndex = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.same.program.v1+json',
      digest: digest('a'),
      size: 5,
      annotations: { 'org.opencontainers.image.ref.name': '1.0' },
    },
  ],
};

const tree = treeList([
  { path: 'a', executable: false, sizeBytes: 1, digest: digest('a') },
  { path: 'b/c', executable: true, sizeBytes: 0, digest: digest('b') },
]);

/** The canonical form of a value, where it has one. */
function canonical(value: unknown): Buffer {
  try {
    return canonicalBytes(value);
  } catch {
    return Buffer.from(JSON.stringify(value));
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const text = (parse: (text: string) => unknown) => (bytes: Buffer) => parse(decoder.decode(bytes));

/** Every reader of text, with an example that it takes. */
const readers: Record<string, { example: string | Buffer; read: (bytes: Buffer) => unknown }> = {
  'a manifest': { example: manifest, read: (bytes) => parseManifest(bytes, 'same.yaml') },
  'a manifest in JSON': {
    example: manifestBytes({ files: [] }),
    read: (bytes) => parseManifest(bytes, 'same.yaml'),
  },
  'a document': { example: '- {a: "b\\n", c: |2\n   x\n}\n', read: (bytes) => parseDocument(bytes, 'f') },
  'a lock': { example: JSON.stringify(lock), read: (bytes) => parseLock(bytes, 'same.lock') },
  'canonical JSON': {
    example: '{"a":[1,"b",null,1e+21],"é":{}}',
    read: (bytes) => parseCanonical(bytes, 'x'),
  },
  'an index': { example: canonical(ociIndex), read: (bytes) => parseIndex(bytes) },
  'a tree list': { example: tree, read: (bytes) => parseTreeList(bytes) },
  'hashed requirements': {
    example: `# lock\nnumpy==1.26.0 ; python_version > "3" \\\n  --hash=${digest('1')} \\\n  --hash=${digest('2')}\n`,
    read: (bytes) => parseHashedRequirements(bytes, 'requirements.txt'),
  },
  'a command requirement': { example: 'Rscript >=4.2 <5', read: text(parseCommandRequirement) },
  'a reference': { example: `oci://[::1]:5000/a/b:1.0+x@${digest('a')}`, read: text(parseReference) },
  'a local reference': { example: 'Lab/study:1.0-rc.1', read: text(parseReference) },
  'a source address': { example: 'git+https://h.example/a/b//c@v1.0', read: text(parseSourceAddress) },
  'a web address': { example: 'https://h.example:8080/a/b/tree/main/c:1.0', read: text(parseSourceAddress) },
  'an scp address': { example: 'git@h.example:a/b.git//c@v1', read: text(parseSourceAddress) },
  'an address to share': {
    example: 'https://u:p@h.example/a?b#c',
    read: text((it) => [shareable(it), withoutLogin(it)]),
  },
  'a version': {
    example: '1.0.0-rc.1+b',
    read: text((it) => [isVersion(it), versionOfTag(it), compareVersions(it, '1.0')]),
  },
  'a size': { example: '1.5Gi', read: text(parseQuantity) },
  'a duration': { example: '1.5h', read: text(parseDuration) },
  'a template': { example: 'a {{parameters.x}} {{ flags }}', read: text(parseTemplate) },
  'a shell text': {
    example: 'a "$(b \'c\' `d`)" <<E # {{parameters.x}} ${f} $((1))',
    read: text(unsafePlaces),
  },
  'a glob': { example: './a/**/{b,c[!0-9]}?*/', read: text((it) => matchesGlob('a/b/c/dd', it)) },
  'a pattern': {
    example: '^(a|b)+[^c]{2,3}\\d$',
    read: text((it) => patternProblem(it) ?? compilePattern(it)('aab12')),
  },
  'final metrics': { example: '{"a": 1, "b": {"c": 2.5}}', read: text((it) => readFinalMetrics(it, 'm')) },
  'a series of metrics': {
    example: '{"a": 1}\n{"a": 2, "step": 2}\n',
    read: text((it) => readMetricSeries(it, 'm')),
  },
  'a metric at a pointer': {
    example: '/a/0/~1b',
    read: text((pointer) =>
      readDeclaredMetric('{"a": [{"/b": 1}]}', { from: 'x.stdout', pointer } as never, compilePattern),
    ),
  },
};

test('every reader of text takes its example', async () => {
  for (const [what, { example, read }] of Object.entries(readers)) {
    const { refused } = await outcomeOf(() => read(Buffer.from(example)));
    assert.equal(refused, undefined, `${what}: ${refused?.message}`);
  }
});

for (const [what, { example, read }] of Object.entries(readers)) {
  test(`${what}: mutated bytes end in a value or a refusal`, () =>
    holds(150, [changes], async (all) => {
      await outcomeOf(() => read(changed(Buffer.from(example), all)));
    }));

  test(`${what}: any bytes end in a value or a refusal`, () =>
    holds(60, [fc.oneof(fc.uint8Array({ maxLength: 200 }), anyText)], async (bytes) => {
      await outcomeOf(() => read(Buffer.from(bytes as string)));
    }));
}

/** Readers of documents, which meet any JSON in any place. */
const documents: Record<string, { example: unknown; read: (value: JsonValue) => unknown }> = {
  'a manifest': {
    example: parseManifest(Buffer.from(manifest), 'same.yaml').value,
    read: (value) => parseManifest(Buffer.from(JSON.stringify(value)), 'same.yaml'),
  },
  'a lock': { example: lock, read: (value) => parseLock(Buffer.from(JSON.stringify(value)), 'same.lock') },
  'a run record': { example: begun({ id: runId(1) }), read: (value) => runRecordFindings(value, 'run') },
  'an index': { example: ociIndex, read: (value) => parseIndex(canonical(value)) },
  'an OCI manifest': {
    example: {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.same.program.v1+json',
      config: { mediaType: 'a/b', digest: digest('a'), size: 1 },
      layers: [{ mediaType: 'a/b', digest: digest('a'), size: 1 }],
      subject: { mediaType: 'a/b', digest: digest('a'), size: 1 },
      annotations: { a: 'b' },
    },
    read: (value) => parseOciManifest(canonical(value), 'manifest'),
  },
  'a tree list': {
    example: JSON.parse(tree.toString()),
    read: (value) => parseTreeList(canonical(value)),
  },
};

for (const [what, { example, read }] of Object.entries(documents)) {
  test(`${what}: one place changed ends in a value or a refusal`, () =>
    holds(400, [fc.array(jsonChange, { minLength: 1, maxLength: 3 })], async (all) => {
      const value = all.reduce(jsonChanged, example as JsonValue);
      await outcomeOf(() => read(value));
    }));
}

test('any words end in parameters or findings', () =>
  holds(
    500,
    [
      fc.array(
        fc.oneof(
          anyText,
          fc
            .tuple(
              fc.constantFrom('--', '--no-', '-', ''),
              fc.constantFrom(...Object.keys(schemas), 'no_op', 'EPOCHS', 'constructor', '__proto__', 'nope'),
              fc.constantFrom('', '=', '=@', '=['),
              fc.oneof(
                anyText,
                fc.constantFrom('1', '1e3', '{"a":1}', '[1,1]', 'null', '@x', '[[[[', '['.repeat(50_000)),
              ),
            )
            .map((parts) => parts.join('')),
        ),
        { maxLength: 6 },
      ),
    ],
    async (words) => {
      const program = { metadata: { name: 'a', version: '1' }, parameters: schemas } as never;
      await outcomeOf(() => {
        const { flags } = parseParameterWords(words, schemas);
        resolveParameters(program, { flags } as never);
        for (const schema of Object.values(schemas)) {
          coerceTexts(schema, words);
          for (const word of words) coerceText(schema, word);
        }
      });
    },
  ));

test('an edit of any manifest that is valid gives one that is valid and says what was meant', () =>
  holds(150, [changes], async (all) => {
    const bytes = changed(Buffer.from(manifest), all);
    const { program } = parseManifest(bytes, 'same.yaml');
    if (program?.parameters?.epochs?.type !== 'integer') return;
    const edited = editManifest(decoder.decode(bytes), {
      version: '2.0',
      defaults: { epochs: 7 },
      derivedFrom: { name: 'Lab/study', version: '1.0', digest: digest('a') },
    });
    const again = parseManifest(Buffer.from(edited), 'same.yaml');
    assert.deepEqual(
      again.findings.filter(({ code }) => code !== 'SAME1103'),
      [],
    );
    if (!again.program) return;
    assert.equal(again.program.metadata.version, '2.0');
    assert.equal(again.program.parameters?.epochs?.default, 7);
    assert.equal(again.program.metadata.derivedFrom?.digest, digest('a'));
  }));

const events: JsonValue[] = [
  {
    type: 'run-begun',
    record: begun({ id: runId(1) }),
    owner: { pid: 1, startTime: 'x', boot: 'y', host: 'z' },
  },
  started('one'),
  finished('one'),
  { type: 'step-skipped', step: 'two', because: 'x' },
] as unknown as JsonValue[];

test('a journal of any bytes is read as far as it is whole', () =>
  holds(300, [changes], async (all) => {
    const path = join(root, 'journal.jsonl');
    writeFileSync(path, changed(Buffer.from(events.map(frame).join('')), all));
    await outcomeOf(() => readJournal(path));
  }));

test('a store of runs whose files hold any JSON lists what it can and refuses the rest', () =>
  holds(
    400,
    [fc.array(jsonChange, { minLength: 1, maxLength: 2 }), fc.boolean(), fc.nat(events.length - 1)],
    async (all, over, which) => {
      const home = join(root, 'runs');
      const id = runId(1);
      const month = new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString();
      const directory = join(home, month.slice(0, 4), month.slice(5, 7), id);
      mkdirSync(join(directory, 'logs'), { recursive: true });
      const changedEvents = events.with(which, all.reduce(jsonChanged, events[which]!));
      writeFileSync(join(directory, 'journal.jsonl'), (over ? events : changedEvents).map(frame).join(''));
      const record = { ...begun({ id }), status: 'succeeded' } as unknown as JsonValue;
      if (over) writeFileSync(join(directory, 'run.json'), JSON.stringify(all.reduce(jsonChanged, record)));
      else rmSync(join(directory, 'run.json'), { force: true });
      const store = openDiskRunStore(home);
      const listed = await outcomeOf(() => store.list());
      assert.equal(listed.refused, undefined, 'one damaged run hides the others');
      for (const look of [() => store.get(id), () => store.logs(id), () => store.get('no such run')]) {
        await outcomeOf<unknown>(look);
      }
    },
  ));
