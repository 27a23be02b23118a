import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { eraseLogin, findLogin, storeLogin } from '../../src/registry/credentials.ts';
import { until } from '../components/facts.ts';
import { auth, type Desk, KEEPER, openDesk } from './logins.ts';

const SECRET = 'pa55:w0rd/ü';
const ada = { username: 'ada', password: SECRET };

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk[Symbol.dispose]());

const find = (host: string, repository = 'lab/study') => findLogin({ host, repository }, desk);
const userAt = async (host: string, repository?: string): Promise<string | undefined> => {
  const login = await find(host, repository);
  return login && 'username' in login ? login.username : undefined;
};
/** A refusal, with nothing secret in anything it says. */
const refused = async (doing: Promise<unknown>): Promise<SameError> => {
  const error = await doing.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SameError, String(error));
  assert.equal(error.code, 'SAME1807');
  assert.ok(!JSON.stringify(error.findings).includes(SECRET));
  return error;
};

describe('a stored login', () => {
  it('is found in docker’s file, and nowhere when there is none', async () => {
    assert.equal(await find('r.example'), undefined);
    desk.docker({ auths: { 'r.example': auth('ada', SECRET) } });
    assert.deepEqual(await find('r.example'), ada);
    desk.variables.DOCKER_CONFIG = desk.path('other');
    assert.equal(await find('r.example'), undefined);
    desk.write('other/config.json', { auths: { 'r.example': auth('bob', 'b') } });
    assert.equal(await userAt('r.example'), 'bob');
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
    assert.equal(await userAt('r.example'), 'plain');
    assert.equal(await userAt('R.Example'), 'plain');
    assert.equal(await userAt('r.example:5000'), 'port');
    for (const host of [
      'r.example:5001',
      'r.example:443',
      'example',
      'sub.r.example',
      'r.example.evil',
      'evil.example',
    ])
      assert.equal(await userAt(host), undefined, host);
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
      assert.equal(await userAt('r.example'), 'ada');
      assert.equal(await userAt('other.example'), undefined);
    });
  }

  it('is not found by a URL of something else on that host', async () => {
    desk.docker({ auths: { 'https://r.example/lab/study': auth('ada', 'x') } });
    assert.equal(await userAt('r.example'), undefined);
  });

  for (const host of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
    it(`of docker.io is the one of ${host}`, async () => {
      desk.docker({ auths: { 'https://index.docker.io/v1/': auth('hub', 'x') } });
      assert.equal(await userAt(host), 'hub');
      desk.docker({ auths: { 'docker.io': auth('podman', 'x') } });
      assert.equal(await userAt(host), 'podman');
      desk.docker({
        auths: { 'docker.io': auth('podman', 'x'), 'https://index.docker.io/v1/': auth('hub', 'x') },
      });
      assert.equal(await userAt(host), 'hub');
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
    assert.equal(await userAt('r.example', 'lab/study'), 'lab');
    assert.equal(await userAt('r.example', 'lab'), 'lab');
    assert.equal(await userAt('r.example', 'lab/study/deep'), 'deep');
    assert.equal(await userAt('r.example', 'lab/empty'), 'lab');
    assert.equal(await userAt('r.example', 'laboratory/study'), 'host');
  });

  it('in the file that REGISTRY_AUTH_FILE names goes first', async () => {
    desk.docker({ auths: { 'r.example': auth('docker', 'x'), 'd.example': auth('docker', 'x') } });
    desk.variables.REGISTRY_AUTH_FILE = desk.write('auth.json', {
      auths: { 'r.example': auth('podman', 'x') },
    });
    assert.equal(await userAt('r.example'), 'podman');
    assert.equal(await userAt('d.example'), 'docker');
    desk.variables.REGISTRY_AUTH_FILE = desk.path('nothing.json');
    assert.equal(await userAt('r.example'), 'docker');
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
    assert.deepEqual(await find('identity.example'), { identityToken: 'idt' });
    assert.deepEqual(await find('registry.example'), { registryToken: 'rt' });
    assert.deepEqual(await find('token.example'), { identityToken: 'idt' });
    assert.deepEqual(await find('plain.example'), ada);
    assert.deepEqual(await find('padded.example'), ada);
    assert.equal(await find('empty.example'), undefined);
  });
});

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
    assert.equal(await userAt('one.example'), 'one');
    assert.equal(await userAt('two.example'), 'all');
    assert.equal(await userAt('off.example'), 'file');
    assert.equal(await userAt('one.example:5000'), 'all');
    assert.deepEqual(desk.warnings, []);
  });

  it('is asked by its standard input, by the name docker has for the host', async () => {
    desk.helper('keep', KEEPER);
    desk.docker({ credsStore: 'keep' });
    await find('R.example:5000');
    await find('docker.io');
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
    assert.equal(await userAt('r.example'), 'file');
    assert.equal(await userAt('d.example'), 'docker');
    assert.deepEqual(desk.warnings, []);
  });

  it('gives an identity token to the user <token>', async () => {
    desk.helper(
      'keep',
      `cat >/dev/null; echo '{"ServerURL":"https://r.example","Username":"<token>","Secret":"idt"}'`,
    );
    desk.docker({ credsStore: 'keep' });
    assert.deepEqual(await find('r.example'), { identityToken: 'idt' });
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
      assert.equal(await find('r.example'), undefined);
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
      assert.equal(await find('r.example'), undefined);
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
      const error = await refused(find('r.example'));
      assert.ok(error.message.includes(file), error.message);
      assert.equal(error.exitCode, 5);
    });
  }

  it('says where a comma lacks', async () => {
    const file = desk.docker('{\n  "auths": {}\n  "credsStore": "x"}');
    assert.equal((await refused(find('r.example'))).findings[0]!.place, `${file}:3:3`);
  });

  it('is refused in other bytes than UTF-8, and as a directory', async () => {
    const file = desk.docker('');
    execFileSync('sh', ['-c', `printf '{"a": "\\377"}' >"$0"`, file]);
    assert.match((await refused(find('r.example'))).message, /not UTF-8/);
    mkdirSync(desk.path('directory/config.json'), { recursive: true });
    desk.variables.DOCKER_CONFIG = desk.path('directory');
    assert.match((await refused(find('r.example'))).message, /EISDIR/);
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
    assert.deepEqual(await find('r.example'), ada);
    await storeLogin('bad.example', ada, desk);
    assert.deepEqual(await find('bad.example'), ada);
    desk.docker({ auths });
    assert.equal((await eraseLogin('bad.example', desk)).removed.length, 1);
    assert.equal(await find('bad.example'), undefined);
  });

  it('that is empty has no logins', async () => {
    for (const content of ['', ' \n', '{}', '{"auths": null, "credHelpers": null, "credsStore": null}']) {
      desk.docker(content);
      assert.equal(await find('r.example'), undefined);
    }
  });
});

describe('storing a login', () => {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it('makes the file for its owner alone', async () => {
    const { file } = await storeLogin('r.example', ada, desk);
    assert.equal(file, desk.path('.docker/config.json'));
    assert.equal(mode(file), '600');
    assert.equal(mode(desk.path('.docker')), '700');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { auths: { 'r.example': auth('ada', SECRET) } });
    assert.deepEqual(readdirSync(desk.path('.docker')), ['config.json']);
    assert.deepEqual(await find('r.example'), ada);
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
      assert.deepEqual(await find('r.example'), ada);
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
    assert.deepEqual(await find('r.example'), ada);
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
    const { spawn } = await import('node:child_process');
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
    assert.equal(await userAt('r.example', 'other'), undefined);
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
