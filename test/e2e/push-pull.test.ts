import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { created, done, type Lab, openLab, pinIn, RUN, ran, refused, study } from './registry-lab.ts';
import type { Rig } from './rig.ts';
import { said } from './sayings.ts';

const PROGRAM = 'application/vnd.same.program.v1+json';

/** Runs of both of two versions: ids, the first version's succeeded and failed ones, then the second's. */
async function versions({ rig }: Lab): Promise<[first: string, failed: string, second: string]> {
  const first = await ran(rig, 'study:1.0', 2);
  const failed = (await rig.same(['run', 'study:1.0', '--n=13', '--json'])).json().id;
  await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=3']);
  return [first, failed, await ran(rig, 'study:1.1', 4)];
}

/** Ids of runs in a home, each with whose it is. */
async function runsIn(rig: Rig, home: string): Promise<Record<string, boolean>> {
  const { items } = (await done(rig, ['list', 'runs', '--json'], home)).json();
  return Object.fromEntries(items.map(({ id, own }: { id: string; own: boolean }) => [id, own]));
}

const foreign = (...ids: string[]) => Object.fromEntries(ids.map((id) => [id, false]));
const blobPath = (home: string, digest: string) => join(home, 'content/blobs/sha256', digest.slice(7));
const descriptor = (home: string, digest: string, artifactType: string) => ({
  digest,
  artifactType,
  size: statSync(blobPath(home, digest)).size,
});

describe('a history', () => {
  it('goes along with the version that it led to, whose ancestors get no tags, and comes back', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const [first, failed, second] = await versions(lab);
    const words = ['push', 'study:1.1', lab.place, '--json'];
    const pushed = (await lab.remote([...words, '--history', `${first},${failed},${second}`])).json();
    assert.deepEqual(pushed.runs.toSorted(), [first, failed, second].toSorted());
    assert.deepEqual([...lab.stored().tags.keys()], ['1.1']);
    const programs = [...lab.stored().manifests.values()].filter(
      ({ parsed }) => parsed.artifactType === PROGRAM,
    );
    assert.equal(programs.length, 2);
    const reader = rig.path('reader');
    const pulled = (await lab.remote(['pull', `${lab.place}/study`, '--json'], reader)).json();
    assert.deepEqual([pulled.version, pulled.runs, pulled.ancestors], ['1.1', 3, 1]);
    assert.deepEqual(await runsIn(rig, reader), foreign(first, failed, second));
    const { items } = (await done(rig, ['list', 'programs', '--json'], reader)).json();
    assert.deepEqual(
      items.map(({ version }: { version: string }) => version),
      ['1.1'],
    );
    // The ancestor is there by its digest alone, and becomes a version once somebody pushes it.
    await refused(rig, reader, ['pull', `${lab.place}/study:1.0`], { code: 'SAME1803', exit: 3 });
    await lab.remote(['push', 'study:1.0', lab.place, '--history', 'none']);
    const before = lab.writes().length;
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    assert.equal(lab.writes().length, before);
    assert.equal((await done(rig, ['show', 'run', failed, '--json'], reader)).json().status, 'failed');
  });

  it('is pushed as the program or the user says, and grows by what is pushed later', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const [first, failed, second] = await versions(lab);
    const stored: string[] = [];
    for (const [choice, more] of [
      ['none', []],
      [undefined, [second]],
      ['latest', []],
      ['all', [first]],
      [failed.slice(-12), [failed]],
    ] as const) {
      const words = choice === undefined ? [] : ['--history', choice];
      await lab.remote(['push', 'study:1.1', lab.place, ...words]);
      stored.push(...more);
      const there = [...lab.stored().manifests.values()]
        .filter(({ parsed }) => parsed.artifactType === RUN)
        .map(({ parsed }) => parsed.annotations!['dev.same.run.id']!);
      assert.deepEqual(there.sort(), stored.toSorted(), String(choice));
    }
    const nobody = ['push', 'study:1.1', lab.place, '--history', 'ffff'];
    await refused(rig, rig.home, nobody, { code: 'SAME1608', exit: 3, place: '--history' });
  });
});

