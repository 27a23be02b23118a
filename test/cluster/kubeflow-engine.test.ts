import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { KUBEFLOW_RIGHTS, rightText } from '../../src/engines/kubernetes/rights.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { type RecordingApi, recordApi } from '../components/cluster/recording-api.ts';
import { until } from '../components/facts.ts';
import { FakePipelines, pipelinesService } from '../components/fake-pipelines.ts';
import { openRig, type Rig } from '../e2e/rig.ts';
import { writeStudy } from './study.ts';

const LIMIT_MS = 60_000;

// What a client does with the API of a cluster. That of Kubeflow is a double; nothing here executes runs.
describe('a run handed to Kubeflow, at a real API of a cluster', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let rig: Rig;
  let api: RecordingApi;
  const pipelines = new FakePipelines();
  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'kubeflow');
    rig = openRig();
    writeStudy(rig, cluster.busybox, ['retries: {max: 2, codes: [137]}']);
    const config = JSON.parse(await cluster.kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
    config.contexts[0].context.namespace = namespace.name;
    rig.write({ 'admin.json': JSON.stringify(config) });
    // As the account of the role that is printed, and no other.
    const printed = await rig.same(['describe', 'engine', 'kubeflow', '--rbac'], {
      env: { KUBECONFIG: rig.path('admin.json') },
    });
    await namespace.kubectl(['apply', '--validate=strict', '-f', '-'], { input: printed.stdout });
    const token = await namespace.kubectl(['create', 'token', 'same-kubeflow']);
    const [{ cluster: where }] = config.clusters;
    rig.write({
      'direct.json': JSON.stringify({ ...config, users: [{ ...config.users[0], user: { token } }] }),
    });
    const authority = Buffer.from(where['certificate-authority-data'], 'base64');
    api = await recordApi({ server: where.server, authority }, pipelinesService(pipelines));
    config.users[0].user = { token };
    config.clusters[0].cluster = { server: api.server, 'insecure-skip-tls-verify': true };
    rig.write({ 'account.json': JSON.stringify(config) });
  });
  after(async () => {
    await api?.dispose();
    rig?.[Symbol.dispose]();
    await namespace?.dispose();
    await cluster?.dispose();
  });

  const start = (words: string[]) =>
    rig.start(['run', ...words], {
      env: { KUBECONFIG: rig.path('account.json'), TOKEN: 'verysecretvalue' },
    });
  const ours = (kind: string) => namespace.list(kind, '-l', 'same.dev/run');
  const claims = () => namespace.list('configmaps', '-l', 'same.dev/role=pipeline-run');

  it('takes the rights of the role that is printed, by which no other service of the namespace is asked', async () => {
    const env = { KUBECONFIG: rig.path('direct.json') };
    const { code, stdout, stderr } = await rig.same(['describe', 'engine', 'kubeflow', '--json'], { env });
    assert.equal(code, 0, stderr);
    const { rights } = JSON.parse(stdout).cluster;
    assert.ok(rights.some(({ right }: Json) => right === 'create services/proxy'));
    assert.deepEqual(
      rights.filter(({ allowed }: Json) => !allowed),
      [],
    );
    const asking = (service: string) => {
      const path = `/api/v1/namespaces/${namespace.name}/services/${service}/proxy/apis/v2beta1/healthz`;
      return cluster.kubectl(['get', '--raw', path], { kubeconfig: env.KUBECONFIG });
    };
    // Neither is there: of one the account may know it.
    await assert.rejects(asking('ml-pipeline:8888'), /NotFound/);
    await assert.rejects(asking('ml-pipeline:8887'), /Forbidden/);
    await assert.rejects(asking('minio-service:9000'), /Forbidden/);
  });

  it('is claimed by an object, found again by who goes on, and gone when it was canceled, with no other rights', async () => {
    const first = start(['-f', 'study', '--engine', 'kubeflow']);
    let claim: Json;
    await until(
      'it is handed over',
      async () => {
        [claim] = await claims();
        return claim?.metadata.annotations['same.dev/pipeline-run'] !== undefined;
      },
      LIMIT_MS,
    );
    const { uid, name } = claim.metadata;
    const read = [...(await ours('configmaps')), ...(await ours('secrets'))].filter(
      ({ metadata }) => metadata.uid !== uid,
    );
    assert.ok(read.some(({ kind }) => kind === 'Secret'));
    for (const { metadata } of read)
      assert.deepEqual(
        metadata.ownerReferences.map((owner: Json) => [owner.kind, owner.name, owner.uid]),
        [['ConfigMap', name, uid]],
        metadata.name,
      );
    const [run] = pipelines.runs;
    assert.doesNotMatch(JSON.stringify([claim, run]), /verysecretvalue/);
    first.child.kill('SIGKILL');
    assert.equal((await first.ended).signal, 'SIGKILL');

    const second = start(['--resume']);
    await until(
      'it is taken over',
      async () => (await claims())[0]?.metadata.annotations['same.dev/runs'].split(' ').length === 2,
      LIMIT_MS,
    );
    assert.equal(pipelines.runs.length, 1);
    second.child.kill('SIGINT');
    await until('it is ended', () => run!.state === 'CANCELING', LIMIT_MS);
    run!.state = 'CANCELED';
    const { code, stderr } = await second.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /the run goes on in the cluster: Run same-/);
    await until(
      'all of it is gone',
      async () =>
        (await Promise.all(['configmaps', 'secrets', 'jobs', 'networkpolicies'].map(ours))).flat().length ===
        0,
      LIMIT_MS,
    );
    const granted = KUBEFLOW_RIGHTS.flatMap((right) => right.verbs.map((verb) => rightText(right, verb)));
    assert.deepEqual(
      [...api.used].filter((right) => !granted.includes(right)),
      [],
    );
    for (const right of ['get services/proxy', 'create services/proxy'])
      assert.ok(api.used.has(right), right);
  });
});
