import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { applyJobs } from '../components/cluster/applied-jobs.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { openRig } from '../e2e/rig.ts';
import { writeStudy } from './study.ts';

describe('Jobs of a compiled program on a real cluster', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'jobs');
  });
  after(async () => {
    await namespace?.dispose();
    await cluster?.dispose();
  });

  it('are taken by the API as they are, every field of them', async () => {
    using rig = openRig();
    writeStudy(rig, cluster.busybox);
    const created = await rig.same(['create', 'program', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const compiled = await rig.same(['compile', 'demo:1.0', '--engine', 'kubernetes', '-o', 'jobs.yaml']);
    assert.equal(compiled.code, 0, compiled.stderr);
    // Twice: the ways of a person who reads the file, and of a program that reads its objects.
    await namespace.kubectl([
      'apply',
      '--server-side',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      rig.path('jobs.yaml'),
    ]);
    const { objects } = (await rig.same(['compile', 'demo:1.0', '--engine', 'kubernetes', '--json'])).json();
    await namespace.create(objects, { dryRun: true });
    assert.deepEqual(await namespace.list('jobs'), []);
  });

  it('leave what a run on this machine leaves, and say that all went well', async () => {
    using rig = openRig();
    writeStudy(rig, cluster.busybox);
    assert.equal((await rig.same(['create', 'program', '-f', 'study'])).code, 0);
    const compiled = await rig.same(['compile', 'demo:1.0', '--engine', 'kubernetes', '--json']);
    assert.equal(compiled.code, 0, compiled.stderr);
    const { objects, run } = compiled.json();
    const ends = await applyJobs(namespace, objects);
    const steps = { prepare: 1, train: 3, evaluate: 1, farewell: 1 };
    assert.deepEqual(ends, Object.fromEntries(Object.keys(steps).map((step) => [step, 'Complete'])));
    const left = (path: string): string => readFileSync(join(namespace.volume, run, path), 'utf8');
    for (const [step, cells] of Object.entries(steps)) {
      for (let cell = 0; cell < cells; cell++) {
        const { ok, exit, attempt, error } = JSON.parse(left(`${step}/${cell}/.same/exit.json`));
        assert.deepEqual([ok, exit, attempt, error], [true, 0, 1, ''], `${step} ${cell}`);
      }
    }
    const local = await rig.same(['run', 'program', 'demo:1.0', '--json']);
    assert.equal(local.code, 0, local.stderr);
    const got = await rig.same(['get', 'run', local.json().id, '-o', 'got']);
    assert.equal(got.code, 0, got.stderr);
    const here = (path: string): string => readFileSync(rig.path('got', path), 'utf8');
    assert.equal(left('evaluate/0/scores'), here('evaluate/scores.txt'));
    assert.equal(left('farewell/0/word'), here('farewell/word'));
    assert.deepEqual(JSON.parse(left('evaluate/0/.same/metrics.json')), { lines: 3 });
    assert.match(
      left('evaluate/0/scores'),
      /^\{\{x}} \$\(VAR\) it's "quoted"\nönd two lines\nwords\nseed 0\n/,
    );
  });
});
