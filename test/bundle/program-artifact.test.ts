import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { writeBundle } from '../../src/bundle/archive.ts';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import { type Limits, MEDIA } from '../../src/bundle/oci.ts';
import { openOrigin, originArtifact } from '../../src/bundle/origin-artifact.ts';
import { openProgram, packProgram } from '../../src/bundle/program-artifact.ts';
import { openRun, runArtifact } from '../../src/bundle/run-artifact.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { SameError } from '../../src/errors/same-error.ts';
import type { Program } from '../../src/program/schema.ts';
import {
  packSample,
  sampleFiles,
  sampleLock,
  sampleManifest,
  sampleRun,
  treeFile,
} from './sample-program.ts';

/** The identity of the sample, for good: a change here is a change of every program's digest. */
const SAMPLE = 'sha256:c62f097fb39802102a798150026fa113116eaa1bc508abdc27715f094d38ec88';

test('the sample program has the digest it always had', async () => {
  assert.equal((await packSample(openMemoryContentStore())).digest, SAMPLE);
});

test('the digest does not depend on file order, chunking, time zone, language or umask', async () => {
  const store = openMemoryContentStore();
  const slow = sampleFiles.map((file) => ({
    ...file,
    async *chunks() {
      for (const byte of await file.bytes()) yield Buffer.from([byte]);
    },
  }));
  assert.equal((await packSample(store, { files: sampleFiles.toReversed() })).digest, SAMPLE);
  assert.equal(
    (await packSample(store, { files: slow.filter(({ sizeBytes }) => sizeBytes < 1000) })).digest.length,
    71,
  );
  const script = `
    const { packSample } = await import(${JSON.stringify(new URL('./sample-program.ts', import.meta.url).href)});
    const { openMemoryContentStore } = await import(${JSON.stringify(new URL('../../src/content/memory-content-store.ts', import.meta.url).href)});
    console.log((await packSample(openMemoryContentStore())).digest);`;
  for (const [TZ, LANG, umask] of [
    ['Pacific/Kiritimati', 'tr_TR.UTF-8', '077'],
    ['America/Caracas', 'C', '000'],
  ]) {
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', `umask ${umask}; exec "$0" "$@"`, process.execPath, '--input-type=module', '-e', script],
      { env: { ...process.env, TZ, LANG, LC_ALL: LANG, NODE_NO_WARNINGS: '1' } },
    );
    assert.equal(String(stdout).trim(), SAMPLE, String(stderr));
  }
});

test('a packed program is a canonical OCI manifest with its layers in the fixed order', async () => {
  const store = openMemoryContentStore();
  const { digest, manifest, config, size } = await packSample(store);
  const bytes = await store.read(digest);
  assert.equal(bytes.length, size);
  assert.equal(bytes.toString(), canonicalJson(manifest));
  assert.deepEqual(
    manifest.layers.map(({ mediaType }) => mediaType),
    [MEDIA.manifest, MEDIA.lock, MEDIA.code, MEDIA.infrastructure],
  );
  assert.deepEqual(
    config.layers.map(({ path, kind }) => `${kind} ${path}`),
    ['manifest same.yaml', 'lock same.lock', 'code .', 'infrastructure .'],
  );
  assert.deepEqual(config.manifest, sampleManifest());
  assert.deepEqual(manifest.annotations, {
    'org.opencontainers.image.authors': 'A, B',
    'org.opencontainers.image.documentation': 'https://arxiv.org/abs/1303.5778v1',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.title': 'Speech – ünïcode',
    'org.opencontainers.image.version': '1.0',
  });
});

