import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { checkout, manifest, openRig, type Rig, same } from '../e2e/rig.ts';

describe('what README.md says of Kubernetes', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let rig: Rig;
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'readme');
    rig = openRig();
    const config = JSON.parse(await cluster.kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
    config.contexts[0].name = 'lab';
    config['current-context'] = '';
    const step = 'run: [sh, -c, "echo 1 > $SAME_OUT/one"]\noutputs: {one: {}}';
    rig.write({
      'config.json': JSON.stringify(config),
      'study/same.yaml': manifest(step, `environments: {default: {image: "${cluster.busybox}"}}`),
      'bin/same!': `#!/bin/sh\nexec '${process.execPath}' '${same}' "$@"\n`,
    });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
  });
  after(async () => {
    rig?.[Symbol.dispose]();
    await namespace?.dispose();
    await cluster?.dispose();
  });

  it('works on a cluster, in order, and what ran is not run again', async () => {
    const [block] = /(?<=^```sh kubernetes\n)[\s\S]*?(?=^```$)/m.exec(
      readFileSync(join(checkout, 'README.md'), 'utf8'),
    )!;
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-eu', '-c', block.replace('--namespace studies', `--namespace ${namespace.name}`)],
      {
        cwd: rig.root,
        env: {
          ...process.env,
          HOME: rig.path('user'),
          SAME_HOME: rig.home,
          KUBECONFIG: rig.path('config.json'),
          PATH: `${rig.path('bin')}${delimiter}${process.env.PATH}`,
        },
      },
    );
    assert.match(stdout, /^study:1\.0 there:$/m);
    assert.equal(stdout.match(/^run .* of study:1\.0 succeeded/gm)?.length, 2);
    assert.match(stdout, /^ *1 step: 1 reused$/m);
    assert.match(readFileSync(rig.path('role.yaml'), 'utf8'), /^kind: Role$/m);
    const config = JSON.parse(readFileSync(rig.path('config.json'), 'utf8'));
    config.clusters[0].cluster.server = 'https://127.0.0.1:1';
    rig.write({ 'gone.json': JSON.stringify(config) });
    const env = { KUBECONFIG: rig.path('gone.json'), SAME_ENVIRONMENT: 'lab' };
    const again = await rig.same(['run', 'study:1.0'], { env });
    assert.equal(again.code, 0, `what is stored needs no cluster: ${again.stderr}`);
  });
});
