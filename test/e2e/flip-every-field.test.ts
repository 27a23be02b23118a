import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  base,
  type Case,
  cases,
  descriptions,
  fields,
  files,
  type Json,
  type Manifest,
} from './field-case.ts';
import './field-cases.ts';
import './step-field-cases.ts';
import { openRig, type Rig } from './rig.ts';

// A field of the manifest that changes nothing a user can see is a field that is ignored. Every field of the published
// schema has a case here: the base manifest with that field changed must give another plan, another record, another
// page of `show`, or an error. A field that is new in the schema fails the first test until it has a case.

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
