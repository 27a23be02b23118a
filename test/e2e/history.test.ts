import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { writeBundle } from '../../src/bundle/archive.ts';
import { listTar } from '../../src/bundle/canonical-tar.ts';
import { openProgram } from '../../src/bundle/program-artifact.ts';
import { runArtifact } from '../../src/bundle/run-artifact.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openStagedContentStore } from '../../src/content/staged-content-store.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig, type RunOptions } from './rig.ts';

const study = manifest(
  'run: echo "{\\"score\\":$SAME_PARAM_N}" > metrics.json',
  'parameters:\n  n: {type: integer, default: 1}',
);

describe('a name and version that is taken', () => {
  test('is not given to another commit, and stays with the same one', async () => {
    using rig = openRig();
    await created(rig);
    await done(rig, ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=2']);
    const before = (await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program;
    const [finding] = await assertRefused(
      rig,
      ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=3'],
      { code: 'SAME1206', exit: 4, message: before, hint: 'same delete study:1.1' },
    );
    assert.match(finding!.message, /^study:1\.1 is pinned to sha256:.*, not to sha256:/);
    await done(rig, ['commit', 'program', 'study:1.0', '--as', '1.1', '--set', 'n=2']);
    assert.equal((await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program, before);
  });

  test('is not taken over by an import', async () => {
    using rig = openRig();
    const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
    await created(rig, study.replace('default: 1', 'default: 7'), elsewhere);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'theirs.tgz'], elsewhere);
    await created(rig);
    await assertRefused(rig, ['import', 'theirs.tgz'], { code: 'SAME1206', exit: 4 });
  });

  test('goes to one of two commits at once', async () => {
    using rig = openRig();
    await created(rig);
    const both = await Promise.all(
      [2, 3].map((n) =>
        rig.same(['commit', 'program', 'study:1.0', '--as', '1.1', '--set', `n=${n}`, '--json']),
      ),
    );
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 4]);
    const winner = both.find(({ code }) => code === 0)!.json().digest;
    assert.equal((await done(rig, ['show', 'study:1.1', '--json'])).json().digests.program, winner);
  });
});

describe('derivedFrom that someone wrote by hand', () => {
  test('takes no other program along in an export', async () => {
    using rig = openRig();
    await created(rig, study.replace('name: study', 'name: secret'));
    await done(rig, ['run', 'secret:1.0']);
    const { digest } = (await done(rig, ['list', 'programs', '--json'])).json().items[0];
    for (const [from, file] of [
      ['name: secret, version: "1.0"', 'by-its-name.tgz'],
      ['name: study, version: "1.0"', 'by-our-name.tgz'],
    ]) {
      const claim = `metadata: {name: study, derivedFrom: {${from}, digest: "${digest}"},`;
      await created(rig, study.replace('metadata: {name: study,', claim));
      const exported = (
        await done(rig, ['export', '-n', 'study:1.0', '-o', file!, '--json', '--history', 'all'])
      ).json();
      assert.deepEqual(exported.runs, []);
      assert.ok(!listOf(rig.path(file!)).includes(`blobs/sha256/${digest.slice(7)}`));
      await done(rig, ['delete', 'study:1.0']);
    }
  });
});