test('an opened program gives back what was packed', async () => {
  const store = openMemoryContentStore();
  const { digest } = await packSample(store);
  const artifact = await openProgram(digest, store);
  assert.deepEqual(artifact.program, sampleManifest() as unknown as Program);
  assert.deepEqual(artifact.lock, sampleLock);
  assert.deepEqual(JSON.parse(artifact.manifestBytes.toString()), sampleManifest());
  assert.deepEqual(
    (await artifact.codeEntries()).map(({ path, executable }) => (executable ? `${path}*` : path)),
    [
      'LICENSE',
      'README.md',
      'données/é.csv',
      'infra/aks-other/main.tf',
      'infra/aks/main.tf',
      'run.sh*',
      'train.py',
      'weights.bin',
    ],
  );
  assert.equal((await artifact.readCode('données/é.csv')).toString(), '1,2\n');
  await assert.rejects(artifact.readCode('same.yaml'), { code: 'SAME1305' });
  const streamed = [];
  for await (const { path, sizeBytes } of artifact.codeStream()) streamed.push(`${path} ${sizeBytes}`);
  assert.deepEqual(
    streamed,
    (await artifact.codeEntries()).map(({ path, sizeBytes }) => `${path} ${sizeBytes}`),
  );
});

test('a layer too large for memory is read by streaming', async () => {
  const store = openMemoryContentStore();
  const big = treeFile('big.bin', Buffer.alloc(65 * 2 ** 20, 'big'));
  const artifact = await packSample(store, { files: [big, ...sampleFiles] });
  assert.equal((await artifact.codeEntries()).length, 9);
  assert.equal((await artifact.readCode('train.py')).toString(), 'print("train")\n');
  assert.ok((await artifact.readCode('big.bin')).equals(await big.bytes()));
});

test('every path that cannot be packed is named, all at once', async () => {
  const paths = [
    'ok',
    '../up',
    '/abs',
    'a\\b',
    'aux.py',
    'e\u0301',
    'Case',
    'case',
    'f',
    'f/g',
    'line\nbreak',
  ];
  await assert.rejects(
    packSample(openMemoryContentStore(), { files: paths.map((path) => treeFile(path, '')) }),
    (error) => {
      assert.ok(error instanceof SameError);
      assert.ok(error.findings.every(({ code, hint }) => code === 'SAME1210' && hint));
      assert.deepEqual(error.findings.map(({ place }) => place).sort(), [
        '../up',
        '/abs',
        'a\\\\b',
        'aux.py',
        'case',
        'e\u0301',
        'f/g',
        'line\\nbreak',
      ]);
      return true;
    },
  );
});

test('what is over a limit of readers is not packed, unless the limit is raised', async () => {
  const long = `${'d/'.repeat(70)}f`;
  const files = ['a', 'b', long, `${Array(6).fill('e'.repeat(200)).join('/')}/f`].map((path) =>
    treeFile(path, 'xy'),
  );
  const pack = (limits: Partial<Limits> = {}) => {
    const value = sampleManifest();
    const manifestBytes = Buffer.from(JSON.stringify(value));
    const parts = { manifestBytes, manifestValue: value, program: value as unknown as Program, files };
    return packProgram(parts, openMemoryContentStore(), { limits });
  };
  const messages = (pattern: RegExp[]) => (error: unknown) => {
    assert.ok(error instanceof SameError);
    assert.ok(error.findings.every(({ code, hint }) => code === 'SAME1304' && hint?.includes('--limit')));
    assert.equal(error.findings.length, pattern.length);
    for (const one of pattern)
      assert.ok(
        error.findings.some(({ message }) => one.test(message)),
        String(one),
      );
    return true;
  };
  await assert.rejects(pack(), messages([/longer than 1024 bytes/, /more than 64 segments/]));
  await assert.rejects(
    pack({ pathSegments: 71, pathBytes: 2000, entries: 3, unpackedBytes: 7 }),
    messages([/4 files are over the limit of 3/, /8 bytes of files are over the limit of 7/]),
  );
  const made = await pack({ pathSegments: 71, pathBytes: 2000 });
  assert.deepEqual((await made.codeEntries()).map(({ path }) => path).includes(long), true);
});

test('what is no program is not opened as one', async () => {
  const store = openMemoryContentStore();
  const program = await packSample(store);
  const origin = await originArtifact({ kind: 'git', repository: 'https://example.org/r' }, program, store);
  await assert.rejects(openProgram(origin.digest, store), { code: 'SAME1302' });
  await assert.rejects(openProgram(program.codeDigest, store), { code: 'SAME1302' });
  await assert.rejects(openProgram(`sha256:${'0'.repeat(64)}`, store), { code: 'SAME1305' });
  const later = { ...program.manifest, artifactType: 'application/vnd.same.program.v2+json' };
  const { digest } = await store.write(Buffer.from(canonicalJson(later)));
  await assert.rejects(openProgram(digest, store), { code: 'SAME1307' });
});

