import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startGitHttps, unavailable } from '../components/git-https.ts';
import { openRig, type Rig, type RunOptions } from './rig.ts';

const manifest = `# what this study is
apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters:
  epochs: {type: integer, default: 3}
data:
  table: {uri: data/table.csv, carry: embed}
pipeline:
  steps:
    main:
      run: ./run.sh {{flags}}
      inputs: {table: {data: table}}
      outputs: {result: {path: result.txt}}
`;

// An executable, bytes that are no text, line ends that a checkout could convert, names that locales sort differently.
const files: Record<string, string | Buffer> = {
  'same.yaml': manifest,
  'run.sh!': '#!/bin/sh\ncat "$SAME_IN/table" > result.txt; echo "$@" >> result.txt\n',
  'data/table.csv': 'a,b\r\n1,2\r\n',
  'data/raw.bin': Buffer.from([0, 255, 13, 10, 26]),
  'README.md': '# Study\n',
  'lib/Z.txt': 'Z\n',
  'lib/a.txt': 'a\n',
  'lib/ä.txt': 'ä\n',
  'lib/Ö.txt': 'Ö\n',
};

describe('the same tree has one digest', () => {
  test('from a folder, a work tree, a tag over file and https, an https archive and an imported bundle', {
    skip: missing(),
  }, async (t) => {
    using rig = openRig();
    const server = await startGitHttps();
    t.after(() => server.dispose());
    rig.write(below('folder', files));
    repository(rig, 'tree', files);
    git(rig, 'tree', 'tag', '1.0');
    git(rig, 'tree', 'clone', '--quiet', '--bare', '.', join(server.repositories, 'group/study.git'));
    execFileSync('tar', ['-czf', join(server.files, 'study.tgz'), '-C', rig.path('folder'), '.']);
    rig.write({ 'user/.gitconfig': `[http]\n\tsslCAInfo = ${server.caFile}\n` });
    const env = { GIT_SSL_CAINFO: undefined, GIT_SSL_CAPATH: undefined, NODE_EXTRA_CA_CERTS: server.caFile };

    const digest = await created(rig, 'folder');
    const sources = {
      'a git working copy': 'tree',
      'a tag over file': `git+file://${rig.path('tree')}@1.0`,
      'a tag over https': `git+${server.url}/group/study@1.0`,
      'the forge form': `${server.url}/group/study:1.0`,
      'an archive on disk': join(server.files, 'study.tgz'),
      'an archive over https': `${server.url}/files/study.tgz`,
    };
    for (const [what, source] of Object.entries(sources)) {
      const home = rig.path(`home of ${what}`);
      assert.equal(await created(rig, source, { env: { ...env, SAME_HOME: home } }), digest, what);
    }
    await succeeded(rig, ['export', 'program', '-n', 'study:1.0']);
    const importing = { env: { SAME_HOME: rig.path('importer') } };
    const imported = await succeeded(rig, ['import', './study:1.0.tgz'], importing);
    assert.ok(imported.stdout.includes(`study:1.0 (${digest})`), imported.stdout);
    const recreating = { env: { SAME_HOME: rig.path('recreator') } };
    assert.equal(await created(rig, './study:1.0.tgz', recreating), digest);
    assert.equal((await succeeded(rig, ['create', '-f', 'folder', '--json'])).json().digest, digest);
  });

  test('whatever the time zone, locale, umask and order of creation', async () => {
    using rig = openRig();
    rig.write(below('folder', files));
    const digest = await created(rig, 'folder');
    const names = Object.keys(files);
    const places = [
      ['umask 077', { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }],
      ['umask 000', { TZ: 'America/St_Johns', LC_ALL: 'C', LANG: undefined }],
      [
        'umask 027',
        { TZ: ':/nowhere', LC_ALL: undefined, LANG: 'de_DE.ISO-8859-1', LC_COLLATE: 'sv_SE.UTF-8' },
      ],
    ] as const;
    for (const [index, [umask, env]] of places.entries()) {
      const order =
        index === 0 ? names.toReversed() : names.slice(index * 3).concat(names.slice(0, index * 3));
      rig.write(below(`other-${index}/deep`, Object.fromEntries(order.map((name) => [name, files[name]!]))));
      if (index === 0) chmodSync(rig.path('other-0/deep/data/table.csv'), 0o600);
      if (index === 1) chmodSync(rig.path('other-1/deep/run.sh'), 0o700);
      const under = ['sh', '-c', `${umask}; exec "$@"`, 'sh'];
      const options = { under, env: { ...env, SAME_HOME: rig.path(`home-${index}`) } };
      assert.equal(
        await created(rig, `other-${index}/deep`, options),
        digest,
        `${umask} ${JSON.stringify(env)}`,
      );
    }
  });

  test('what git does to a checkout does not reach it', async () => {
    using rig = openRig();
    repository(rig, 'tree', { ...files, '.gitattributes': '*.csv text eol=lf\n*.txt text eol=crlf\n' }, [
      '-c',
      'core.autocrlf=false',
    ]);
    const source = `git+file://${rig.path('tree')}@main`;
    const digest = await created(rig, source);
    rig.write({ 'user/.gitconfig': '[core]\n\tautocrlf = true\n\teol = crlf\n\tfileMode = false\n' });
    assert.equal(await created(rig, source, { env: { SAME_HOME: rig.path('other') } }), digest);
  });
});