describe('an export onto a file that is there', () => {
  test('that is something else is refused before anything is committed', async () => {
    using rig = openRig();
    await created(rig);
    await done(rig, ['run', 'study:1.0', '--n=2']);
    await done(rig, ['show', 'study:1.0']);
    rig.write({ 'notes.txt': 'mine\n' });
    await assertRefused(rig, ['export', '-n', 'study:1.1', '-o', 'notes.txt'], { code: 'SAME1403', exit: 4 });
    await assertRefused(rig, ['export', '-n', 'study:1.1', '-o', 'notes.txt/study.tgz'], {
      code: 'SAME1404',
      exit: 5,
    });
    assert.deepEqual(await versions(rig), ['1.0']);
  });

  test('says which runs stored here it leaves out, and is refused where they are nowhere else', async () => {
    using rig = openRig();
    await created(rig);
    const [first, second] = [await ran(rig, 2), await ran(rig, 3)];
    const all = ['export', '-n', 'study:1.0', '-o', 'study.tgz', '--json'];
    assert.deepEqual((await done(rig, [...all, '--history', 'all'])).json().left, []);
    const before = readFileSync(rig.path('study.tgz'));
    await done(rig, ['delete', 'run', first]);
    await assertRefused(rig, all.slice(0, -1), {
      code: 'SAME1403',
      exit: 4,
      message: `holds runs that are not stored here: ${first}`,
      hint: 'same import study.tgz',
    });
    assert.ok(readFileSync(rig.path('study.tgz')).equals(before));
    await done(rig, ['import', 'study.tgz']);
    const exported = await done(rig, all);
    assert.deepEqual(exported.json().runs, [second]);
    assert.deepEqual(exported.json().left, [first]);
    await done(rig, [...all, '--history', 'all']);
    const told = await done(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    assert.match(told.stderr, new RegExp(`leaves out, still stored here: ${first} .*--history all`));
  });
});

describe('runs chosen by their ids', () => {
  test('travel along whatever their final status, of ancestors too, named as elsewhere', async () => {
    using rig = openRig();
    await created(rig, study.replace('run: echo', 'run: test $SAME_PARAM_N -ne 13 && echo'));
    const first = await ran(rig, 2);
    const failed = (await rig.same(['run', 'study:1.0', '--n=13', '--json'])).json();
    assert.equal(failed.status, 'failed');
    await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=3']);
    const second = await ran(rig, 3, 'study:1.1');
    const chosen = async (...words: string[]) =>
      (await done(rig, ['export', '-n', 'study:1.1', '-o', 'x.tgz', '--force', '--json', ...words])).json();
    assert.deepEqual((await chosen('--history', failed.id)).runs, [failed.id]);
    const parts = `${second}, ${first.slice(0, -1)},${failed.id.slice(-12)},${first}`;
    const several = await chosen(`--history=${parts}`);
    assert.deepEqual(several.runs, [second, first, failed.id]);
    assert.deepEqual(several.history, [second, first, failed.id]);
    const { stderr } = await done(rig, ['export', '-n', 'study:1.1', '-o', 'y.tgz', '--history', failed.id]);
    assert.match(stderr, new RegExp(`1 run inside .--history ${failed.id}.`));

    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'x.tgz'], reader);
    const listed = (await done(rig, ['list', 'runs', '--json'], reader)).json().items;
    assert.deepEqual(
      listed.map(({ id, status }: RunRecord) => [id, status]).sort(),
      [
        [first, 'succeeded'],
        [failed.id, 'failed'],
        [second, 'succeeded'],
      ].sort(),
    );
    const again = await done(
      rig,
      ['export', '-n', 'study:1.1', '-o', 'z.tgz', '--json', '--history', `${failed.id},${second},${first}`],
      reader,
    );
    assert.equal(again.json().digests.archive, several.digests.archive);
    assert.deepEqual(
      (
        await done(rig, ['export', '-n', 'study:1.1', '-o', 'z.tgz', '--json', '--history', 'all'], reader)
      ).json().runs.length,
      2,
    );
  });

  test('are refused, all wrong ones at once, where they are not of the program or name several', async () => {
    using rig = openRig();
    await created(rig);
    const [first, second] = [await ran(rig, 2), await ran(rig, 3)];
    await created(rig, study.replace('name: study', 'name: other'));
    const stranger = await ran(rig, 4, 'other:1.0');
    const common = [...first].findIndex((letter, at) => letter !== second[at]);
    await assertRefused(
      rig,
      ['export', '-n', 'study:1.0', '--history', `nothing,${first},${stranger},${first.slice(0, common)},`],
      {
        code: ['SAME1608', 'SAME1608', 'SAME1608', 'SAME1608'],
        exit: 3,
        place: '--history',
        message:
          /there is no run "nothing"[\s\S]*there is no run "[0-9a-f-]+"[\s\S]*names 2 runs[\s\S]*there is no run ""/,
      },
    );
    for (const words of ['latest,none', `all,${first}`]) {
      const { code, stderr } = await rig.same(['export', '-n', 'study:1.0', '--history', words]);
      assert.equal(code, 3);
      assert.match(stderr, /SAME1608 there is no run "(latest|all)"/);
    }
  });
});

