import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

/** A kubeconfig of one context. */
const kubeconfig = (server: string, namespace = 'studies') =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'ada', namespace } }],
    clusters: [{ name: 'lab', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'ada', user: { token: 'x' } }],
  });

describe('targets', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
    rig.write({
      'home/config.yaml':
        '# mine\nregistries: {aliases: {lab: "oci://registry.example.org/lab"}} # as it is\n',
      'study/same.yaml': manifest('run: [sh, -c, "echo 1 > $SAME_OUT/one"]\noutputs: {one: {}}'),
    });
  });
  after(() => rig[Symbol.dispose]());

  test('are set, listed, used and forgotten, and the rest of config.yaml stays as its user wrote it', async () => {
    const before = readFileSync(rig.path('home/config.yaml'), 'utf8');
    const set = await rig.same([
      ...['set', 'target', 'lab', '--engine', 'kubernetes'],
      ...['--context', 'lab', '--namespace', 'studies'],
    ]);
    assert.equal(set.code, 0, set.stderr);
    assert.equal(set.stdout, 'target lab is engine kubernetes, context lab, namespace studies\n');
    const here = await rig.same(['set', 'target', 'here', '--engine', 'local', '--json']);
    assert.equal(here.json().changed, true);
    const listed = await rig.same(['list', 'targets', '--json'], { env: { SAME_ENVIRONMENT: 'here' } });
    assert.deepEqual(
      listed
        .json()
        .items.map(({ name, engine, isDefault }: Record<string, unknown>) => [name, engine, isDefault]),
      [
        ['local', 'local', false],
        ['podman', 'podman', false],
        ['kubernetes', 'kubernetes', false],
        ['argo', 'argo', false],
        ['tekton', 'tekton', false],
        ['kubeflow', 'kubeflow', false],
        ['lab', 'kubernetes', false],
        ['here', 'local', true],
      ],
    );
    const ran = await rig.same(['run', '-f', 'study', '--json'], { env: { SAME_ENVIRONMENT: 'here' } });
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual([ran.json().target, ran.json().engine], ['here', 'local']);
    for (const name of ['lab', 'here']) assert.equal((await rig.same(['delete', 'target', name])).code, 0);
    assert.equal(readFileSync(rig.path('home/config.yaml'), 'utf8'), before);
  });

  test('that cannot be are refused with everything that is wrong with them, and change nothing', async () => {
    const refusals: [string[], RegExp[]][] = [
      [
        ['9', '--engine', 'slurm'],
        [/no name of a target/, /nothing runs with engine "slurm"/],
      ],
      [['local', '--engine', 'kubernetes'], [/is the name of an engine/]],
      [['here', '--engine', 'podman', '--context', 'x'], [/engine podman has no context/]],
      [['lab', '--engine', 'kubernetes', '--namespace', 'No_No'], [/"No_No" is no name of a namespace/]],
      [['lab'], [/it needs an engine/]],
    ];
    for (const [words, expected] of refusals) {
      const code = expected.map(() => 'SAME1710');
      const findings = await assertRefused(rig, ['set', 'target', ...words], { code });
      expected.forEach((each, index) => {
        assert.match(findings[index]!.message, each);
      });
    }
  });

  test('that are written into config.yaml by hand are held to the same rules, with their places', async () => {
    using other = openRig();
    other.write({
      'home/config.yaml': 'targets:\n  lab: {engine: slurm}\n  here: {engine: local, colour: red}\n',
    });
    const ended = await other.same(['list', 'targets']);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /SAME1710 target "lab": nothing runs with engine "slurm" \(.*config\.yaml:2/);
    assert.match(ended.stderr, /colour.*config\.yaml:3/);
  });

  test('that nobody set are refused with those that there are', async () => {
    await assertRefused(rig, ['run', '-f', 'study'], {
      code: 'SAME1902',
      message: /unknown target "lap" \(from SAME_ENVIRONMENT\).*known: local, podman, kubernetes/,
      env: { SAME_ENVIRONMENT: 'lap' },
    });
    const forgotten = await rig.same(['delete', 'target', 'lap']);
    assert.match(forgotten.stderr, /SAME1902 no target "lap" is set in this home \(set: none\)/);
  });
});

