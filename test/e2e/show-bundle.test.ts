import assert from 'node:assert/strict';
import { globSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

const NOT_COMPUTED = /^ {2}file +not computed over 64 MiB: same show FILE$/m;

async function done(rig: Rig, words: string[], home?: string): Promise<Ended> {
  const ended = await rig.same(words, home === undefined ? {} : { env: { SAME_HOME: rig.path(home) } });
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

describe('showing a bundle', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    const step = `run: 'echo "{\\"err\\": 3}" > "$SAME_OUT/said"'\noutputs: {said: {kind: metrics}}`;
    rig.write({ 'study/same.yaml': manifest(step, 'metrics: {err: {from: main.said, json: /err}}') });
    await done(rig, ['create', '-f', 'study']);
  });
  after(() => rig[Symbol.dispose]());

  it('says which runs travel along, each in a line while they are few', async () => {
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'none.tgz', '--history', 'none']);
    assert.match((await done(rig, ['show', './none.tgz'])).stdout, /^no runs travel along$/m);
    const ids: string[] = [];
    for (let count = 0; count < 2; count++)
      ids.unshift((await done(rig, ['run', 'study:1.0', '--json'])).json().id);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'two.tgz', '--history', 'all']);
    const { stdout } = await done(rig, ['show', './two.tgz'], 'elsewhere');
    const lines = stdout.trimEnd().split('\n').slice(-4);
    assert.equal(lines[0], '2 runs travel along, of 1 program');
    ids.forEach((id, at) => {
      assert.match(lines[at + 2]!, new RegExp(`^  ${id} +study:1\\.0 +succeeded .* err=3$`));
    });
    const { runs } = (await done(rig, ['show', './two.tgz', '--json'], 'elsewhere')).json();
    assert.deepEqual(
      runs,
      ids.map((id) => ({ id, status: 'succeeded', program: 'study:1.0', own: false })),
    );
  });

  it("says which of the runs that travel are one's own, by id and record", async () => {
    const { id } = (await done(rig, ['run', 'study:1.0', '--json'])).json();
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'own.tgz', '--history', id]);
    const shown = await done(rig, ['show', './own.tgz']);
    assert.match(shown.stdout, /^1 run travels along, of 1 program, 1 of them yours$/m);
    assert.doesNotMatch(shown.stdout, /not yours/);
    assert.equal((await done(rig, ['show', './own.tgz', '--json'])).json().runs[0].own, true);
    assert.match((await done(rig, ['show', './own.tgz'], 'elsewhere')).stdout, /succeeded \(not yours\)/);
    const record = globSync(`home/runs/*/*/${id}/run.json`, { cwd: rig.root })[0]!;
    const text = readFileSync(rig.path(record), 'utf8');
    writeFileSync(rig.path(record), text.replace('"value":3', '"value":2'));
    const other = await done(rig, ['show', './own.tgz']);
    writeFileSync(rig.path(record), text);
    assert.match(other.stdout, /succeeded \(not yours\)/);
    assert.match(
      other.stdout,
      new RegExp(`run ${id} is none of yours: your run of that id has another record`),
    );
  });

  it('tells the digest of a long file, which exporting it does not', async () => {
    rig.write({ 'long/same.yaml': manifest('run: "true"').replace('study', 'long'), 'long/zeros': '' });
    truncateSync(rig.path('long/zeros'), 65 * 2 ** 20);
    await done(rig, ['create', '-f', 'long']);
    assert.match((await done(rig, ['export', '-n', 'long:1.0'])).stderr, NOT_COMPUTED);
    const exported = await done(rig, ['export', '-n', 'long:1.0', '--json']);
    assert.equal(exported.json().digests.file, null);
    assert.match((await done(rig, ['show', 'long:1.0'])).stdout, NOT_COMPUTED);
    assert.equal((await done(rig, ['show', 'long:1.0', '--json'])).json().digests.file, null);
    assert.match((await done(rig, ['show', './long:1.0.tgz'])).stdout, /^ {2}file +sha256:[0-9a-f]{64}$/m);
  });
});

describe('a program named without the option for it', () => {
  it('is told the option', async () => {
    using rig = openRig();
    const { code, stderr } = await rig.same(['export', 'darts:1.0']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /try: same export -n darts:1\.0/);
  });
});
