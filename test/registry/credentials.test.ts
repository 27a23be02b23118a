import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eraseLogin, storeLogin } from '../../src/registry/credentials.ts';
import { ada, auth, type Desk, KEEPER, openDesk, refused, SECRET } from './logins.ts';

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk[Symbol.dispose]());

describe('storing a login', () => {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it('makes the file for its owner alone', async () => {
    const { file } = await storeLogin('r.example', ada, desk);
    assert.equal(file, desk.path('.docker/config.json'));
    assert.equal(mode(file), '600');
    assert.equal(mode(desk.path('.docker')), '700');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { auths: { 'r.example': auth('ada', SECRET) } });
    assert.deepEqual(readdirSync(desk.path('.docker')), ['config.json']);
    assert.deepEqual(await desk.find('r.example'), ada);
  });

  it('keeps everything else in the file as it says it', async () => {
    const before = `{
  "HttpHeaders": {"X": "é\\u00e9"},
  "auths": {"other.example": {"auth": "b3RoZXI6eA==", "email": "a@b"}},
  "big": 12345678901234567890123,
  "precise": 1.0000000000000000001e-7,
  "plugins": {"-x": {"a": [1.50, null, true]}},
  "__proto__": {"kept": true}
}
`;
    const file = desk.docker(before);
    await storeLogin('docker.io', ada, desk);
    const after = readFileSync(file, 'utf8');
    for (const part of ['12345678901234567890123', '1.0000000000000000001e-7', '1.50', '"__proto__"'])
      assert.ok(after.includes(part), part);
    const now = JSON.parse(after);
    assert.deepEqual(Object.keys(now), Object.keys(JSON.parse(before)));
    assert.deepEqual(now.auths, {
      'other.example': { auth: 'b3RoZXI6eA==', email: 'a@b' },
      'https://index.docker.io/v1/': auth('ada', SECRET),
    });
    assert.deepEqual({ ...now, auths: 0 }, { ...JSON.parse(before), auths: 0 });
    assert.ok(after.endsWith('}\n') && after.startsWith('{\n  "'), 'indented as before');
    await eraseLogin('docker.io', desk);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(before));
  });

  it('closes a file that others may read, even when it has the login already', async () => {
    const file = desk.docker({ auths: { 'r.example': auth('ada', SECRET) } });
    assert.equal(mode(file), '644');
    await storeLogin('r.example', ada, desk);
    assert.equal(mode(file), '600');
    const { ino } = statSync(file);
    await storeLogin('r.example', ada, desk);
    assert.equal(statSync(file).ino, ino, 'nothing to write');
  });

  it('leaves a link a link, to a file that is there or is not', async () => {
    for (const target of ['real/one.json', 'real/two.json']) {
      if (target.includes('one')) desk.write(target, '{"credHelpers": {}}');
      const link = desk.path(`${target.replaceAll('/', '-')}.link`);
      symlinkSync(target, link);
      desk.variables.REGISTRY_AUTH_FILE = link;
      await storeLogin('r.example', ada, desk);
      assert.ok(lstatSync(link).isSymbolicLink());
      assert.equal(readlinkSync(link), target);
      assert.equal(mode(desk.path(target)), '600');
      assert.deepEqual(await desk.find('r.example'), ada);
    }
  });

  it('goes into the file that REGISTRY_AUTH_FILE names', async () => {
    desk.variables.REGISTRY_AUTH_FILE = desk.path('deep/down/auth.json');
    assert.deepEqual(await storeLogin('r.example', ada, desk), { file: desk.path('deep/down/auth.json') });
    assert.ok(!readdirSync(desk.root).includes('.docker'));
  });

  it('is left to the helper where one is named, and the file is not touched', async () => {
    desk.helper('keep', KEEPER);
    const file = desk.docker({ credHelpers: { 'r.example': 'keep' } });
    const before = readFileSync(file, 'utf8');
    assert.deepEqual(await storeLogin('r.example', ada, desk), { file, helper: 'docker-credential-keep' });
    assert.equal(readFileSync(file, 'utf8'), before);
    assert.deepEqual(JSON.parse(readFileSync(desk.path('kept'), 'utf8')), {
      ServerURL: 'r.example',
      Username: 'ada',
      Secret: SECRET,
    });
    assert.deepEqual(await desk.find('r.example'), ada);
  });

  it('never falls back to the file when the helper refuses, nor repeats the secret', async () => {
    const file = desk.docker({ credsStore: 'bad' });
    assert.match((await refused(storeLogin('r.example', ada, desk))).message, /not in PATH/);
    desk.helper('bad', 'cat; exit 3');
    assert.match(
      (await refused(storeLogin('r.example', ada, desk))).message,
      /could not store the login \(exit 3\)$/,
    );
    desk.helper('bad', `cat >/dev/null; echo 'keychain is locked, no ${SECRET}'; exit 3`);
    assert.match((await refused(storeLogin('r.example', ada, desk))).message, /\(exit 3\)$/);
    desk.helper('bad', `cat >/dev/null; echo 'keychain is locked'; exit 3`);
    assert.match(
      (await refused(storeLogin('r.example', ada, desk))).message,
      /\(exit 3\): keychain is locked$/,
    );
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { credsStore: 'bad' });
  });

  it('by many at once loses none', async () => {
    const hosts = Array.from({ length: 6 }, (_, index) => `r${index}.example`);
    const script = `
      const { storeLogin } = await import(${JSON.stringify(new URL('../../src/registry/credentials.ts', import.meta.url).href)});
      await storeLogin(process.argv[1], { username: 'u', password: 'p' }, {});`;
    const codes = await Promise.all(
      hosts.map(
        (host) =>
          new Promise((done) => {
            spawn(process.execPath, ['--input-type=module', '-e', script, host], {
              env: desk.variables,
              stdio: 'ignore',
            }).on('close', done);
          }),
      ),
    );
    assert.deepEqual(
      codes,
      hosts.map(() => 0),
    );
    const { auths } = JSON.parse(readFileSync(desk.path('.docker/config.json'), 'utf8'));
    assert.deepEqual(Object.keys(auths).sort(), hosts);
  });
});

