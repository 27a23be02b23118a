import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findLogin } from '../../src/registry/credentials.ts';
import { until } from '../components/facts.ts';
import { auth, type Desk, KEEPER, openDesk, SECRET } from './logins.ts';

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk[Symbol.dispose]());

describe('a helper', () => {
  const answering = (user: string) => `cat >/dev/null; echo '{"Username":"${user}","Secret":"x"}'`;

  it('of the host goes before the store for all, and that before what the file holds', async () => {
    desk.helper('one', answering('one'));
    desk.helper('all', answering('all'));
    const auths = {
      'one.example': auth('file', 'x'),
      'two.example': auth('file', 'x'),
      'off.example': auth('file', 'x'),
    };
    desk.docker({ auths, credHelpers: { 'one.example': 'one', 'off.example': '' }, credsStore: 'all' });
    assert.equal(await desk.userAt('one.example'), 'one');
    assert.equal(await desk.userAt('two.example'), 'all');
    assert.equal(await desk.userAt('off.example'), 'file');
    assert.equal(await desk.userAt('one.example:5000'), 'all');
    assert.deepEqual(desk.warnings, []);
  });

  it('is asked by its standard input, by the name docker has for the host', async () => {
    desk.helper('keep', KEEPER);
    desk.docker({ credsStore: 'keep' });
    await desk.find('R.example:5000');
    await desk.find('docker.io');
    assert.equal(
      readFileSync(desk.path('asked'), 'utf8'),
      'get r.example:5000\nget https://index.docker.io/v1/\n',
    );
  });

  it('that has none leaves it to the file, and to the next one, without a word', async () => {
    desk.helper('keep', KEEPER);
    desk.docker({ auths: { 'd.example': auth('docker', 'x') } });
    desk.variables.REGISTRY_AUTH_FILE = desk.write('auth.json', {
      credsStore: 'keep',
      auths: { 'r.example': auth('file', 'x') },
    });
    assert.equal(await desk.userAt('r.example'), 'file');
    assert.equal(await desk.userAt('d.example'), 'docker');
    assert.deepEqual(desk.warnings, []);
  });

  it('gives an identity token to the user <token>', async () => {
    desk.helper(
      'keep',
      `cat >/dev/null; echo '{"ServerURL":"https://r.example","Username":"<token>","Secret":"idt"}'`,
    );
    desk.docker({ credsStore: 'keep' });
    assert.deepEqual(await desk.find('r.example'), { identityToken: 'idt' });
  });

  const broken: Record<string, [script: string | undefined, told: RegExp]> = {
    'is missing': [undefined, /docker-credential-bad is not in PATH/],
    'ends with an error': [
      `echo 'gpg: decryption failed: No secret key'; exit 2`,
      /failed \(exit 2\): gpg: decryption failed: No secret key/,
    ],
    'ends with an error and a login': [
      `echo '{"Username":"ada","Secret":"${SECRET}"}'; exit 1`,
      /failed \(exit 1\): r\.example is/,
    ],
    'ends with an error that looks like a login': [
      `echo 'password: ${SECRET}' >&2; exit 1`,
      /failed \(exit 1\)/,
    ],
    'answers something else': [`echo 'Secret ${SECRET}'`, /an answer that is no login/],
    'answers with no text': [`echo '{"Username":1,"Secret":"${SECRET}"}'`, /an answer that is no login/],
    'answers without end': ['exec cat /dev/zero', /answers without end/],
    'gives the login of another host': [
      `echo '{"ServerURL":"https://other.example/v1/","Username":"ada","Secret":"${SECRET}"}'`,
      /the login of another host than r\.example/,
    ],
    'cannot be started': ['', /docker-credential-bad/],
  };
  for (const [what, [script, told]] of Object.entries(broken)) {
    it(`that ${what} is warned of, and no login is given`, async () => {
      if (script !== undefined) desk.helper('bad', script);
      if (what === 'cannot be started') desk.write('bin/docker-credential-bad', '#!/no/such/interpreter\n');
      desk.docker({ credsStore: 'bad', auths: { 'r.example': auth('file', SECRET) } });
      assert.equal(await desk.find('r.example'), undefined);
      assert.equal(desk.warnings.length, 1);
      assert.match(desk.warnings[0]!.message, told);
      assert.match(desk.warnings[0]!.message, /r\.example is asked without a login$/);
      assert.equal(desk.warnings[0]!.code, 'SAME1807');
      assert.ok(!JSON.stringify(desk.warnings).includes(SECRET));
    });
  }

  for (const name of ['../bad', 'a/b', 'a b', '$(id)', 'ä', 'a\nb']) {
    it(`named ${JSON.stringify(name)} is never started`, async () => {
      desk.write('bin/bad', '#!/bin/sh\ntouch "$HOME/started"');
      desk.docker({ credsStore: name });
      assert.equal(await desk.find('r.example'), undefined);
      assert.match(desk.warnings[0]!.message, /no plain name/);
      assert.ok(!readdirSync(desk.root).includes('started'));
    });
  }

  it('that never answers is left after a while, whatever it has started', async () => {
    execFileSync('mkfifo', [desk.path('never')]);
    desk.helper('bad', 'cat "$HOME/never"; true');
    desk.docker({ credsStore: 'bad' });
    assert.equal(
      await findLogin({ host: 'r.example', repository: 'a' }, { ...desk, timeoutMs: 200 }),
      undefined,
    );
    assert.match(desk.warnings[0]!.message, /did not answer in 1 s/);
    // Lets go of what the helper left behind.
    execFileSync('sh', ['-c', ': <>"$0"', desk.path('never')]);
  });

  it('is given up at Ctrl-C', async () => {
    execFileSync('mkfifo', [desk.path('never')]);
    desk.helper('bad', 'echo "$$" >"$HOME/pid"; exec cat "$HOME/never"');
    desk.docker({ credsStore: 'bad' });
    const stop = new AbortController();
    const finding = findLogin({ host: 'r.example', repository: 'a' }, { ...desk, signal: stop.signal });
    await until('the helper runs', () => readdirSync(desk.root).includes('pid'));
    stop.abort();
    await assert.rejects(finding, { code: 'SAME1903' });
  });
});