describe('one state is one file', () => {
  test('two exports of it are byte-identical, in any place and under any umask, locale and time zone', async () => {
    using rig = openRig();
    rig.write(below('folder', files));
    await created(rig, 'folder');
    await succeeded(rig, ['run', 'program', 'study:1.0', '--epochs=7']);
    await succeeded(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'one.tgz']);
    await succeeded(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'two.tgz'], {
      under: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
      env: { TZ: 'Asia/Kathmandu', LC_ALL: 'de_DE.UTF-8' },
    });
    await succeeded(rig, ['export', 'program', '-n', 'study:1.0', '--portable']);
    const one = readFileSync(rig.path('one.tgz'));
    assert.ok(one.equals(readFileSync(rig.path('two.tgz'))));
    assert.ok(one.equals(readFileSync(rig.path('study-1.0.tgz'))));
    const shown = (await succeeded(rig, ['show', 'study:1.0', '--json'])).json().digests;
    const sum = execFileSync('sha256sum', [rig.path('one.tgz')], { encoding: 'utf8' }).slice(0, 64);
    assert.equal(shown.file, `sha256:${sum}`);
  });

  test('export, import and export again give the same bytes, with a run and with a version made by export', async () => {
    using rig = openRig();
    rig.write(below('folder', files));
    await created(rig, 'folder');
    await succeeded(rig, ['run', 'program', 'study:1.0', '--epochs=7']);
    for (const version of ['1.1', '1.0']) {
      await succeeded(rig, ['export', 'program', '-n', `study:${version}`, '-o', `${version}.tgz`]);
      const first = readFileSync(rig.path(`${version}.tgz`));
      const home = { env: { SAME_HOME: rig.path(`importer-${version}`) } };
      await succeeded(rig, ['import', `${version}.tgz`], home);
      await succeeded(rig, ['export', 'program', '-n', `study:${version}`, '-o', 'again.tgz'], home);
      assert.ok(first.equals(readFileSync(rig.path('again.tgz'))), version);
      rmSync(rig.path('again.tgz'));
    }
  });

  test('a program read back from its file by tar alone has the digest it had', async () => {
    using rig = openRig();
    rig.write(below('folder', files));
    const digest = await created(rig, 'folder');
    await succeeded(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const blobs = rig.path('blobs');
    rig.write({ 'blobs/.keep': '' });
    execFileSync('tar', ['-xzf', rig.path('study.tgz'), '-C', blobs]);
    const blob = (wanted: string) => join(blobs, 'blobs/sha256', wanted.replace(/^sha256:/, ''));
    const { layers } = JSON.parse(readFileSync(blob(digest), 'utf8'));
    for (const { mediaType, digest: layer } of layers) {
      if (/yaml/.test(mediaType)) copyFileSync(blob(layer), rig.path('same.yaml'));
      else if (/tar/.test(mediaType)) {
        rig.write({ 'unpacked/.keep': '' });
        execFileSync('tar', ['-xf', blob(layer), '-C', rig.path('unpacked')]);
      }
    }
    copyFileSync(rig.path('same.yaml'), rig.path('unpacked/same.yaml'));
    rmSync(rig.path('unpacked/.keep'));
    assert.ok(existsSync(rig.path('unpacked/data/raw.bin')));
    assert.equal(await created(rig, 'unpacked', { env: { SAME_HOME: rig.path('other') } }), digest);
  });
});