describe('runs that came with a bundle', () => {
  test('are taken along only where there is no own run, of the program or of what it was made from', async () => {
    using rig = openRig();
    const author = { env: { SAME_HOME: rig.path('author') } };
    await created(rig, study, author);
    await ran(rig, 1, 'study:1.0', author);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'theirs.tgz'], author);
    const theirsLater = await ran(rig, 2, 'study:1.0', author);
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'later.tgz'], author);

    await done(rig, ['import', 'theirs.tgz']);
    await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=9']);
    const latest = async (version: string) =>
      (await done(rig, ['export', '-n', `study:${version}`, '-o', 'x.tgz', '--json', '--force'])).json().runs;
    const ofProgram = await ran(rig, 4, 'study:1.1');
    const ofAncestor = await ran(rig, 5);
    await done(rig, ['import', 'later.tgz']);
    assert.deepEqual(await latest('1.1'), [ofProgram]);
    assert.deepEqual(await latest('1.0'), [ofAncestor]);
    await done(rig, ['delete', 'run', ofProgram]);
    assert.deepEqual(await latest('1.1'), [ofAncestor]);
    await done(rig, ['delete', 'run', ofAncestor]);
    assert.deepEqual(await latest('1.1'), [theirsLater]);
  });

  test('never stand in for an own one: another record under its id is refused', async () => {
    using rig = openRig();
    await created(rig);
    const id = await ran(rig, 2);
    await hostileBundle(rig, 'forged.tgz', (record) => ({ ...record, warnings: ['forged'] }));
    const before = await done(rig, ['show', 'run', id, '--json']);
    await assertRefused(rig, ['import', 'forged.tgz'], {
      code: 'SAME1609',
      exit: 4,
      message: `run ${id} of the bundle is here already`,
    });
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'own.tgz']);
    assert.equal((await done(rig, ['show', 'run', id, '--json'])).stdout, before.stdout);

    // A home where such a run came in before: by an earlier version of same, or before the own run was copied here.
    const other = { env: { SAME_HOME: rig.path('other') } };
    await done(rig, ['import', 'forged.tgz'], other);
    await assertRefused(rig, ['import', 'own.tgz'], { code: 'SAME1609', exit: 4, ...other });
    cpSync(rig.path('home/runs'), rig.path('other/runs'), { recursive: true });
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'again.tgz'], other);
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'again.tgz'], reader);
    assert.deepEqual((await done(rig, ['show', 'run', id, '--json'], reader)).json().warnings, []);
  });

  test('are runs of the program they belong to, over, and each with an id of its own', async () => {
    using rig = openRig();
    await created(rig);
    await ran(rig, 2);
    using reader = openRig();
    const forgeries: [string | RegExp, (record: RunRecord) => RunRecord | RunRecord[]][] = [
      ['is of other:1.0', (record) => ({ ...record, program: { ...record.program, name: 'other' } })],
      ['study:9.9', (record) => ({ ...record, program: { ...record.program, version: '9.9' } })],
      ['running', (record) => ({ ...record, status: 'running' })],
      [': id: ', (record) => ({ ...record, id: 'zzzz' })],
      ['another run of the bundle', (record) => [record, { ...record, warnings: ['twice'] }]],
    ];
    for (const [message, forge] of forgeries) {
      await hostileBundle(rig, 'forged.tgz', forge);
      await assertRefused(reader, ['import', rig.path('forged.tgz')], { code: 'SAME1302', exit: 7, message });
    }
  });
});

