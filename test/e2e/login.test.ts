import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { missing } from '../components/installed.ts';
import { type Registry, startRegistry, unavailable } from '../components/registry.ts';
import { auth, KEEPER } from '../registry/logins.ts';
import { typed } from './keyboard.ts';
import { assertRefused } from './refusal.ts';
import { type Ended, openRig, type Rig } from './rig.ts';

const noRegistry = unavailable() ?? false;
const not = (absent: string | undefined): string | false =>
  noRegistry || (process.env.CI ? false : (absent ?? false));
const WRONG = 'wr0ng-pa55';

let rig: Rig;
let registry: Registry;
before(async () => {
  if (!noRegistry) registry = await startRegistry();
});
after(async () => registry?.dispose());
beforeEach(() => {
  rig = openRig();
  rig.write({ 'user/.keep': '' });
});
afterEach(() => rig[Symbol.dispose]());

const config = (): string => rig.path('user/.docker/config.json');
const stored = () => JSON.parse(readFileSync(config(), 'utf8'));
const helper = (name: string, script: string): void =>
  rig.write({ [`bin/docker-credential-${name}!`]: `#!/bin/sh\n${script}` });
const withHelpers = () => ({ PATH: `${rig.path('bin')}:${process.env.PATH}` });

/** What `same login` is run with when the password comes from a file. */
function piped(password: string): { under: string[] } {
  writeFileSync(rig.path('password'), password);
  return { under: ['sh', '-c', 'exec "$@" <"$0"', rig.path('password')] };
}
const words = (): string[] => [
  'login',
  registry.host,
  '--ca',
  registry.caFile,
  '-u',
  registry.user,
  '--password-stdin',
];
const login = (password = registry.password, env: Record<string, string> = {}): Promise<Ended> =>
  rig.same(words(), { ...piped(password), env });

/** No output has the password, in any form that it is sent or stored in. */
function assertSilent(texts: (string | Buffer)[], password = registry.password): void {
  for (const secret of [
    password,
    auth('ada', password).auth,
    auth(registry.user, password).auth,
    encodeURIComponent(password),
  ])
    for (const text of texts)
      assert.ok(!text.includes(secret), `"${secret}" is in ${String(text).slice(0, 300)}`);
}

/** Words and variables of all processes that may be looked into. */
function processes(): string[] {
  const seen: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const file of ['cmdline', 'environ']) {
      try {
        seen.push(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
      } catch {
        // It ended, or is not ours to look into.
      }
    }
  }
  return seen;
}