describe('what the digest depends on', () => {
  const lock = '{"apiVersion": "same/v1", "kind": "Lock", "environments": {}}\n';
  const changes: Record<string, (rig: Rig) => void> = {
    'one byte of a file': (rig) => rig.write({ 'folder/lib/a.txt': 'b\n' }),
    'one byte of data': (rig) => rig.write({ 'folder/data/table.csv': 'a,b\r\n1,3\r\n' }),
    'the end of a line': (rig) => rig.write({ 'folder/data/table.csv': 'a,b\n1,2\n' }),
    'the executable bit set': (rig) => chmodSync(rig.path('folder/lib/a.txt'), 0o744),
    'the executable bit taken away': (rig) => chmodSync(rig.path('folder/run.sh'), 0o644),
    'a new empty file': (rig) => rig.write({ 'folder/lib/new.txt': '' }),
    'a file removed': (rig) => rmSync(rig.path('folder/lib/a.txt')),
    'a document': (rig) => rig.write({ 'folder/README.md': '# A study\n' }),
    'a name': (rig) => {
      rmSync(rig.path('folder/lib/a.txt'));
      rig.write({ 'folder/lib/b.txt': 'a\n' });
    },
    'a lock': (rig) => rig.write({ 'folder/same.lock': lock }),
    // SAME-PRG-034: a bundle carries the author's bytes.
    'a comment in the manifest': (rig) =>
      rig.write({ 'folder/same.yaml': manifest.replace('what this', 'what that') }),
    'a default in the manifest': (rig) =>
      rig.write({ 'folder/same.yaml': manifest.replace('default: 3', 'default: 4') }),
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`${what} changes it`, async () => {
      using rig = openRig();
      rig.write(below('folder', files));
      const digest = await created(rig, 'folder');
      change(rig);
      assert.notEqual(await created(rig, 'folder'), digest);
    });
  }

  test('an empty directory, times and bits of mode but the executable one do not change it', async () => {
    using rig = openRig();
    rig.write(below('folder', files));
    const digest = await created(rig, 'folder');
    execFileSync('mkdir', ['-p', rig.path('folder/empty/deeper')]);
    execFileSync('touch', ['-d', '1999-12-31', rig.path('folder/lib/a.txt'), rig.path('folder')]);
    chmodSync(rig.path('folder/run.sh'), 0o711);
    chmodSync(rig.path('folder/lib/a.txt'), 0o406);
    assert.equal(await created(rig, 'folder'), digest);
  });

  test('files that git does not track do not change it, a change that is not committed does', async () => {
    using rig = openRig();
    repository(rig, 'tree', files);
    const digest = await created(rig, 'tree');
    rig.write({ 'tree/scratch.txt': 'notes\n' });
    assert.equal(await created(rig, 'tree'), digest);
    rig.write({ 'tree/lib/a.txt': 'changed\n' });
    assert.notEqual(await created(rig, 'tree'), digest);
  });
});

function below(directory: string, all: Record<string, string | Buffer>): Record<string, string | Buffer> {
  return Object.fromEntries(Object.entries(all).map(([name, content]) => [`${directory}/${name}`, content]));
}

function repository(
  rig: Rig,
  directory: string,
  all: Record<string, string | Buffer>,
  settings: string[] = [],
): void {
  rig.write(below(directory, all));
  git(rig, directory, 'init', '--quiet', '-b', 'main');
  git(rig, directory, ...settings, 'add', '--all');
  git(rig, directory, 'commit', '--quiet', '-m', 'first');
}

function git(rig: Rig, directory: string, ...words: string[]): void {
  execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...words], {
    cwd: rig.path(directory),
    stdio: 'pipe',
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  });
}

async function succeeded(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Creates a program from a source and tells its digest. */
async function created(rig: Rig, source: string, options?: RunOptions): Promise<string> {
  const { stdout } = await succeeded(rig, ['create', 'program', '-f', source], options);
  const digest = /\((?:[^()]* )?(sha256:[0-9a-f]{64})\)/.exec(stdout)?.[1];
  assert.ok(digest, stdout);
  return digest;
}

/** Why git over HTTPS cannot run here: never a reason under CI. */
function missing(): string | false {
  return process.env.CI ? false : (unavailable() ?? false);
}
