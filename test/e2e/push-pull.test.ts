import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { foreign, runsIn, versions } from './histories.ts';
import { done, openLab, pinIn, RUN, ran, refused } from './registry-lab.ts';
import { said } from './sayings.ts';

const PROGRAM = 'application/vnd.same.program.v1+json';

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