describe('removing a login', () => {
  it('removes every spelling of the host, in every file, and says what stays', async () => {
    desk.helper('keep', KEEPER);
    const docker = desk.docker({
      credHelpers: { 'r.example': 'keep' },
      auths: {
        'r.example': {},
        'https://r.example/v1/': auth('old', 'x'),
        'r.example/lab': auth('lab', 'x'),
        'r.example:5000': auth('port', 'x'),
      },
    });
    await storeLogin('r.example', ada, desk);
    const named = desk.write('auth.json', { auths: { 'r.example': auth('podman', 'x') } });
    desk.variables.REGISTRY_AUTH_FILE = named;
    const { removed, left } = await eraseLogin('r.example', desk);
    assert.deepEqual(removed, [
      { file: named },
      { file: docker, helper: 'docker-credential-keep' },
      { file: docker },
    ]);
    assert.deepEqual(left, ['r.example/lab']);
    assert.ok(!readdirSync(desk.root).includes('kept'));
    assert.deepEqual(JSON.parse(readFileSync(named, 'utf8')), { auths: {} });
    const { auths } = JSON.parse(readFileSync(docker, 'utf8'));
    assert.deepEqual(Object.keys(auths), ['r.example/lab', 'r.example:5000']);
    assert.equal(await desk.userAt('r.example', 'other'), undefined);
  });

  it('that is not there changes nothing and makes nothing', async () => {
    assert.deepEqual((await eraseLogin('r.example', desk)).removed, []);
    assert.deepEqual(readdirSync(desk.root), ['bin']);
    desk.helper('keep', KEEPER);
    const file = desk.docker({ credsStore: 'keep' });
    const { ino } = statSync(file);
    assert.deepEqual((await eraseLogin('r.example', desk)).removed, []);
    assert.equal(statSync(file).ino, ino);
  });

  it('says when a helper cannot be asked, having removed what the file holds', async () => {
    const file = desk.docker({ credsStore: 'gone', auths: { 'r.example': auth('ada', SECRET) } });
    assert.match(
      (await refused(eraseLogin('r.example', desk))).message,
      /docker-credential-gone is not in PATH/,
    );
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).auths, {});
  });
});
