import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { RIGHTS, rightText } from '../../src/engines/kubernetes/rights.ts';
import { configurationOf } from '../components/cluster/account.ts';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { recordApi } from '../components/cluster/recording-api.ts';
import { until } from '../components/facts.ts';
import { manifest, openRig, type Rig } from '../e2e/rig.ts';

/** What every account may do, whoever it is: to ask what it may do. */
const OF_EVERYBODY = /^create (selfsubjectaccessreviews|selfsubjectrulesreviews|selfsubjectreviews)\./;

/** What newer versions of the API ask for, and what is asked where another client was quicker or a pod is lost. */
const RARELY = ['create pods/exec', 'get jobs.batch', 'get pods'];

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

describe('an engine of a cluster', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let namespace: Namespace;
  let rig: Rig;
  const admin = (words: string[]) => rig.same(words, { env: { KUBECONFIG: rig.path('admin.json') } });

  /** Writes a kubeconfig of an account of the namespace. */
  async function account(name: string): Promise<{ KUBECONFIG: string }> {
    rig.write({ [`${name}.json`]: await configurationOf(cluster, namespace, name) });
    return { KUBECONFIG: rig.path(`${name}.json`) };
  }

  before(async () => {
    cluster = await openCluster();
    namespace = await openNamespace(cluster, 'engines');
    rig = openRig();
    const image = `environments: {default: {image: "${cluster.busybox}"}}\n`;
    const step = 'run: [sh, -c, "echo 1 > $SAME_OUT/one"]\noutputs: {one: {}}';
    rig.write({
      'admin.json': await configurationOf(cluster, namespace),
      'study/same.yaml': manifest(step, `${image}resources: {cpu: 0.1, memory: 64Mi}`),
      'greedy/same.yaml': manifest(
        step,
        `${image}resources: {cpu: 4096, memory: 64Mi, gpu: {count: 1, vendor: nvidia}}`,
      ).replace('name: study', 'name: greedy'),
      'busy/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: busy, version: "1.0"}
${image}secrets: {TOKEN: {required: true}}
pipeline:
  steps:
    secret: {run: [sh, -c, 'echo "$TOKEN" | wc -c > $SAME_OUT/n'], secrets: [TOKEN], outputs: {n: {}}}
    count: {run: [sh, -c, 'cat $SAME_IN/n > $SAME_OUT/m; echo said'], network: true, inputs: {n: {from: secret.n}}, outputs: {m: {}}}
    fails: {run: [sh, -c, "exit 3"], inputs: {m: {from: count.m}}}
`,
      'slow/same.yaml': manifest('run: [sh, -c, "sleep 600"]', image).replace('name: study', 'name: slow'),
    });
    for (const source of ['study', 'greedy', 'busy', 'slow']) {
      const created = await rig.same(['create', '-f', source, '--quiet']);
      assert.equal(created.code, 0, created.stderr);
    }
  });
  after(async () => {
    rig?.[Symbol.dispose]();
    await namespace?.dispose();
    await cluster?.dispose();
  });

  it('is listed as usable, with the place where it would run', async () => {
    const { items } = (await admin(['list', 'engines', '--json'])).json();
    const [kubernetes] = items.filter(({ name }: { name: string }) => name === 'kubernetes');
    assert.equal(kubernetes.usable, true);
    assert.equal(kubernetes.where.namespace, namespace.name);
    assert.match(kubernetes.version, /^v1\./);
  });

  it('is described by what the cluster has: nodes, the claim that steps share, rights', async () => {
    const ended = await admin(['describe', 'engine', 'kubernetes', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const { cluster: found } = ended.json();
    assert.equal(found.claim.phase, 'Bound');
    assert.equal(found.namespaceExists, true);
    assert.deepEqual(
      found.nodes.map(({ platform, unusable }: { platform: string; unusable?: string }) => [
        platform,
        unusable,
      ]),
      [['linux-x86_64', undefined]],
    );
    assert.ok(found.rights.every(({ allowed }: { allowed: boolean }) => allowed));
    assert.deepEqual(found.unseen, []);
  });

  it('grants by the role that is printed what running takes, in its namespace, and nothing else', async () => {
    const printed = await admin(['describe', 'engine', 'kubernetes', '--rbac']);
    await namespace.kubectl(['apply', '-f', '-'], { input: printed.stdout });
    const env = await account('same');
    const { cluster: found } = (
      await rig.same(['describe', 'engine', 'kubernetes', '--json'], { env })
    ).json();
    assert.deepEqual(
      found.rights.filter(({ allowed }: { allowed: boolean }) => !allowed),
      [],
    );
    assert.deepEqual(
      found.unseen.map(({ what }: { what: string }) => what),
      ['nodes', 'storage classes'],
    );
    const wanted = RIGHTS.flatMap(({ group, resource, verbs }) =>
      verbs.map((verb) => `${verb} ${resource}.${group}`),
    );
    assert.deepEqual(await mayDo(env, namespace.name), wanted.sort());
    assert.deepEqual(await mayDo(env, 'default'), []);
  });

  it('runs programs with the rights of the role, all of which it uses and no other', async () => {
    const env = await account('same');
    const config = JSON.parse(readFileSync(env.KUBECONFIG, 'utf8'));
    const [{ cluster: where }] = config.clusters;
    const authority = Buffer.from(where['certificate-authority-data'], 'base64');
    const api = await recordApi({ server: where.server, authority });
    try {
      config.clusters[0].cluster = { server: api.server, 'insecure-skip-tls-verify': true };
      rig.write({ 'same.json': JSON.stringify(config) });
      const ended = await rig.same(['run', 'busy:1.0', '--engine', 'kubernetes'], {
        env: { ...env, TOKEN: 'sesame-5819' },
      });
      assert.equal(ended.code, 1, ended.stderr);
      assert.match(ended.stdout, /2 ran, 1 failed/);
      assert.ok(!ended.stderr.includes('not compared'), ended.stderr);
      await killed(env);
      const granted = RIGHTS.flatMap((right) => right.verbs.map((verb) => rightText(right, verb)));
      assert.deepEqual([...new Set([...api.used, ...RARELY])].sort(), granted.sort());
    } finally {
      await api.dispose();
    }
  });

  it('of Argo has the account printed that its Workflows name, and the API takes it', async () => {
    const printed = await admin(['describe', 'engine', 'argo', '--rbac']);
    await namespace.kubectl(['apply', '--validate=strict', '-f', '-'], { input: printed.stdout });
    const mayDoAs = (...words: string[]) =>
      namespace
        .kubectl(['auth', 'can-i', ...words, `--as=system:serviceaccount:${namespace.name}:same-executor`])
        .then(
          () => true,
          () => false,
        );
    assert.equal(await mayDoAs('patch', 'workflowtaskresults.argoproj.io'), true);
    assert.equal(await mayDoAs('get', 'pods'), false);
  });

  it('names every right that an account lacks', async () => {
    await namespace.kubectl(['create', 'serviceaccount', 'nobody']);
    const env = await account('nobody');
    const ended = await rig.same(['describe', 'engine', 'kubernetes'], { env });
    assert.equal(ended.code, 0, ended.stderr);
    const count = RIGHTS.flatMap(({ verbs }) => verbs).length;
    assert.match(ended.stdout, new RegExp(`${count} of ${count} are missing: create jobs.batch, `));
    assert.match(ended.stderr, /same describe engine kubernetes --rbac \| kubectl apply -f -/);
  });

  it('does not start a program that no node can hold: want, have, exit code 10, and nothing is submitted', async () => {
    const described = await admin(['describe', 'engine', 'kubernetes', 'greedy:1.0']);
    const ran = await admin(['run', 'greedy:1.0', '--engine', 'kubernetes']);
    for (const { code, stderr } of [described, ran]) {
      assert.equal(code, 10, stderr);
      assert.match(stderr, /^SAME1701 cpu: want 4096, have \d+ on the largest node/m);
      assert.match(stderr, /^SAME1701 gpu: want 1 nvidia, have none on any node/m);
    }
    assert.match(described.stdout, /^ {2}gpu +1 nvidia +none on any node +NOT MET$/m);
    assert.match(described.stdout, /^ {2}volume +claim "same" .* bound +met$/m);
    assert.deepEqual(await namespace.list('jobs'), []);
    const fits = await admin(['describe', 'engine', 'kubernetes', 'study:1.0']);
    assert.equal(fits.code, 0, fits.stderr);
  });

  it('that lacks the claim of the volume says so before anything is submitted', async () => {
    const there = await admin(['set', 'target', 'bare', '--engine', 'kubernetes', '--namespace', 'default']);
    assert.equal(there.code, 0, there.stderr);
    const ended = await rig.same(['run', 'study:1.0'], {
      env: { KUBECONFIG: rig.path('admin.json'), SAME_ENVIRONMENT: 'bare' },
    });
    assert.equal(ended.code, 10);
    assert.match(
      ended.stderr,
      /SAME1701 volume: want claim "same" in namespace default, have none of that name/,
    );
  });

  /** A run that is told to stop, and then to stop at once. */
  async function killed(env: Record<string, string>): Promise<void> {
    const { child, ended } = rig.start(['run', 'slow:1.0', '--engine', 'kubernetes'], { env });
    let said = '';
    child.stderr!.on('data', (text: string) => {
      said += text;
    });
    await until('the step runs', () => /step main started/.test(said), 120_000);
    child.kill('SIGINT');
    await until('it says that it stops', () => /stopping/.test(said), 60_000);
    child.kill('SIGINT');
    assert.equal((await ended).code, 130);
  }

  /** What an account may do in a namespace: `VERB RESOURCE.GROUP`, without what everybody may. */
  async function mayDo({ KUBECONFIG }: { KUBECONFIG: string }, where: string): Promise<string[]> {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace: where },
    };
    const answer = await cluster.kubectl(['create', '--validate=false', '-f', '-', '-o', 'json'], {
      input: JSON.stringify(review),
      kubeconfig: KUBECONFIG,
    });
    const { resourceRules, incomplete } = JSON.parse(answer).status as {
      resourceRules: Rule[];
      incomplete: boolean;
    };
    assert.equal(incomplete, false);
    return resourceRules
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
        ),
      )
      .filter((right) => !OF_EVERYBODY.test(right))
      .sort();
  }
});
