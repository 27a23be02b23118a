import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eraseLogin, storeLogin } from '../../src/registry/credentials.ts';
import { ada, auth, type Desk, openDesk, refused, SECRET } from './logins.ts';

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk[Symbol.dispose]());

describe('a stored login', () => {
  it('is found in docker’s file, and nowhere when there is none', async () => {
    assert.equal(await desk.find('r.example'), undefined);
    desk.docker({ auths: { 'r.example': auth('ada', SECRET) } });
    assert.deepEqual(await desk.find('r.example'), ada);
    desk.variables.DOCKER_CONFIG = desk.path('other');
    assert.equal(await desk.find('r.example'), undefined);
    desk.write('other/config.json', { auths: { 'r.example': auth('bob', 'b') } });
    assert.equal(await desk.userAt('r.example'), 'bob');
  });

  it('is for its host and port alone', async () => {
    desk.docker({
      auths: {
        'r.example': auth('plain', 'x'),
        'r.example:5000': auth('port', 'x'),
        'evil.example/r.example': auth('evil', 'x'),
        'https://r.example@evil.example/v1/': auth('evil', 'x'),
      },
    });
    assert.equal(await desk.userAt('r.example'), 'plain');
    assert.equal(await desk.userAt('R.Example'), 'plain');
    assert.equal(await desk.userAt('r.example:5000'), 'port');
    for (const host of [
      'r.example:5001',
      'r.example:443',
      'example',
      'sub.r.example',
      'r.example.evil',
      'evil.example',
    ])
      assert.equal(await desk.userAt(host), undefined, host);
  });

  for (const key of [
    'https://r.example',
    'https://r.example/',
    'https://r.example/v1/',
    'https://r.example/v2/',
    'https://r.example/v1',
    'http://r.example/v1/',
    'r.example/',
    'r.example/v1/',
  ]) {
    it(`is found by the key ${key}`, async () => {
      desk.docker({ auths: { [key]: auth('ada', 'x') } });
      assert.equal(await desk.userAt('r.example'), 'ada');
      assert.equal(await desk.userAt('other.example'), undefined);
    });
  }

  it('is not found by a URL of something else on that host', async () => {
    desk.docker({ auths: { 'https://r.example/lab/study': auth('ada', 'x') } });
    assert.equal(await desk.userAt('r.example'), undefined);
  });

  for (const host of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
    it(`of docker.io is the one of ${host}`, async () => {
      desk.docker({ auths: { 'https://index.docker.io/v1/': auth('hub', 'x') } });
      assert.equal(await desk.userAt(host), 'hub');
      desk.docker({ auths: { 'docker.io': auth('podman', 'x') } });
      assert.equal(await desk.userAt(host), 'podman');
      desk.docker({
        auths: { 'docker.io': auth('podman', 'x'), 'https://index.docker.io/v1/': auth('hub', 'x') },
      });
      assert.equal(await desk.userAt(host), 'hub');
    });
  }

  it('of the longest namespace goes first, at whole segments', async () => {
    desk.docker({
      auths: {
        'r.example': auth('host', 'x'),
        'r.example/lab': auth('lab', 'x'),
        'r.example/lab/study/deep': auth('deep', 'x'),
        'r.example/lab/empty': {},
      },
    });
    assert.equal(await desk.userAt('r.example', 'lab/study'), 'lab');
    assert.equal(await desk.userAt('r.example', 'lab'), 'lab');
    assert.equal(await desk.userAt('r.example', 'lab/study/deep'), 'deep');
    assert.equal(await desk.userAt('r.example', 'lab/empty'), 'lab');
    assert.equal(await desk.userAt('r.example', 'laboratory/study'), 'host');
  });

  it('in the file that REGISTRY_AUTH_FILE names goes first', async () => {
    desk.docker({ auths: { 'r.example': auth('docker', 'x'), 'd.example': auth('docker', 'x') } });
    desk.variables.REGISTRY_AUTH_FILE = desk.write('auth.json', {
      auths: { 'r.example': auth('podman', 'x') },
    });
    assert.equal(await desk.userAt('r.example'), 'podman');
    assert.equal(await desk.userAt('d.example'), 'docker');
    desk.variables.REGISTRY_AUTH_FILE = desk.path('nothing.json');
    assert.equal(await desk.userAt('r.example'), 'docker');
  });

  it('may be a token', async () => {
    desk.docker({
      auths: {
        'identity.example': { ...auth('00000000-0000', ''), identitytoken: 'idt' },
        'registry.example': { identitytoken: 'idt', registrytoken: 'rt' },
        'token.example': auth('<token>', 'idt'),
        'plain.example': { username: 'ada', password: SECRET },
        'padded.example': auth('ada', `${SECRET}\0\0`),
        'empty.example': {},
      },
    });
    assert.deepEqual(await desk.find('identity.example'), { identityToken: 'idt' });
    assert.deepEqual(await desk.find('registry.example'), { registryToken: 'rt' });
    assert.deepEqual(await desk.find('token.example'), { identityToken: 'idt' });
    assert.deepEqual(await desk.find('plain.example'), ada);
    assert.deepEqual(await desk.find('padded.example'), ada);
    assert.equal(await desk.find('empty.example'), undefined);
  });
});

