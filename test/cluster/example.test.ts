import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type ImageArchive, imageOf } from '../components/cluster/images.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { checkout, type Ended, openRig, type Rig } from '../e2e/rig.ts';

const EXAMPLE = join(checkout, 'examples/gorman-sejnowski-1988');
const STEPS = ['prepare', 'train', 'evaluate'];

/** A small Linux with python and the packages of the example's lock. */
function exampleImage(): ImageArchive {
  const root = mkdtempSync(join(tmpdir(), 'same-example-image-'));
  try {
    const quiet = { stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'] };
    const script = join(checkout, 'test/components/container-image.sh');
    execFileSync('sh', [script, root, 'base64', 'gzip', 'setsid', 'tar', 'tee'], quiet);
    const packages = join(root, 'usr/lib/python3/dist-packages');
    const words = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--no-deps', '--target', packages];
    execFileSync('python3.11', [...words, '-r', join(EXAMPLE, 'requirements.lock')], quiet);
    symlinkSync('python3.11', join(root, 'usr/bin/python'));
    const modules = execFileSync('find', [packages, '-name', '*.so*', '-type', 'f'], { encoding: 'utf8' });
    for (const module of modules.trim().split('\n')) {
      const needed = execFileSync('ldd', [module], { encoding: 'utf8' });
      for (const [, library] of needed.matchAll(/=> (\/(?:usr\/)?lib\S+) \(0x/g)) {
        mkdirSync(dirname(join(root, library!)), { recursive: true });
        copyFileSync(library!, join(root, library!));
      }
    }
    return imageOf('same.test/example:1', root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

describe('an example on this machine and on a real cluster', { timeout: 900_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let image: string;
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'example');
    image = cluster.addImage(exampleImage());
  });
  after(async () => {
    await namespace?.dispose();
    await cluster?.dispose();
  });

  /** The example, whose lock has an image beside it. */
  function bring(rig: Rig): void {
    cpSync(EXAMPLE, rig.path('study'), { recursive: true });
    const manifest = readFileSync(join(EXAMPLE, 'same.yaml'), 'utf8');
    const lock = '    python: {version: "3.11", lock: requirements.lock}\n';
    assert.ok(manifest.includes(lock));
    writeFileSync(rig.path('study/same.yaml'), manifest.replace(lock, `${lock}    image: "${image}"\n`));
  }

  async function run(rig: Rig, engine: string): Promise<ReturnType<Ended['json']>> {
    // The interpreter that the image has: others of its version may write the same figures into other bytes.
    const env = { KUBECONFIG: cluster.kubeconfig, PATH: '/usr/bin:/bin' };
    const target = ['set', 'target', 'away', '--engine', 'kubernetes', '--namespace', namespace.name];
    assert.equal((await rig.same(target, { env })).code, 0);
    const words = ['run', '-f', 'study', '--profile', 'smoke', '--target', engine, '--json'];
    const ended = await rig.same(words, { env });
    assert.equal(ended.code, 0, ended.stderr);
    return ended.json();
  }

  const leftBy = ({ steps }: ReturnType<Ended['json']>) =>
    Object.fromEntries(
      steps.map(({ name, cacheKey, outputs }: { name: string; cacheKey: string; outputs: object }) => [
        name,
        { cacheKey, outputs },
      ]),
    );
  const figuresOf = ({ metrics }: ReturnType<Ended['json']>) =>
    Object.fromEntries(
      metrics.map(({ name, step, value }: Record<string, string>) => [`${step} ${name}`, value]),
    );
  const reusedBy = ({ steps }: ReturnType<Ended['json']>) =>
    steps.filter(({ cached }: { cached: boolean }) => cached).map(({ name }: { name: string }) => name);

  it('leaves equal outputs and figures, and a result of either place stands in at the other', async () => {
    using here = openRig();
    using away = openRig();
    for (const rig of [here, away]) bring(rig);
    const local = await run(here, 'local');
    const remote = await run(away, 'away');
    assert.deepEqual([local.engine, remote.engine], ['local', 'kubernetes']);
    assert.deepEqual([reusedBy(local), reusedBy(remote)], [[], []]);
    assert.equal(remote.steps.length, STEPS.length);
    assert.deepEqual(leftBy(remote), leftBy(local));
    assert.ok(Object.keys(figuresOf(local)).length >= 4);
    assert.deepEqual(figuresOf(remote), figuresOf(local));
    // What one place computed is there for the other, and nothing runs.
    const again = [await run(here, 'away'), await run(away, 'local')];
    for (const record of again) {
      assert.deepEqual(reusedBy(record), STEPS);
      assert.deepEqual(leftBy(record), leftBy(local));
      assert.deepEqual(figuresOf(record), figuresOf(local));
    }
    const left = await namespace.list(
      'jobs,pods,secrets,configmaps',
      '-l',
      'app.kubernetes.io/managed-by=same',
    );
    assert.deepEqual(
      left.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name),
      [],
    );
  });
});
