import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { auth } from '../registry/logins.ts';
import { listing } from './refusal.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

const gate = {
  kind: 'token',
  username: 'ada',
  password: randomUUID(),
  identityToken: randomUUID(),
  methods: ['GET', 'POST'],
} as const;

describe('a stored login', () => {
  let rig: Rig;
  let guarded: FaultRegistry;
  let open: FaultRegistry;
  before(async () => {
    rig = openRig();
    [guarded, open] = await Promise.all([startFaultRegistry({ gate }), startFaultRegistry()]);
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(async () => {
    await Promise.all([guarded.dispose(), open.dispose()]);
    rig[Symbol.dispose]();
  });

  /** Pushes with what docker's file says. */
  const push = (to: FaultRegistry, namespace: string, config: unknown): Promise<Ended> => {
    rig.write({ 'user/.docker/config.json': JSON.stringify(config) });
    const env = { PATH: `${rig.path('bin')}:${process.env.PATH}` };
    return rig.same(['push', 'study:1.0', `oci://${to.host}/${namespace}`, '--plain-http'], { env });
  };
  /** Everything that a push printed and that is in the home. */
  const everything = ({ stdout, stderr }: Ended): string[] => [
    stdout,
    stderr,
    ...listing(rig.home)
      .filter((line) => !line.endsWith('/'))
      .map((line) => readFileSync(join(rig.home, line.split(' ')[0]!), 'latin1')),
  ];

  it('opens the registry, and is in no output and nowhere in the home', async () => {
    const ended = await push(guarded, 'file', { auths: { [guarded.host]: auth('ada', gate.password) } });
    assert.equal(ended.code, 0, ended.stderr);
    for (const secret of [...guarded.secrets(), auth('ada', gate.password).auth])
      for (const text of everything(ended)) assert.ok(!text.includes(secret), text.slice(0, 300));
  });

  it('may be an identity token that a helper gives', async () => {
    const answer = JSON.stringify({ Username: '<token>', Secret: gate.identityToken });
    rig.write({ 'bin/docker-credential-give!': `#!/bin/sh\ncat >/dev/null\necho '${answer}'` });
    const ended = await push(guarded, 'helper', { credHelpers: { [guarded.host]: 'give' } });
    assert.equal(ended.code, 0, ended.stderr);
    for (const secret of guarded.secrets())
      for (const text of everything(ended)) assert.ok(!text.includes(secret), text.slice(0, 300));
  });

  it('of another host or port is not shown', async () => {
    const seen = guarded.log.length;
    const port = guarded.host.split(':')[1]!;
    const others = ['localhost', `localhost:${port}1`, `127.0.0.1:${port}`, `evil.example/${guarded.host}`];
    const auths = Object.fromEntries(others.map((other) => [other, auth('ada', gate.password)]));
    const { code, stderr } = await push(guarded, 'others', { auths });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /^SAME1802 /m);
    const log = guarded.log.slice(seen);
    assert.ok(log.length > 0);
    const shown = log
      .map(({ headers, query, body }) => `${headers.authorization} ${query} ${body}`)
      .join('\n');
    for (const secret of [gate.password, auth('ada', gate.password).auth]) assert.ok(!shown.includes(secret));
  });

  it('that a missing helper has is warned of once, and the registry asked without one', async () => {
    // Only a registry that wants a login is told one: this one asks for none, and no helper is missed.
    const quiet = await push(open, 'open', { credsStore: 'gone' });
    assert.equal(quiet.code, 0, quiet.stderr);
    assert.ok(!quiet.stderr.includes('docker-credential-gone'), quiet.stderr);
    const { code, stderr } = await push(guarded, 'missing', { credsStore: 'gone' });
    assert.equal(code, 6);
    assert.equal(
      stderr.match(/^warning: SAME1807 .*docker-credential-gone is not in PATH/gm)?.length,
      1,
      stderr,
    );
    assert.match(stderr, /^SAME1802 /m);
  });

  it('in a damaged file refuses the push, which names the file alone', async () => {
    rig.write({ 'user/.docker/config.json': `{"auths": {"x": "${gate.password}"` });
    const { code, stdout, stderr } = await rig.same([
      'push',
      'study:1.0',
      `oci://${guarded.host}/damaged`,
      '--plain-http',
    ]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^SAME1807 .*user\/\.docker\/config\.json/m);
    assert.ok(!`${stdout}${stderr}`.includes(gate.password));
  });
});
