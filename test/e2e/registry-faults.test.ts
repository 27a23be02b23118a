import assert from 'node:assert/strict';
import { globSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { digestOf } from '../components/fault-content.ts';
import type { Gate } from '../components/fault-logins.ts';
import { answers, cutAnswer, cutRequest, on, otherBytes } from '../components/faults.ts';
import { BLOBS, big, held, type Lab, openLab, study } from './fault-lab.ts';
import { assertRefused, listing } from './refusal.ts';
import type { Ended } from './rig.ts';

const TAG = /\/manifests\/1\.0$/;

/** Everything is there under the digest of its bytes, and the tag leads to the program. */
function assertWhole({ stored }: Lab): void {
  const { blobs, manifests, tags } = stored();
  for (const [digest, bytes] of blobs) assert.equal(digestOf(bytes), digest);
  const [program, ...others] = [...tags.values()];
  assert.equal(others.length, 0);
  for (const { parsed } of manifests.values()) {
    for (const blob of [parsed.config!, ...parsed.layers!])
      assert.equal(blobs.get(blob.digest)?.length, blob.size);
    if (parsed.subject) assert.equal(parsed.subject.digest, program);
  }
  assert.equal(manifests.size, 3, 'a program, a run, an origin');
}

async function succeeded(ended: Promise<Ended>): Promise<Ended> {
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return ended;
}

/** Starts a command, waits for a fact, and kills it. */
async function killed(
  lab: Lab,
  words: string[],
  home: string,
  what: string,
  fact: () => boolean,
): Promise<void> {
  const { child, ended } = lab.rig.start([...words, '--plain-http'], { env: { SAME_HOME: home } });
  await until(what, fact);
  child.kill('SIGKILL');
  assert.equal((await ended).signal, 'SIGKILL');
}

describe('a push', () => {
  it('whose connection is cut in the middle gets everything there by itself', async () => {
    await using lab = await openLab();
    lab.registry.script(on('PUT', /\/blobs\/uploads\//, cutRequest(1000)));
    await succeeded(lab.same(['push', 'study:1.0', lab.place]));
    assertWhole(lab);
    assert.equal(lab.registry.faults.length, 0);
  });

  it('that is killed leaves no tag, and the next one sends what lacks and nothing else', async () => {
    await using lab = await openLab();
    const { registry, rig } = lab;
    registry.script(on('PUT', TAG, held));
    const words = ['push', 'study:1.0', lab.place];
    await killed(
      lab,
      words,
      rig.home,
      'the tag is to be written',
      () => registry.asked('PUT', TAG).length > 0,
    );
    assert.equal(lab.stored().tags.size, 0);
    const before = registry.log.length;
    await succeeded(lab.same(words));
    assertWhole(lab);
    const sent = registry.log.slice(before).filter(({ body }) => body.length > 0);
    assert.deepEqual(
      sent.map(({ method, path }) => `${method} ${path}`),
      ['PUT /v2/lab/study/manifests/1.0'],
    );
  });

  it('that is killed while it sends a large file begins that file again, and only that', async () => {
    await using lab = await openLab();
    const { registry, rig } = lab;
    registry.script(on('PUT', TAG, answers(400)));
    const words = ['push', 'study:1.0', lab.place];
    assert.equal((await lab.same(words)).code, 6);
    const [layer, bytes] = [lab.layer(), lab.stored().blobs.get(lab.layer())!];
    lab.stored().blobs.delete(layer);
    lab.stored().manifests.clear();
    const upload = new RegExp(`uploads/.*${layer.slice('sha256:'.length)}`);
    registry.script(on('PUT', upload, held));
    await killed(lab, words, rig.home, 'the file is sent', () => registry.asked('PUT', upload).length > 1);
    assert.equal(lab.stored().blobs.has(layer), false);
    const before = registry.log.length;
    await succeeded(lab.same(words));
    assertWhole(lab);
    const blobs = registry.log
      .slice(before)
      .filter(({ path, body }) => /uploads/.test(path) && body.length > 0);
    assert.deepEqual(
      blobs.map(({ body }) => body.length),
      [bytes.length],
    );
  });

  for (const [what, misdeed] of [
    ['sends', held],
    ['waits as it is told to', answers(429, { 'retry-after': '60' })],
  ] as const) {
    it(`that is interrupted while it ${what} ends at once with 130 and leaves no tag`, async () => {
      await using lab = await openLab();
      const { registry, rig } = lab;
      registry.script(on('PUT', /\/blobs\/uploads\//, misdeed, { times: 99 }));
      const { child, ended } = rig.start(['push', 'study:1.0', lab.place, '--plain-http']);
      await until('a blob is sent', () => registry.asked('PUT').length > 0);
      const before = performance.now();
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      assert.equal(code, 130, stderr);
      assert.match(stderr, /^SAME1903 .*the same command again goes on: what is there whole/m);
      assert.ok(performance.now() - before < 5_000);
      assert.equal(lab.stored().tags.size, 0);
    });
  }

  it('does not move a tag that somebody else writes at the same time', async () => {
    await using lab = await openLab();
    const { registry, rig } = lab;
    const theirs = registry.content.manifest('lab/study', { their: 'own' }).digest;
    // Seen by whoever looks again before writing.
    registry.script(on('POST', /uploads/, { before: () => void lab.stored().tags.set('1.0', theirs) }));
    await assertRefused(rig, ['push', 'study:1.0', lab.place, '--plain-http'], {
      code: 'SAME1804',
      exit: 4,
      message: theirs,
      hint: '--force',
    });
    assert.equal(lab.stored().tags.get('1.0'), theirs);
  });
});

describe('a pull', () => {
  async function pushed(gate?: Gate): Promise<Lab> {
    const lab = await openLab(gate);
    await succeeded(lab.same(['push', 'study:1.0', lab.place]));
    lab.registry.log.length = 0;
    return lab;
  }

  it('that is killed in the middle of a large file goes on there, and gets what was pushed', async () => {
    await using lab = await pushed();
    const { registry, rig } = lab;
    const layer = new RegExp(`/blobs/${lab.layer()}$`);
    const home = rig.path('reader');
    registry.script(on('GET', layer, { send: { stallAfterBytes: 6 * 2 ** 20 } }));
    const kept = () =>
      globSync('cache/downloads/*', { cwd: home }).map((name) => statSync(join(home, name)).size);
    const words = ['pull', lab.place];
    await killed(lab, words, home, 'a part came', () => kept().some((size) => size >= 5 * 2 ** 20));
    assert.match(
      (await rig.same(['list', 'programs', '--json'], { env: { SAME_HOME: home } })).stdout,
      /"items": ?\[\]/,
    );
    const [part] = kept();
    await succeeded(lab.same(words, { env: { SAME_HOME: home } }));
    const asked = registry.asked('GET', layer);
    assert.equal(asked.length, 2);
    assert.equal(asked[1]!.headers.range?.split('-')[0], `bytes=${part}`);
    assert.deepEqual(kept(), []);
    const verified = await rig.same(['verify', 'integrity', 'study:1.0'], { env: { SAME_HOME: home } });
    assert.equal(verified.code, 0, verified.stderr);
    await succeeded(rig.same(['unpack', 'study:1.0', '-o', rig.path('out')], { env: { SAME_HOME: home } }));
    assert.ok(readFileSync(rig.path('out/big.bin')).equals(big));
  });

  it('goes on after cuts, and gets every byte once', async () => {
    await using lab = await pushed();
    const layer = new RegExp(`/blobs/${lab.layer()}$`);
    lab.registry.script(on('GET', layer, cutAnswer(3 * 2 ** 20)), on('GET', layer, cutAnswer(4 * 2 ** 20)));
    await succeeded(lab.same(['pull', lab.place], { env: { SAME_HOME: lab.rig.path('reader') } }));
    const sent = lab.registry.asked('GET', layer).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    assert.equal(sent, lab.stored().blobs.get(lab.layer())!.length);
  });

  it('by three at once into one home is done by all, with cuts in between, and leaves nothing over', async () => {
    await using lab = await pushed();
    const { registry, rig } = lab;
    const layer = new RegExp(`/blobs/${lab.layer()}$`);
    registry.script(on('GET', layer, cutAnswer(5_000_000)), on('GET', layer, cutAnswer(2_000_000)));
    const env = { SAME_HOME: rig.path('reader') };
    await Promise.all([1, 2, 3].map(() => succeeded(lab.same(['pull', lab.place], { env }))));
    await succeeded(rig.same(['verify', 'integrity', 'study:1.0'], { env }));
    assert.deepEqual(globSync('reader/cache/downloads/*', { cwd: rig.root }), []);
  });

  it('of a file with other bytes leaves a home as it was, and names registry, digest and what to do', async () => {
    await using lab = await pushed();
    const { registry, rig, place } = lab;
    renameSync(rig.home, rig.path('author'));
    rig.write({ 'other/same.yaml': study.replace('name: study', 'name: other') });
    assert.equal((await rig.same(['create', '-f', 'other'])).code, 0);
    registry.script(on('GET', new RegExp(`/blobs/${lab.layer()}$`), otherBytes(), { times: 9 }));
    await assertRefused(rig, ['pull', place, '--plain-http'], {
      code: 'SAME1301',
      exit: 7,
      message: new RegExp(`reading from oci://${registry.host}/lab/study.*${lab.layer()}`),
      hint: /another registry/,
    });
  });

  it('that is interrupted ends at once with 130 and leaves a home as it was', async () => {
    await using lab = await pushed();
    const { registry, rig } = lab;
    registry.script(on('GET', BLOBS, { send: 'never' }, { times: 99 }));
    const home = rig.path('reader');
    const { child, ended } = rig.start(['pull', lab.place, '--plain-http'], { env: { SAME_HOME: home } });
    await until('a blob is asked for', () => registry.asked('GET', BLOBS).length > 0);
    const before = performance.now();
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^SAME1903 .*the same command again goes on: what came of long files/m);
    assert.ok(performance.now() - before < 5_000);
    assert.deepEqual(listing(home), []);
  });
});
