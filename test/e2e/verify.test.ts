import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { canonicalBytes, sha256 } from '../../src/bundle/canonical-json.ts';
import type { Finding } from '../../src/errors/same-error.ts';
import { openMounts, unavailable } from './mounts.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

async function works(rig: Rig, words: string[]): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

/** Every finding of verify, as `CODE CLAUSE`, sorted; the command has ended as it must. */
async function findingsOf(rig: Rig, words: string[], options = {}): Promise<(Finding & { said: string })[]> {
  const ended = await rig.same(['verify', 'integrity', ...words, '--json'], options);
  const { kind, findings, digests } = ended.json();
  assert.equal(kind, 'Verified', ended.stdout);
  assert.equal(ended.code, findings.length > 0 ? 7 : 0, ended.stderr);
  if (findings.length > 0) assert.equal(digests, null);
  for (const { code, message, place, clause } of findings) {
    assert.match(code, /^SAME1[0-9]{3}$/);
    assert.match(clause, /^SAME-[A-Z]{3}-[0-9]{3}$/, message);
    assert.ok(place, message);
  }
  return findings.map((finding: Finding) => ({ ...finding, said: `${finding.code} ${finding.clause}` }));
}

const said = (findings: { said: string }[]): string[] => findings.map((finding) => finding.said).sort();

function flip(path: string): void {
  const bytes = fs.readFileSync(path);
  bytes[0]! ^= 1;
  fs.chmodSync(path, 0o644);
  fs.writeFileSync(path, bytes);
}

const study = manifest(
  `run: 'echo hello > "$SAME_OUT/said"'\noutputs: {said: {}}`,
  'infrastructure: {targets: [{name: cloud, kind: kubernetes, path: infra}]}',
);