describe('a damaged file', () => {
  const damages: Record<string, unknown> = {
    'no JSON': `{"auths": {"r.example": {"auth": "${SECRET}"}}`,
    'a text': JSON.stringify(SECRET),
    'a list': [SECRET],
    'auths that are none': { auths: SECRET },
    'helpers that are none': { credHelpers: [SECRET] },
    'a helper that is no text': { credHelpers: { 'x.example': { a: SECRET } } },
    'a store that is no text': { credsStore: [SECRET] },
    'a login that is no object': { auths: { 'r.example': SECRET } },
    'a login that is no base64': { auths: { 'r.example': { auth: SECRET } } },
    'a login without a colon': { auths: { 'r.example': { auth: Buffer.from('secret').toString('base64') } } },
    'a login without a user': { auths: { 'r.example': auth('', SECRET) } },
    'a token that is no text': { auths: { 'r.example': { identitytoken: { a: SECRET } } } },
  };
  for (const [what, content] of Object.entries(damages)) {
    it(`with ${what} is named, and nothing of it shown`, async () => {
      const file = desk.docker(content);
      const error = await refused(desk.find('r.example'));
      assert.ok(error.message.includes(file), error.message);
      assert.equal(error.exitCode, 5);
    });
  }

  it('says where a comma lacks', async () => {
    const file = desk.docker('{\n  "auths": {}\n  "credsStore": "x"}');
    assert.equal((await refused(desk.find('r.example'))).findings[0]!.place, `${file}:3:3`);
  });

  it('is refused in other bytes than UTF-8, and as a directory', async () => {
    const file = desk.docker('');
    execFileSync('sh', ['-c', `printf '{"a": "\\377"}' >"$0"`, file]);
    assert.match((await refused(desk.find('r.example'))).message, /not UTF-8/);
    mkdirSync(desk.path('directory/config.json'), { recursive: true });
    desk.variables.DOCKER_CONFIG = desk.path('directory');
    assert.match((await refused(desk.find('r.example'))).message, /EISDIR/);
  });

  it('is left as it is by storing and removing', async () => {
    const file = desk.docker(`{"auths": ${SECRET}`);
    await refused(storeLogin('r.example', ada, desk));
    await refused(eraseLogin('r.example', desk));
    assert.equal(readFileSync(file, 'utf8'), `{"auths": ${SECRET}`);
  });

  it('with a damaged login of one host serves the others, and is mended by storing and by removing', async () => {
    const auths = { 'bad.example': { auth: '%%' }, 'r.example': auth('ada', SECRET) };
    desk.docker({ auths });
    assert.deepEqual(await desk.find('r.example'), ada);
    await storeLogin('bad.example', ada, desk);
    assert.deepEqual(await desk.find('bad.example'), ada);
    desk.docker({ auths });
    assert.equal((await eraseLogin('bad.example', desk)).removed.length, 1);
    assert.equal(await desk.find('bad.example'), undefined);
  });

  it('that is empty has no logins', async () => {
    for (const content of ['', ' \n', '{}', '{"auths": null, "credHelpers": null, "credsStore": null}']) {
      desk.docker(content);
      assert.equal(await desk.find('r.example'), undefined);
    }
  });
});