describe('a run that is pushed', () => {
  it('is of an ancestor, failed, or of somebody else as well, and goes where its program was last', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const [first, failed, second] = await versions(lab);
    await lab.remote(['push', 'study:1.1', lab.place, '--history', first]);
    const { digest, referrers, sent, program } = (
      await lab.remote(['push', 'run', failed, lab.place, '--json'])
    ).json();
    assert.deepEqual([referrers, sent > 0, program], ['api', true, 'study:1.0']);
    assert.ok(lab.stored().manifests.has(digest));
    const late = await lab.remote(['push', 'run', second.slice(-12)]);
    assert.match(late.stdout, new RegExp(`^pushed run ${second} of study:1.1 to ${lab.place}/study:1.1\n$`));
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.1`], reader);
    assert.deepEqual(await runsIn(rig, reader), foreign(first, failed, second));

    // A reader passes a run on that is not theirs, and one that is.
    const other = `oci://${lab.registry.host}/mirror`;
    await lab.remote(['push', 'study:1.1', other, '--history', 'none'], reader);
    const own = (await done(rig, ['run', 'study:1.1', '--n=5', '--json'], reader)).json().id;
    for (const id of [second, own]) await lab.remote(['push', 'run', id], reader);
    const mirror = lab.registry.content.repository('mirror/study').manifests;
    const runs = [...mirror].filter(([, { parsed }]) => parsed.artifactType === RUN);
    assert.deepEqual(
      runs.map(([, { parsed }]) => parsed.annotations!['dev.same.run.id']).sort(),
      [second, own].sort(),
    );
    for (const [digest, { parsed }] of runs)
      if (parsed.annotations!['dev.same.run.id'] === second)
        assert.ok(lab.stored().manifests.has(digest), 'a run that was passed on is another object');
    await lab.remote(['pull', `${other}/study:1.1`]);
    assert.equal((await runsIn(rig, rig.home))[own], false);
  });

  it('is refused while it runs, and when what it ran was never stored', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await created(rig, study.replace(/run: .*/, 'run: touch started; sleep 60'), rig.path('slow'));
    await lab.remote(['push', 'study:1.0', lab.place], rig.path('slow'));
    const { child, ended } = rig.start(['run', 'study:1.0'], { env: { SAME_HOME: rig.path('slow') } });
    try {
      await until('it runs', () =>
        readdirSync(rig.path('slow'), { recursive: true }).some((name) => /started$/.test(String(name))),
      );
      const { items } = (await done(rig, ['list', 'runs', '--json'], rig.path('slow'))).json();
      const words = ['push', 'run', items[0].id, '--plain-http'];
      const ended = await rig.same(words, { env: { SAME_HOME: rig.path('slow') } });
      assert.equal(ended.code, 4, ended.stderr);
      assert.match(ended.stderr, /^SAME1609 .* is running and has no final record/m);
    } finally {
      child.kill('SIGINT');
      await ended;
    }
    rig.write({ 'tree/same.yaml': study.replace('default: 1', 'default: 8') });
    const { id } = (await done(rig, ['run', '-f', 'tree', '--json'])).json();
    await refused(rig, rig.home, ['push', 'run', id, lab.place], {
      code: 'SAME1803',
      exit: 3,
      hint: 'no version here is that program',
    });
    await refused(rig, rig.home, ['push', 'run', 'ffff', lab.place], { code: 'SAME1608', exit: 3 });
  });
});

describe('what is said of a program and its runs', () => {
  it('goes along with a push, and with a run that is pushed later, and comes with a pull', async () => {
    await using lab = await openLab({ referrers: 'none' });
    const { rig } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    const program = descriptor(rig.home, pinIn(rig.home).digest, PROGRAM);
    const verification = await said(rig.home, 'verification', program, { found: 'as claimed' });
    const ofVerification = await said(rig.home, 'signature', verification, { by: 'one' });
    const ofProgram = await said(rig.home, 'signature', program, { by: 'two' });
    await lab.remote(['push', 'study:1.0', lab.place, '--history', 'none']);
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    for (const { digest } of [verification, ofVerification, ofProgram])
      assert.ok(readFileSync(blobPath(reader, digest)).equals(readFileSync(blobPath(rig.home, digest))));
    // A home that got the run along with a bundle can say something of it, and push that.
    const { digest } = (await lab.remote(['push', 'run', run, '--json'])).json();
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    const ofRun = await said(reader, 'signature', descriptor(reader, digest, RUN), { by: 'three' });
    await lab.remote(['push', 'run', run], reader);
    await lab.remote(['pull', `${lab.place}/study:1.0`]);
    assert.ok(
      readFileSync(blobPath(rig.home, ofRun.digest)).equals(readFileSync(blobPath(reader, ofRun.digest))),
    );
    for (const [name, home] of [
      ['a.tgz', rig.home],
      ['b.tgz', reader],
    ])
      await done(rig, ['export', '-n', 'study:1.0', '-o', name!, '--history', run], home);
    assert.ok(readFileSync(rig.path('a.tgz')).equals(readFileSync(rig.path('b.tgz'))));
  });
});