test('runs and origins refer to their program and come back', async () => {
  const store = openMemoryContentStore();
  const program = await packSample(store);
  const record = sampleRun(program, '0190a000-0000-7000-8000-000000000001');
  const run = await runArtifact(record, program, store);
  const opened = await openRun(run.digest, store);
  assert.deepEqual(opened.record, record);
  assert.equal(opened.subject.digest, program.digest);
  const manifest = JSON.parse((await store.read(run.digest)).toString());
  assert.deepEqual(manifest.annotations, {
    'dev.same.run.id': record.id,
    'dev.same.run.metrics': 'train.per=17.7',
    'dev.same.run.status': 'succeeded',
  });
  const origin = {
    kind: 'git',
    repository: 'https://example.org/r',
    revision: 'a'.repeat(40),
    dirty: false,
  } as const;
  const stored = await originArtifact(origin, program, store);
  assert.deepEqual(await openOrigin(stored.digest, store), origin);
  await assert.rejects(openOrigin(run.digest, store), { code: 'SAME1302' });
  await assert.rejects(openRun(stored.digest, store), { code: 'SAME1302' });
});

test('metrics in annotations stay within 512 bytes', async () => {
  const store = openMemoryContentStore();
  const program = await packSample(store);
  const metrics = Array.from({ length: 200 }, (_, i) => ({ name: `metric${i}`, step: 'train', value: i }));
  const { digest } = await runArtifact({ ...sampleRun(program, 'r'), metrics }, program, store);
  const { annotations } = JSON.parse((await store.read(digest)).toString());
  assert.ok(annotations['dev.same.run.metrics'].length <= 512);
  assert.match(annotations['dev.same.run.metrics'], /^train\.metric0=0 train\.metric1=1 /);
});

test('a run of another program is not stored under this one', async () => {
  const store = openMemoryContentStore();
  const [one, two] = [await packSample(store), await packSample(store, { version: '2.0' })];
  await assert.rejects(runArtifact(sampleRun(one, 'r'), two, store), { code: 'SAME7001' });
});

test('what limits were raised to let in is opened, and packed and written only with the same limits', async () => {
  const store = openMemoryContentStore();
  const value = sampleManifest('1.0', { metadata: { 'x-long': 'x'.repeat(4 * 2 ** 20) } });
  const parts = {
    manifestBytes: Buffer.from(JSON.stringify(value)),
    manifestValue: value,
    program: value as unknown as Program,
    files: sampleFiles,
  };
  const pack = (limits: Partial<Limits>) => packProgram(parts, store, { limits });
  const over = (limit: string) => (error: unknown) =>
    error instanceof SameError &&
    error.code === 'SAME1304' &&
    error.findings[0]!.hint!.includes(`--limit ${limit}=`);
  await assert.rejects(pack({}), over('yaml'));
  await assert.rejects(pack({ yamlBytes: 8 * 2 ** 20 }), over('json'));
  const limits = { yamlBytes: 8 * 2 ** 20, jsonBytes: 8 * 2 ** 20 };
  const packed = await pack(limits);
  assert.equal((await openProgram(packed.digest, store)).manifestBytes.length, parts.manifestBytes.length);
  const record = sampleRun(packed, 'run-1');
  record.display = 'y'.repeat(5 * 2 ** 20);
  const run = await runArtifact(record, packed, store);
  assert.equal((await openRun(run.digest, store)).record.id, record.id);
  const write = async (given: Partial<Limits>) => {
    const contents = { program: packed.digest, referrers: [run.digest], limits: given };
    for await (const _ of writeBundle(contents, store, { gzip: false }));
  };
  await assert.rejects(write({ ...limits, yamlBytes: 2 ** 20 }), over('yaml'));
  await assert.rejects(write({ ...limits, jsonBytes: 5 * 2 ** 20 }), over('json'));
  await write(limits);
});