describe('engines', () => {
  let rig: Rig;
  let broken: Server;
  const same = (words: string[], config?: string) =>
    rig.same(words, { env: { KUBECONFIG: config === undefined ? undefined : rig.path(config) } });
  before(async () => {
    rig = openRig();
    broken = createServer((request, response) => {
      // Nothing is ever said of what is asked for at this path.
      if (request.url?.startsWith('/silent')) return;
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', message: 'Unauthorized', code: 401 }));
    });
    await new Promise<void>((done) => broken.listen(0, '127.0.0.1', done));
    const { port } = broken.address() as AddressInfo;
    rig.write({
      'nobody.yaml': kubeconfig('http://127.0.0.1:1'),
      'silent.yaml': kubeconfig(`http://127.0.0.1:${port}/silent`),
      'refusing.yaml': kubeconfig(`http://127.0.0.1:${port}`),
      'broken.yaml': '{contexts: [',
      'study/same.yaml': manifest(
        'run: [sh, -c, "echo 1 > $SAME_OUT/one"]\noutputs: {one: {}}',
        'resources: {cpu: 4096, memory: 1Mi}',
      ),
    });
    await same(['create', '-f', 'study']);
  });
  after(() => {
    broken.closeAllConnections();
    broken.close();
    rig[Symbol.dispose]();
  });

  test('are listed with what is in the way of each, whatever that is', async () => {
    const cases: [string | undefined, string, RegExp][] = [
      [undefined, 'SAME1702', /there is no .*\.kube.config, and KUBECONFIG is not set/],
      ['broken.yaml', 'SAME1702', /no cluster can be asked/],
      ['nobody.yaml', 'SAME1703', /the cluster at http:\/\/127\.0\.0\.1:1 cannot be reached/],
      ['refusing.yaml', 'SAME1704', /Unauthorized/],
      ['silent.yaml', 'SAME1703', /gives no answer in 4 s/],
    ];
    for (const [config, code, message] of cases) {
      const ended = await same(['list', 'engines', '--json'], config);
      assert.equal(ended.code, 0, ended.stderr);
      const items = ended.json().items as {
        name: string;
        usable: boolean;
        because?: { code: string; message: string };
      }[];
      assert.deepEqual(
        items.map(({ name }) => name),
        ['local', 'podman', 'kubernetes', 'argo', 'tekton', 'kubeflow', 'katib'],
      );
      assert.equal(items[0]!.usable, true);
      for (const { usable, because } of items.slice(2)) {
        assert.equal(usable, false);
        assert.equal(because?.code, code);
        assert.match(because!.message, message);
      }
    }
  });

  test('that cannot be used are described by what is in the way, with exit code 6', async () => {
    const env = { KUBECONFIG: rig.path('nobody.yaml') };
    await assertRefused(rig, ['describe', 'engine', 'kubernetes'], { code: 'SAME1703', exit: 6, env });
    const context = await same(['describe', 'engine', 'argo', '--context', 'lap'], 'nobody.yaml');
    assert.equal(context.code, 6);
    assert.match(context.stderr, /SAME1702 .*there is no context "lap" \(known: lab\)/);
  });

  test('have their rights printed where no cluster can be asked, for the namespace that is meant', async () => {
    const printed = await same(['describe', 'engine', 'kubernetes', '--rbac'], 'nobody.yaml');
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /^kind: Role$/m);
    assert.equal(printed.stdout.match(/^ {2}namespace: studies$/gm)?.length, 3);
    assert.ok(!printed.stdout.includes('ClusterRole') && !printed.stdout.includes('*'), printed.stdout);
    const other = await same(['describe', 'kubernetes', '--rbac', '--namespace', 'b', '--json']);
    assert.deepEqual(
      other
        .json()
        .items.map(({ kind, metadata }: { kind: string; metadata: { namespace: string } }) => [
          kind,
          metadata.namespace,
        ]),
      [
        ['ServiceAccount', 'b'],
        ['Role', 'b'],
        ['RoleBinding', 'b'],
      ],
    );
    const none = await same(['describe', 'engine', 'kubernetes', '--rbac']);
    assert.match(none.stderr, /no kubeconfig says which namespace: default/);
    await assertRefused(rig, ['describe', 'engine', 'local', '--rbac'], { code: 'SAME1902' });
    await assertRefused(rig, ['describe', 'engine', 'kubernetes', 'study:1.0', '--rbac'], {
      code: 'SAME1902',
      message: /--rbac is for every program: study:1\.0 is not looked at/,
      hint: /without it/,
    });
  });

  test('that cannot be used end a run that needs them, with exit code 6 and what is in the way', async () => {
    const image = `environments: {default: {image: "example.org/x@sha256:${'0'.repeat(64)}"}}`;
    rig.write({ 'boxed/same.yaml': manifest('run: ["true"]', image) });
    const ended = await same(['run', '-f', 'boxed', '--engine', 'kubernetes']);
    assert.equal(ended.code, 6, ended.stderr);
    assert.match(ended.stderr, /SAME1702 no cluster can be asked: there is no .*, and KUBECONFIG is not set/);
    assert.doesNotMatch(ended.stderr, /SAME1701/);
    const planned = await same(['run', '-f', 'boxed', '--engine', 'kubernetes', '--plan']);
    assert.equal(planned.code, 0, planned.stderr);
  });

  test('that give no answer say that nobody compared their nodes with what steps ask for', async () => {
    const rest = `resources: {cpu: 4096}\nenvironments: {default: {image: "example.org/x@sha256:${'0'.repeat(64)}"}}`;
    rig.write({ 'asking/same.yaml': manifest('run: ["true"]', rest) });
    const ended = await same(['run', '-f', 'asking', '--engine', 'kubernetes'], 'nobody.yaml');
    assert.equal(ended.code, 6, ended.stderr);
    assert.match(
      ended.stderr,
      /SAME1701 .* not compared with the nodes of the cluster, which gives no answer/,
    );
    assert.match(ended.stderr, /SAME1703 the cluster at http:\/\/127\.0\.0\.1:1 cannot be reached/);
  });

  test('that do not answer in time, podman too, keep nobody waiting', async () => {
    rig.write({ 'slow/podman!': '#!/bin/sh\nexec sleep 600\n' });
    const env = { PATH: `${rig.path('slow')}:${process.env.PATH}`, KUBECONFIG: undefined };
    const { items } = (await rig.same(['list', 'engines', '--json'], { env })).json();
    assert.equal(items[1].usable, false);
    assert.match(items[1].because.message, /podman is not available: .*no answer in 10 s/);
  });

  test('of this machine are compared with a program, want beside have, and end with 10 where a need is not met', async () => {
    const ended = await same(['describe', 'engine', 'local', 'study:1.0']);
    assert.equal(ended.code, 10);
    assert.match(ended.stdout, /^ {2}cpu +4096 +\d+ +NOT MET$/m);
    assert.match(ended.stdout, /^ {2}memory +1Mi +.* met$/m);
    assert.match(ended.stderr, /^SAME1701 cpu: want 4096, have \d+$/m);
    const told = await same(['describe', 'local', 'study:1.0', '--json']);
    assert.equal(told.code, 10);
    assert.deepEqual(
      told.json().requirements.map(({ what, met }: { what: string; met: boolean }) => [what, met]),
      [
        ['cpu', false],
        ['memory', true],
      ],
    );
  });

  test('that there are none of are refused with those that there are', async () => {
    await assertRefused(rig, ['describe', 'engine', 'kubernets'], {
      code: 'SAME1902',
      message: /unknown engine "kubernets" — did you mean kubernetes\? \(known: local, podman, /,
    });
    await assertRefused(rig, ['describe', 'engine', 'podman', '--context', 'lab'], { code: 'SAME1710' });
  });

  test('whose engine runs no sweeps are refused for one, with those that do', async () => {
    const rest = `parameters: {n: {type: integer, default: 1}}
environments: {default: {image: "docker.io/library/busybox@sha256:${'0'.repeat(64)}"}}
`;
    rig.write({
      'boxed/same.yaml': manifest('run: [echo, "{{parameters.n}}"]', rest).replace(/study/, 'boxed'),
    });
    assert.equal((await rig.same(['create', '-f', 'boxed'])).code, 0);
    await assertRefused(rig, ['sweep', 'boxed:1.0', '--n=1,2', '--engine', 'argo'], {
      code: 'SAME1702',
      exit: 6,
      message: 'engine argo runs no sweeps',
      hint: 'those that do: local, podman, kubernetes',
    });
  });
});
