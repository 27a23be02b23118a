import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ARGO_RIGHTS, rightText, TEKTON_RIGHTS } from '../../src/engines/kubernetes/rights.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { define } from '../components/cluster/definitions.ts';
import { type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { recordApi } from '../components/cluster/recording-api.ts';
import { until } from '../components/facts.ts';
import { openRig, type Rig } from '../e2e/rig.ts';
import { writeStudy } from './study.ts';

const LIMIT_MS = 60_000;

/** Objects that engines hand over, and when everything is there that their pods read. */
const engines = {
  argo: {
    called: 'Workflow',
    plural: 'workflows',
    without: [],
    rights: ARGO_RIGHTS,
    // The secret comes last.
    isReady: (_: Json, secrets: Json[]) => secrets.length === 1,
  },
  tekton: {
    called: 'PipelineRun',
    plural: 'pipelineruns',
    without: ['parallel: 2'],
    rights: TEKTON_RIGHTS,
    // It may begin after that.
    isReady: ({ spec }: Json) => spec.status === undefined,
  },
};

// What a client does with the API. Nothing here executes what is handed over: what becomes of it is not looked at.
for (const engine of Object.keys(engines) as (keyof typeof engines)[]) {
  const { called, plural, without, rights, isReady } = engines[engine];
  describe(`a run as a ${called}, at a real API with its definitions and without a controller`, {
    timeout: 600_000,
  }, () => {
    let cluster: Cluster;
    let namespace: Namespace;
    let rig: Rig;
    before(async () => {
      cluster = await openCluster();
      await define(cluster, engine);
      namespace = await openNamespace(cluster, `${engine}-run`);
      rig = openRig();
      writeStudy(rig, cluster.busybox, without);
      const config = await configured();
      rig.write({ 'config.json': JSON.stringify(config) });
    });
    after(async () => {
      rig?.[Symbol.dispose]();
      await namespace?.dispose();
      await cluster?.dispose();
    });

    /** A kubeconfig of the namespace. */
    async function configured(): Promise<Json> {
      const config = JSON.parse(await cluster.kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
      config.contexts[0].context.namespace = namespace.name;
      return config;
    }

    const start = (words: string[], config = 'config.json') => {
      const env = { KUBECONFIG: rig.path(config), TOKEN: 'verysecretvalue' };
      return rig.start(['run', ...words], { env });
    };
    const study = ['-f', 'study', '--engine', engine];

    const handedOver = () => namespace.list(plural);

    /** What is handed over, once it is there with everything that its pods read. */
    async function submitted(): Promise<Json> {
      let found: Json;
      await until(
        'all of it is submitted',
        async () => {
          [found] = await handedOver();
          const secrets = await namespace.list('secrets', '-l', 'same.dev/run');
          return found !== undefined && isReady(found, secrets);
        },
        LIMIT_MS,
      );
      return found;
    }

    async function nothingLeft(): Promise<void> {
      await until(
        'all of it is gone',
        async () => {
          const left = await Promise.all(
            [plural, 'configmaps', 'secrets', 'jobs', 'networkpolicies'].map((kind) =>
              namespace.list(kind, '-l', 'same.dev/run'),
            ),
          );
          return left.flat().length === 0;
        },
        LIMIT_MS,
      );
    }

    it('is submitted with what its pods read, found again by who goes on, and gone when it was canceled', async () => {
      const first = start(study);
      const made = await submitted();
      const { uid, name, annotations } = made.metadata;
      for (const kind of ['configmaps', 'secrets'])
        for (const { metadata } of await namespace.list(kind, '-l', 'same.dev/run'))
          assert.deepEqual(
            metadata.ownerReferences.map((owner: Json) => [owner.kind, owner.name, owner.uid]),
            [[called, name, uid]],
            metadata.name,
          );
      assert.doesNotMatch(JSON.stringify(made), /verysecretvalue/);
      assert.equal(JSON.parse(annotations['same.dev/cells']).train, '0-2');
      first.child.kill('SIGKILL');
      assert.equal((await first.ended).signal, 'SIGKILL');

      const second = start(['--resume']);
      await until(
        'it is taken over',
        async () => (await handedOver())[0].metadata.annotations['same.dev/runs'].split(' ').length === 2,
        LIMIT_MS,
      );
      assert.deepEqual(
        (await handedOver()).map(({ metadata }) => metadata.uid),
        [uid],
      );
      second.child.kill('SIGINT');
      const { code, stderr } = await second.ended;
      assert.equal(code, 130, stderr);
      assert.match(stderr, new RegExp(`the run goes on in the cluster: ${called} same-`));
      await nothingLeft();
    });

    it('takes no other rights than those of the role that is printed', async () => {
      const printed = await rig.same(['describe', 'engine', engine, '--rbac'], {
        env: { KUBECONFIG: rig.path('config.json') },
      });
      await namespace.kubectl(['apply', '--validate=strict', '-f', '-'], { input: printed.stdout });
      const token = await namespace.kubectl(['create', 'token', `same-${engine}`]);
      const config = await configured();
      const [{ cluster: where }] = config.clusters;
      const authority = Buffer.from(where['certificate-authority-data'], 'base64');
      const api = await recordApi({ server: where.server, authority });
      try {
        config.users[0].user = { token };
        config.clusters[0].cluster = { server: api.server, 'insecure-skip-tls-verify': true };
        rig.write({ 'account.json': JSON.stringify(config) });
        const run = start([...study, '--set', 'text=another'], 'account.json');
        await submitted();
        run.child.kill('SIGINT');
        const { code, stderr } = await run.ended;
        assert.equal(code, 130, stderr);
        const granted = rights.flatMap((right) => right.verbs.map((verb) => rightText(right, verb)));
        assert.deepEqual(
          [...api.used].filter((right) => !granted.includes(right)),
          [],
        );
        await nothingLeft();
      } finally {
        await api.dispose();
      }
    });
  });
}