describe('same login', { skip: noRegistry }, () => {
  it('keeps a login that the registry takes, for its owner alone, and says where and how', async () => {
    const { code, stdout, stderr } = await login(`${registry.password}\n`);
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      `logged in to ${registry.host} as ${registry.user}; kept in ${config()}, not encrypted\n`,
    );
    assert.equal(stderr, '');
    assert.deepEqual(stored(), { auths: { [registry.host]: auth(registry.user, registry.password) } });
    assert.equal(statSync(config()).mode & 0o777, 0o600);
    assert.equal(statSync(rig.path('user/.docker')).mode & 0o777, 0o700);
    assertSilent([stdout, stderr]);
  });

  it('says the same in JSON', async () => {
    const ended = await rig.same([...words(), '--json'], piped(`${registry.password}\r\n`));
    assert.deepEqual(ended.json(), {
      apiVersion: 'same/v1',
      kind: 'LoggedIn',
      host: registry.host,
      username: registry.user,
      checked: true,
      stored: { file: config(), helper: null, encrypted: false },
    });
    assertSilent([ended.stdout, ended.stderr]);
  });

  it('stores nothing that the registry does not take, and repeats no password', async () => {
    const findings = await assertRefused(rig, words(), {
      ...piped(WRONG),
      code: 'SAME1802',
      exit: 6,
      message: registry.host,
    });
    assertSilent([JSON.stringify(findings)], WRONG);
    assert.deepEqual(readdirSync(rig.path('user')), ['.keep']);
  });

  it('reaches a registry whose authority it does not know only with --ca', async () => {
    const some = words().filter((word) => word !== '--ca' && word !== registry.caFile);
    await assertRefused(rig, some, { ...piped('x'), code: 'SAME1801', exit: 6, hint: '--ca FILE' });
  });

  it('wants a name beside the password and a password that is one', async () => {
    const { host } = registry;
    const refuse = (args: string[], password: string, hint: string | RegExp) =>
      assertRefused(rig, ['login', ...args], { ...piped(password), code: 'SAME1902', hint });
    await refuse([host, '--password-stdin'], 'x', `same login ${host} -u USER --password-stdin`);
    await refuse([host, '-u', 'ada', '--password-stdin'], '', '--password-stdin < FILE');
    await refuse([host, '-u', 'ada', '--password-stdin'], '\n', '--password-stdin < FILE');
    await refuse([host, '-u', 'a:b', '--password-stdin'], 'x', '-u USER');
    await refuse([host, '-u', '', '--password-stdin'], 'x', '-u USER');
    await refuse([host, '-u', 'ada'], 'x', `same login ${host} -u ada --password-stdin`);
    await refuse([host], 'x', '--password-stdin');
    await assertRefused(rig, ['login', host, '-u', 'ada', '--password', 'x'], { code: 'SAME1901' });
    await assertRefused(rig, ['login', `https://${host}/v2/`, '-u', 'ada'], {
      code: 'SAME1805',
      hint: `same login ${host}`,
    });
  });

  it('refuses a damaged file, leaves it as it is and shows nothing of it', async () => {
    rig.write({ 'user/.docker/config.json': `{"auths": {"x": {"auth": "${WRONG}"}}` });
    const findings = await assertRefused(rig, words(), {
      ...piped(registry.password),
      code: 'SAME1807',
      exit: 5,
      message: config(),
    });
    assertSilent([JSON.stringify(findings)], WRONG);
    assert.equal(readFileSync(config(), 'utf8'), `{"auths": {"x": {"auth": "${WRONG}"}}`);
  });

  it('leaves the login to a helper that is configured', async () => {
    helper('keep', KEEPER);
    rig.write({ 'user/.docker/config.json': '{"credsStore":"keep"}' });
    const { code, stdout, stderr } = await login(undefined, withHelpers());
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      `logged in to ${registry.host} as ${registry.user}; kept by docker-credential-keep\n`,
    );
    assert.equal(readFileSync(config(), 'utf8'), '{"credsStore":"keep"}');
    const kept = JSON.parse(readFileSync(rig.path('user/kept'), 'utf8'));
    assert.deepEqual(kept, { ServerURL: registry.host, Username: registry.user, Secret: registry.password });
    assertSilent([stdout, stderr]);
  });

  it('stores nothing in a file when the helper that is configured is missing', async () => {
    rig.write({ 'user/.docker/config.json': '{"credsStore":"gone"}' });
    await assertRefused(rig, words(), {
      ...piped(registry.password),
      code: 'SAME1807',
      exit: 5,
      message: 'docker-credential-gone is not in PATH',
      hint: config(),
    });
    assert.equal(readFileSync(config(), 'utf8'), '{"credsStore":"gone"}');
  });

  it('has the password in no word and no variable of any process, while a helper is at work', async () => {
    // Of this test alone: the registry's own is in words of other tests' tools.
    const gate = { kind: 'basic', username: 'ada', password: randomUUID() } as const;
    const guarded = await startFaultRegistry({ gate });
    try {
      execFileSync('mkfifo', [rig.path('gate')]);
      helper('keep', `touch "$HOME/ready"; read -r _ <"${rig.path('gate')}"\n${KEEPER}`);
      rig.write({ 'user/.docker/config.json': '{"credsStore":"keep"}' });
      const args = ['login', guarded.host, '--plain-http', '-u', 'ada', '--password-stdin'];
      const { ended } = rig.start(args, { ...piped(gate.password), env: withHelpers() });
      await until('the helper is at work', () => readdirSync(rig.path('user')).includes('ready'));
      const seen = processes();
      assert.ok(
        seen.some((text) => text.includes('docker-credential-keep\0store')),
        'the helper was seen',
      );
      assertSilent(seen, gate.password);
      writeFileSync(rig.path('gate'), 'go\n');
      const { code, stdout, stderr } = await ended;
      assert.equal(code, 0, stderr);
      assertSilent([stdout, stderr], gate.password);
    } finally {
      await guarded.dispose();
    }
  });

  it('says when the registry asked for no login', async () => {
    const open: FaultRegistry = await startFaultRegistry();
    try {
      const args = ['login', open.host, '--plain-http', '-u', 'ada', '--password-stdin'];
      const { code, stdout, stderr } = await rig.same(args, piped(WRONG));
      assert.equal(code, 0, stderr);
      assert.match(stderr, /asked for no login/);
      assert.match(stdout, /^logged in to/);
      assert.equal((await rig.same([...args, '--json'], piped(WRONG))).json().checked, false);
    } finally {
      await open.dispose();
    }
  });

  it('asks a token service that the registry names', async () => {
    const gate = { kind: 'token', username: 'ada', password: 's3cret-of-ada', methods: ['GET'] } as const;
    const guarded = await startFaultRegistry({ gate });
    try {
      const args = ['login', guarded.host, '--plain-http', '-u', 'ada', '--password-stdin'];
      await assertRefused(rig, args, { ...piped(WRONG), code: 'SAME1802', exit: 6 });
      const { code, stdout, stderr } = await rig.same(args, piped(gate.password));
      assert.equal(code, 0, stderr);
      for (const secret of guarded.secrets()) assert.ok(!`${stdout}${stderr}`.includes(secret));
    } finally {
      await guarded.dispose();
    }
  });
});

