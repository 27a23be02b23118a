import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { foreign, runsIn, versions } from './histories.ts';
import { created, done, openLab, RUN, refused, study } from './registry-lab.ts';

describe('a run that is pushed', () => {
  it('is of an ancestor, failed, or of somebody else as well, and goes where its program was last', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const [first, failed, second] = await versions(lab);
    await lab.remote(['push', 'study:1.1', lab.place, '--history', first]);
    const there = lab.stored().manifests.size;
    const {
      apiVersion: _,
      kind,
      ...leaving
    } = (await done(rig, ['push', 'run', failed, '--dry-run', '--json'])).json();
    assert.equal(lab.stored().manifests.size, there);
    const { digest, referrers, sent, sentBytes, program } = (
      await lab.remote(['push', 'run', failed, lab.place, '--json'])
    ).json();
    assert.deepEqual([referrers, sent > 0, program], ['api', true, 'study:1.0']);
    assert.ok(lab.stored().manifests.has(digest));
    const [{ id, status, own: isOwn, program: ran, sizeBytes }] = leaving.runs;
    assert.deepEqual([kind, id, status, isOwn, ran], ['Leaving', failed, 'failed', true, 'study:1.0']);
    assert.deepEqual([leaving.runs.length, leaving.ancestors, leaving.program.name], [1, 0, 'study']);
    assert.ok(sizeBytes > 0 && sizeBytes < sentBytes, 'a record with its manifest');
    assert.equal(leaving.sizeBytes, sentBytes + 2, 'all but an empty object, which every run has');
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
      // Elsewhere in the home files come and go, over which a look at all of it would fail.
      const work = rig.path('slow/work');
      await until('it runs', () => globSync('**/started', { cwd: work }).length > 0);
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
    for (const more of [[], ['--dry-run']]) {
      await refused(rig, rig.home, ['push', 'run', 'ffff', lab.place, ...more], {
        code: 'SAME1608',
        exit: 3,
      });
    }
    const dry = ['push', 'run', id, 'nowhere', '--dry-run'];
    await refused(rig, rig.home, dry, { code: 'SAME1805' });
  });
});