describe('verify integrity of a bundle', () => {
  let rig: Rig;
  let copies = 0;
  /** A copy of the bundle as a directory, to be damaged. */
  const bundle = (): {
    at: string;
    blob(digest: string): string;
    index(): { manifests: { digest: string; size: number }[] };
  } => {
    const at = rig.path(`bundle-${copies++}`);
    fs.cpSync(rig.path('study.oci'), at, { recursive: true });
    return {
      at,
      blob: (digest) => join(at, 'blobs/sha256', digest.slice(7)),
      index: () => JSON.parse(fs.readFileSync(join(at, 'index.json'), 'utf8')),
    };
  };
  const verify = (at: string) => findingsOf(rig, [at]);

  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study, 'study/infra/main.tf': 'x {}\n', 'study/README.md': '# Study\n' });
    await works(rig, ['create', '-f', 'study']);
    await works(rig, ['run', 'study']);
    for (const [form, file] of [
      ['tgz', 'study.tgz'],
      ['oci-tar', 'study.tar'],
      ['oci-dir', 'study.oci'],
    ] as const)
      await works(rig, ['export', '-n', 'study:1.0', '--format', form, '-o', file]);
  });
  after(() => rig[Symbol.dispose]());

  it('finds nothing wrong with a whole one, in any form, and tells its digests', async () => {
    const all = [];
    for (const file of ['study.tgz', 'study.tar', './study.oci']) {
      const { digests, findings } = (await works(rig, ['verify', 'integrity', file, '--json'])).json();
      assert.deepEqual(findings, []);
      const { program, index, archive } = digests;
      all.push({ program, index, archive });
      if (file !== './study.oci') assert.equal(digests.file, sha256(fs.readFileSync(rig.path(file))));
    }
    assert.deepEqual(all[1], all[0]);
    assert.deepEqual(all[2], all[0]);
    assert.equal(all[0]!.archive, sha256(fs.readFileSync(rig.path('study.tar'))));
    const text = await works(rig, ['verify', 'integrity', 'study.tgz']);
    assert.equal(text.stdout, 'study.tgz is whole\n');
  });

  it('reports two damaged blobs as two findings', async () => {
    const { at, blob, index } = bundle();
    const program = JSON.parse(fs.readFileSync(blob(index().manifests[0]!.digest), 'utf8'));
    const record = JSON.parse(fs.readFileSync(blob(index().manifests[1]!.digest), 'utf8')).layers[0];
    const damaged = [program.layers[1].digest, record.digest].map(blob);
    for (const path of damaged) flip(path);
    const findings = await verify(at);
    assert.deepEqual(said(findings), ['SAME1301 SAME-BND-031', 'SAME1301 SAME-BND-031']);
    assert.deepEqual(findings.map(({ place }) => join(at, place!)).sort(), damaged.sort());
    const { stderr, code } = await rig.same(['verify', 'integrity', at]);
    assert.equal(code, 7);
    assert.equal(stderr.match(/^SAME1301 .*\[SAME-BND-031\]/gm)?.length, 2, stderr);
  });

  it('reports a wrong root copy and a lying annotation as two findings', async () => {
    const { at, blob, index } = bundle();
    fs.writeFileSync(join(at, 'README.md'), '# Another\n');
    const { manifests, ...rest } = index();
    const run = JSON.parse(fs.readFileSync(blob(manifests[1]!.digest), 'utf8'));
    run.annotations['dev.same.run.status'] = 'failed';
    const bytes = canonicalBytes(run);
    fs.rmSync(blob(manifests[1]!.digest));
    manifests[1] = { ...manifests[1]!, digest: sha256(bytes), size: bytes.length };
    fs.writeFileSync(blob(sha256(bytes)), bytes);
    fs.writeFileSync(join(at, 'index.json'), canonicalBytes({ ...rest, manifests }));
    assert.deepEqual(said(await verify(at)), ['SAME1302 SAME-BND-022', 'SAME1302 SAME-BND-040']);
  });

  it('reports what is missing and what belongs to nothing', async () => {
    const { at, blob, index } = bundle();
    const { layers } = JSON.parse(fs.readFileSync(blob(index().manifests[0]!.digest), 'utf8'));
    fs.rmSync(blob(layers.at(-1).digest));
    fs.writeFileSync(blob(sha256('stray')), 'stray');
    fs.rmSync(join(at, 'REPRODUCING.md'));
    assert.deepEqual(said(await verify(at)), [
      'SAME1302 SAME-BND-019',
      'SAME1302 SAME-BND-022',
      'SAME1302 SAME-BND-032',
    ]);
  });

  it('does not look for what a damaged manifest names, but hashes what is there', async () => {
    const { at, blob, index } = bundle();
    const { layers } = JSON.parse(fs.readFileSync(blob(index().manifests[0]!.digest), 'utf8'));
    flip(blob(index().manifests[0]!.digest));
    flip(blob(layers[1].digest));
    assert.deepEqual(said(await verify(at)), ['SAME1301 SAME-BND-031', 'SAME1301 SAME-BND-031']);
  });

  it('reports links, devices of confusion and executables of a directory', async () => {
    const { at, blob, index } = bundle();
    fs.symlinkSync('/etc/passwd', join(at, 'blobs/link'));
    fs.chmodSync(blob(index().manifests[0]!.digest), 0o755);
    assert.deepEqual(said(await verify(at)), ['SAME1302 SAME-BND-019', 'SAME1303 SAME-BND-044']);
  });

  it('reports a bundle that is cut short once, and one that is none', async () => {
    const whole = fs.readFileSync(rig.path('study.tar'));
    rig.write({ 'cut.tar': whole.subarray(0, -1536), 'text.tgz': 'no bundle' });
    assert.deepEqual(said(await verify('cut.tar')), ['SAME1302 SAME-BND-024']);
    assert.deepEqual(said(await verify('text.tgz')), ['SAME1306 SAME-BND-036']);
  });

  it('says what is not there, and which limits there are', async () => {
    assert.equal((await rig.same(['verify', 'integrity', './none.tgz'])).code, 3);
    assert.equal((await rig.same(['verify', 'integrity', 'none:1.0'])).code, 3);
    const { code, stderr } = await rig.same([
      ...['verify', 'integrity', 'study.tgz'],
      ...['--limit', 'entrys=5', '--limit', 'entries=many', '--limit', 'json'],
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no limit "entrys" — did you mean entries\?/);
    assert.match(stderr, /limits: unpacked, ratio, entries, path, depth, pax, json, yaml/);
    assert.equal(stderr.match(/^SAME1902 /gm)?.length, 3);
  });

  it('holds what is stored to no limits: they were raised to let it in', async () => {
    using other = openRig();
    const path = `${'d/'.repeat(70)}f`;
    other.write({ 'study/same.yaml': manifest('run: echo'), [`study/${path}`]: 'deep' });
    await works(other, ['create', '-f', 'study', '--limit', 'depth=80']);
    await works(other, ['verify', 'integrity']);
    await works(other, ['verify', 'integrity', 'study:1.0']);
    const { digests } = (await works(other, ['show', 'study:1.0', '--json'])).json();
    const raised = ['export', '-n', 'study:1.0', '-o', 'study.tgz', '--json', '--limit', 'depth=80'];
    assert.deepEqual((await works(other, raised)).json().digests, digests);
    const over = await other.same(['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    assert.match(over.stderr, /^SAME1304 .*--limit depth=VALUE/, 'what is there is a bundle all the same');
  });

  it('holds a bundle to the limits that the user gives, in every command that reads one', async () => {
    for (const words of [['import'], ['show'], ['verify', 'integrity'], ['unpack'], ['create', '-f']]) {
      const ended = await rig.same([...words, './study.tgz', '--limit', 'entries=3']);
      assert.equal(ended.code, 7, ended.stderr);
      assert.match(ended.stderr, /^SAME1304 .*--limit entries=VALUE/);
    }
    await works(rig, [
      'verify',
      'integrity',
      'study.tgz',
      '--limit',
      'entries=300',
      '--limit',
      'unpacked=20Gi',
    ]);
  });
});

describe('verify integrity of a home', () => {
  let rig: Rig;
  const blobs = () => join(rig.home, 'content/blobs/sha256');
  const state = (): string[] =>
    fs
      .readdirSync(rig.home, { recursive: true, encoding: 'utf8' })
      .filter((path) => !/^(cache|work)/.test(path))
      .map((path) => `${path} ${fs.statSync(join(rig.home, path)).mtimeMs}`)
      .sort();

  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study, 'study/infra/main.tf': 'x {}\n' });
    await works(rig, ['create', '-f', 'study']);
    await works(rig, ['run', 'study']);
    await works(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
  });
  after(() => rig[Symbol.dispose]());

  it('finds nothing wrong with a whole one, and changes nothing', async () => {
    const before = state();
    assert.deepEqual(await findingsOf(rig, []), []);
    assert.deepEqual(await findingsOf(rig, ['study:1.0']), []);
    assert.deepEqual(state(), before);
  });

  it('reports a damaged blob, one that is gone, a broken pin and a broken record, and moves nothing', async () => {
    const { digest } = (await works(rig, ['show', 'study', '--json'])).json().digests
      ? { digest: (await works(rig, ['show', 'study', '--json'])).json().digests.program }
      : assert.fail();
    const { layers } = JSON.parse(fs.readFileSync(join(blobs(), digest.slice(7)), 'utf8'));
    flip(join(blobs(), layers[0].digest.slice(7)));
    fs.rmSync(join(blobs(), layers[1].digest.slice(7)));
    rig.write({ 'home/content/refs/other/1.0': '{}' });
    const runs = fs.readdirSync(join(rig.home, 'runs'), { recursive: true, encoding: 'utf8' });
    const record = join(rig.home, 'runs', runs.find((path) => path.endsWith('run.json'))!);
    fs.chmodSync(record, 0o644);
    fs.writeFileSync(record, '{');
    const before = state();
    const codes = (await findingsOf(rig, [])).map(({ code }) => code).sort();
    assert.deepEqual(codes, ['SAME1301', 'SAME1302', 'SAME1302', 'SAME1612']);
    assert.deepEqual(state(), before);
    const own = (await findingsOf(rig, ['study:1.0'])).map(({ code }) => code).sort();
    assert.deepEqual(own, ['SAME1301', 'SAME1302']);
  });

  it('reports what is gone of what a run wrote, below directories too', async () => {
    using other = openRig();
    const step = 'run: mkdir {{outputs.d}} && echo one > {{outputs.d}}/x && echo two > {{outputs.f}}';
    other.write({ 'study/same.yaml': manifest(`${step}\noutputs: {d: {}, f: {}}`) });
    await works(other, ['create', '-f', 'study']);
    await works(other, ['run', 'study']);
    assert.deepEqual(await findingsOf(other, []), []);
    for (const text of ['one\n', 'two\n'])
      fs.rmSync(join(other.home, 'content/blobs/sha256', sha256(Buffer.from(text)).slice(7)));
    assert.deepEqual(said(await findingsOf(other, [])), ['SAME1305 SAME-RUN-004', 'SAME1305 SAME-RUN-004']);
  });

  it('works where the home cannot be written', { skip: process.env.CI ? false : unavailable() }, async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': study, 'study/infra/main.tf': 'x {}\n' });
    await works(other, ['create', '-f', 'study']);
    await works(other, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    using mounts = await openMounts(other.root);
    mounts.shell(`mount --bind ${other.home} ${other.home} && mount -o remount,ro,bind ${other.home}`);
    for (const words of [[], ['study:1.0'], ['study.tgz']])
      assert.deepEqual(await findingsOf(other, words, { under: mounts.under }), []);
    const unpacked = await other.same(['unpack', 'study.tgz', '-o', 'tree'], { under: mounts.under });
    assert.equal(unpacked.code, 0, unpacked.stderr);
  });
});