describe('at a terminal', { skip: not(missing('python3')) }, () => {
  it('same login asks for name and password and shows the name only', async () => {
    const args = ['login', registry.host, '--ca', registry.caFile];
    const { code, screen, echoes } = await typed(rig, args, [
      ['User name', `${registry.user}x\u007f\r`],
      ['Password', `y\u0015${registry.password}z\u007f\r`],
    ]);
    assert.equal(code, 0, screen);
    assert.ok(screen.includes(`User name for ${registry.host}: ${registry.user}`), screen);
    assert.ok(screen.includes(`Password of ${registry.user} for ${registry.host}: \r\n`), screen);
    assertSilent([screen]);
    assert.equal(stored().auths[registry.host].auth, auth(registry.user, registry.password).auth);
    assert.ok(echoes, 'the terminal is as it was');
  });

  it('both answers may be typed ahead', async () => {
    const args = ['login', registry.host, '--ca', registry.caFile];
    const { code, screen } = await typed(rig, args, [
      ['User name', `${registry.user}\r${registry.password}\r`],
    ]);
    assert.equal(code, 0, screen);
    assertSilent([screen]);
  });

  it('Ctrl-C and the end of the input leave everything as it was', async () => {
    const args = ['login', registry.host, '--ca', registry.caFile, '-u', registry.user];
    for (const [keys, code] of [
      ['abc\u0003', 130],
      ['\u0004', 2],
      ['\r', 2],
    ] as const) {
      const ended = await typed(rig, args, [['Password', keys]]);
      assert.equal(ended.code, code, ended.screen);
      assert.ok(ended.echoes, 'the terminal is as it was');
      assert.ok(!ended.screen.includes('abc'));
    }
    assert.deepEqual(readdirSync(rig.path('user')), ['.keep']);
  });

  it('--password-stdin is refused: the password would be shown', async () => {
    const args = ['login', registry.host, '-u', 'ada', '--password-stdin'];
    const { code, screen } = await typed(rig, args, []);
    assert.equal(code, 2);
    assert.match(screen, /SAME1902 .*would show the password/);
  });
});

describe('same logout', () => {
  const host = 'registry.example:5000';

  it('removes a login from file and helper, says where it was, and what stays', async () => {
    helper('keep', KEEPER);
    rig.write({
      'user/kept': JSON.stringify({ ServerURL: host, Username: 'ada', Secret: WRONG }),
      'user/.docker/config.json': JSON.stringify({
        credHelpers: { [host]: 'keep' },
        auths: { [`https://${host}/v1/`]: auth('ada', WRONG), [`${host}/lab`]: auth('lab', WRONG) },
      }),
    });
    const { code, stdout, stderr } = await rig.same(['logout', host], { env: withHelpers() });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `logged out of ${host}: removed from docker-credential-keep and ${config()}\n`);
    assert.equal(stderr, `the login for ${host}/lab stays\n`);
    assert.ok(!readdirSync(rig.path('user')).includes('kept'));
    assert.deepEqual(Object.keys(stored().auths), [`${host}/lab`]);
    assert.ok(!`${stdout}${stderr}`.includes(WRONG));
  });

  it('says when there was none, and changes nothing', async () => {
    mkdirSync(rig.path('user/.docker'));
    const nothing = { code: 'SAME1803', exit: 3, message: config(), hint: `same login ${host}` };
    await assertRefused(rig, ['logout', host], nothing);
    rig.write({
      'user/.docker/config.json': JSON.stringify({ auths: { 'registry.example': auth('a', 'b') } }),
    });
    await assertRefused(rig, ['logout', host], nothing);
    await assertRefused(rig, ['logout', `http://${host}/`], {
      code: 'SAME1805',
      hint: `same logout ${host}`,
    });
  });

  it('takes an alias for its host', async () => {
    rig.write({
      'home/config.yaml': `registries: {aliases: {lab: "oci://${host}/group"}}\n`,
      'user/.docker/config.json': JSON.stringify({ auths: { [host]: auth('a', 'b') } }),
    });
    assert.match((await rig.same(['logout', 'lab'])).stdout, /^logged out of registry\.example:5000: /);
    assert.deepEqual(stored(), { auths: {} });
  });
});
