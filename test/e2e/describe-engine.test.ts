import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';

describe('an engine of a cluster that allows its caller nothing', () => {
  let rig: Rig;
  let api: Server;
  before(async () => {
    rig = openRig();
    api = createServer((request, answer) => {
      const { pathname } = new URL(request.url!, 'http://localhost');
      const said: Record<string, object> = { '/version': { gitVersion: 'v1.34.4' }, '/apis': { groups: [] } };
      const isReview = pathname.endsWith('/selfsubjectaccessreviews');
      const body = isReview
        ? { metadata: {}, status: { allowed: false } }
        : (said[pathname] ?? { kind: 'Status', reason: 'Forbidden', message: `${pathname} is forbidden` });
      request.resume();
      answer.writeHead(isReview || pathname in said ? 200 : 403, { 'content-type': 'application/json' });
      answer.end(JSON.stringify(body));
    });
    await new Promise<void>((done) => api.listen(0, '127.0.0.1', done));
    const server = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    rig.write({
      config: JSON.stringify({
        'current-context': 'lab',
        clusters: [{ name: 'lab', cluster: { server, 'insecure-skip-tls-verify': true } }],
        contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'ada' } }],
        users: [{ name: 'ada', user: {} }],
      }),
    });
  });
  after(() => {
    api.close();
    api.closeAllConnections();
    rig[Symbol.dispose]();
  });

  it('is described with the command that prints what is missing, for the same namespace', async () => {
    const env = { KUBECONFIG: rig.path('config') };
    for (const [name, of, role] of [
      ['kubernetes', 'kubernetes', 'same'],
      ['argo', 'argo', 'same-argo'],
      ['tekton', 'tekton', 'same-tekton'],
      ['kubeflow', 'kubeflow', 'same-kubeflow'],
      ['katib', 'kubernetes', 'same'],
    ] as const) {
      const words = ['--namespace', 'studies'];
      const { code, stderr } = await rig.same(['describe', 'engine', name, ...words], { env });
      assert.equal(code, 0, stderr);
      const [, hint = ''] = /grants what is missing: same (.*) \| kubectl apply -f -/.exec(stderr) ?? [];
      assert.equal(hint, `describe engine ${of} --namespace studies --rbac`);
      const printed = await rig.same(hint.split(' '), { env });
      assert.match(printed.stdout, /^ {2}namespace: studies$/m);
      assert.match(printed.stdout, new RegExp(`^ {2}name: ${role}$`, 'm'));
    }
  });

  it('is told with the role for Kubeflow which release that is for, whose API alone it opens, and what it cannot keep apart', async () => {
    const { code, stdout, stderr } = await rig.same(['describe', 'engine', 'kubeflow', '--rbac'], {
      env: { KUBECONFIG: rig.path('config') },
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^# .*Kubeflow Pipelines 2\.16 or later/m);
    assert.match(stdout, /^# .*ConfigMaps may be changed and deleted by it that are of others/m);
    assert.match(stdout, /- services\/proxy\n +resourceNames:\n +- "ml-pipeline:8888"\n/);
  });
});