describe('the record of a run that came with a bundle', () => {
  test('is not the latest where a run was made here, however its id sorts', async () => {
    using rig = openRig();
    await created(rig);
    await ran(rig, 2);
    const last = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
    await hostileBundle(rig, 'last.tgz', (record) => ({ ...record, id: last }));
    const latest = async () => (await done(rig, ['show', 'run', 'latest', '--json'])).json().id;
    const own = await latest();
    await done(rig, ['import', 'last.tgz']);
    assert.equal(await latest(), own);
    assert.match((await done(rig, ['logs', 'latest', '--json'])).stdout, /"items"/);
    await done(rig, ['delete', 'run', 'latest']);
    assert.equal(await latest(), last);
  });

  test('reaches a terminal without control characters and makes no lines of its own', async () => {
    using rig = openRig();
    await created(rig);
    await ran(rig, 2);
    const evil = '\u001b[31mX\u009b2J\u202e\rY\nSAME0000 forged\n';
    const artifact = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 };
    const id = '01a3b5c0-7d00-7abc-8def-0123456789ab';
    await hostileBundle(rig, 'evil.tgz', (record) => ({
      ...record,
      id,
      display: evil,
      target: evil,
      engine: evil,
      profile: evil,
      runtime: evil,
      parameters: {
        n: { value: evil, source: '--set', default: evil },
        [evil]: { value: 1, source: 'default' },
      },
      data: { [evil]: { ...artifact, uri: evil } },
      code: { ...record.code, revision: evil },
      environments: { [evil]: { key: evil, locked: false, variables: {}, resolved: {} } },
      machine: { ...record.machine, os: evil, arch: evil, gpu: [evil] },
      steps: [{ ...record.steps[0]!, name: evil, because: evil }],
      outputs: { [evil]: artifact },
      metrics: [{ name: evil, step: evil, value: 1, unit: evil }],
      claims: [
        { id: evil, metric: evil, expect: 1, outcome: 'error', because: evil, cite: evil },
        { id: evil, metric: evil, expect: 1, got: 1, delta: 0, outcome: 'within', cite: evil },
      ],
      waivers: [{ what: evil, want: evil, have: evil }],
      error: { code: evil, message: evil, step: evil },
    }));
    await done(rig, ['import', 'evil.tgz']);
    for (const words of [
      ['show', 'run', id],
      ['show', 'run', id, '--json'],
      ['list', 'runs'],
      ['logs', id],
      ['logs', id, '--step', 'none'],
      ['delete', 'run', id],
      ['commit', 'study:1.0', '--as', '1.1', '--run', id],
    ]) {
      const { stdout, stderr } = await rig.same(words);
      const shown = stdout + stderr;
      assert.match(shown, words[0] === 'list' || words[0] === 'show' ? /X\\u009b2J/ : /./, words.join(' '));
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, words.join(' '));
      assert.doesNotMatch(shown, /^SAME0000/m, words.join(' '));
    }
    assert.equal((await done(rig, ['show', 'run', id, '--json'])).json().target, evil);
  });
});

async function created(rig: Rig, text = study, options?: RunOptions): Promise<void> {
  rig.write({ 'study/same.yaml': text });
  await done(rig, ['create', '-f', 'study'], options);
}

/** Runs a command that must succeed. */
async function done(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** The paths in a bundle file. */
function listOf(file: string): string[] {
  return listTar(gunzipSync(readFileSync(file)), { sorted: false }).map(({ path }) => path);
}

/** Runs a program and tells the id of the run. */
async function ran(rig: Rig, n: number, reference = 'study:1.0', options?: RunOptions): Promise<string> {
  return (await done(rig, ['run', reference, `--n=${n}`, '--json'], options)).json().id;
}

async function versions(rig: Rig): Promise<string[]> {
  const { items } = (await done(rig, ['list', 'programs', '--json'])).json();
  return items.map(({ version }: { version: string }) => version);
}

/** A bundle of the home's program with its latest run changed, packed as export packs it. */
async function hostileBundle(
  rig: Rig,
  file: string,
  forge: (record: RunRecord) => RunRecord | RunRecord[],
): Promise<void> {
  const { own: _, ...record } = (await done(rig, ['show', 'run', 'latest', '--json'])).json();
  const store = openDiskContentStore(rig.path('home/content'));
  const aside = openStagedContentStore(store, openDiskContentStore(rig.path('aside')));
  const subject = await openProgram(record.program.digest, store);
  const runs = await Promise.all([forge(record)].flat().map((run) => runArtifact(run, subject, aside)));
  const contents = { program: subject.digest, referrers: runs.map(({ digest }) => digest) };
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeBundle(contents, aside, { gzip: true })) chunks.push(chunk);
  writeFileSync(rig.path(file), Buffer.concat(chunks));
}
