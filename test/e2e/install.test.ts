import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const checkout = dirname(dirname(import.meta.dirname));
const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** A user with an empty HOME, the system's commands and a node that is too old. */
function user() {
  const root = mkdtempSync(join(tmpdir(), 'same-install-'));
  roots.push(root);
  const home = join(root, 'home');
  const commands = join(root, 'commands');
  mkdirSync(home);
  mkdirSync(commands);
  script(join(commands, 'node'), 'echo false');
  const path = `${commands}:/usr/bin:/bin`;
  const run = (command: string[], variables: Record<string, string> = {}) => {
    const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
      cwd: root,
      env: { HOME: home, PATH: path, ...variables },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const install = (words: string[] = [], variables: Record<string, string> = {}, from = checkout) =>
    run(['sh', join(from, 'install.sh'), ...words], variables);
  const files = () => readdirSync(home, { recursive: true, encoding: 'utf8' }).sort();
  return { root, home, commands, path, run, install, files };
}

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** A directory with install.sh and a release beside it, as a download has it. */
function release(root: string): string {
  const directory = join(root, 'release');
  const parts = join(root, 'package');
  mkdirSync(directory);
  mkdirSync(parts);
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: stagedCheckout(root) });
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(join(root, 'staged', part), join(parts, part), { recursive: true });
  execFileSync('tar', ['-czf', join(directory, 'same-0.1.0.tgz'), '-C', root, 'package']);
  copyFileSync(join(checkout, 'install.sh'), join(directory, 'install.sh'));
  return directory;
}

function stagedCheckout(root: string): string {
  const staged = join(root, 'staged');
  for (const part of ['bin', 'src', 'scripts', 'package.json']) {
    cpSync(join(checkout, part), join(staged, part), { recursive: true });
  }
  symlinkSync(join(checkout, 'node_modules'), join(staged, 'node_modules'));
  return staged;
}

test('install in an empty HOME works, works again, and leaves no trace after --uninstall', () => {
  const { home, install, run, files } = user();
  const first = install();
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /installed same \S+ in .*private Node/);
  assert.match(first.stdout, /is not in your PATH/);
  assert.match(first.stdout, /^next: .*\/\.local\/bin\/same create program -f /m);
  const installed = files();
  assert.equal(
    installed.filter((path) => !/^\.local(\/(share(\/same(\/.*)?)?|bin(\/same)?))?$/.test(path)).length,
    0,
  );
  const version = run([join(home, '.local/bin/same'), 'version'], { SAME_HOME: join(home, 'elsewhere') });
  assert.equal(version.status, 0, version.stderr);
  assert.match(version.stdout, /0\.1\.0/);
  rmSync(join(home, 'elsewhere'), { recursive: true, force: true });
  const again = install();
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual(files(), installed);
  const removed = run(['sh', join(home, '.local/share/same/install.sh'), '--uninstall']);
  assert.equal(removed.status, 0, removed.stderr);
  assert.deepEqual(files(), []);
  assert.match(install(['--uninstall']).stdout, /is not installed/);
  assert.deepEqual(files(), []);
});

test('directories and files that were there before stay as they were', () => {
  const { home, install, files } = user();
  mkdirSync(join(home, '.local/bin'), { recursive: true });
  writeFileSync(join(home, '.local/bin/other'), 'mine');
  const before = files();
  assert.equal(install().status, 0);
  assert.equal(install(['--uninstall']).status, 0);
  assert.deepEqual(files(), before);
});

test('what is in the way is refused before anything is written', () => {
  const { home, install, files } = user();
  mkdirSync(join(home, '.local/bin'), { recursive: true });
  writeFileSync(join(home, '.local/bin/same'), 'mine');
  const before = files();
  const refused = install();
  assert.equal(refused.status, 4);
  assert.match(refused.stderr, /same is there and not from this installation/);
  assert.deepEqual(files(), before);
  mkdirSync(join(home, 'full'));
  writeFileSync(join(home, 'full/file'), 'mine');
  const variables = { SAME_PREFIX: join(home, 'full'), SAME_BIN: join(home, 'bin') };
  assert.equal(install([], variables).status, 4);
  install(['--uninstall'], variables);
  assert.deepEqual(readdirSync(join(home, 'full')), ['file']);
});

test('SAME_PREFIX and SAME_BIN say where, quotes and spaces included', () => {
  const { root, home, install, run, files } = user();
  const variables = { SAME_PREFIX: join(root, "it's a prefix"), SAME_BIN: join(root, 'my bin') };
  assert.equal(install([], variables).status, 0);
  assert.deepEqual(files(), []);
  const version = run([join(root, 'my bin/same'), 'version'], { SAME_HOME: join(root, 'programs') });
  assert.equal(version.status, 0, version.stderr);
  const moved = install([], { ...variables, SAME_BIN: join(root, 'other bin') });
  assert.equal(moved.status, 0, moved.stderr);
  assert.ok(!existsSync(join(root, 'my bin/same')));
  assert.equal(install(['--uninstall'], { SAME_PREFIX: variables.SAME_PREFIX }).status, 0);
  assert.deepEqual(
    ["it's a prefix", 'my bin', 'other bin'].filter((name) => existsSync(join(root, name))),
    [],
  );
  assert.deepEqual(readdirSync(home), []);
});

test('programs stay until --purge, which removes nothing that is not theirs', () => {
  const { home, install } = user();
  assert.equal(install().status, 0);
  for (const part of ['content', 'runs', 'cache']) mkdirSync(join(home, '.same', part), { recursive: true });
  mkdirSync(join(home, '.same/runs/sealed'));
  writeFileSync(join(home, '.same/runs/sealed/run.json'), '{}');
  if (process.getuid?.() !== 0) chmodSync(join(home, '.same/runs/sealed'), 0o555);
  assert.match(install(['--uninstall']).stdout, /kept .*\.same: programs and runs/);
  assert.deepEqual(readdirSync(home), ['.same']);
  writeFileSync(join(home, '.same/notes.txt'), 'mine');
  assert.match(install(['--uninstall', '--purge']).stdout, /it holds files that are not same's/);
  assert.deepEqual(readdirSync(join(home, '.same')), ['notes.txt']);
  rmSync(join(home, '.same/notes.txt'));
  assert.equal(install(['--uninstall', '--purge']).status, 0);
  assert.deepEqual(readdirSync(home), []);
});

test('targets of this version are accepted, others say what is missing; nothing is written', () => {
  const { install, files } = user();
  for (const engine of ['slurm']) {
    const { status, stderr } = install([], { SAME_ENVIRONMENT: engine });
    assert.equal(status, 6);
    assert.match(stderr, new RegExp(`has no ${engine} engine`));
  }
  assert.equal(install([], { SAME_ENVIRONMENT: 'moon' }).status, 2);
  assert.deepEqual(files(), []);
});

test('engines that run, and whatever a home may have set, are no reason to refuse', () => {
  const { install, home } = user();
  for (const engine of ['podman', 'kubernetes', 'argo', 'tekton', 'kubeflow']) {
    const { status, stderr } = install([], { SAME_ENVIRONMENT: engine });
    assert.equal(status, 0, stderr);
  }
  mkdirSync(join(home, '.same'), { recursive: true });
  writeFileSync(join(home, '.same/config.yaml'), 'targets: {moon: {engine: kubernetes}}\n');
  const { status, stderr } = install([], { SAME_ENVIRONMENT: 'moon' });
  assert.equal(status, 0, stderr);
});

test('bad options exit 2 and write nothing', () => {
  const { install, files } = user();
  for (const words of [['--frobnicate'], ['--purge'], ['extra']])
    assert.equal(install(words).status, 2, words.join());
  const help = install(['--help']);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^usage: sh install\.sh/);
  assert.deepEqual(files(), []);
});

test('from a release, with a private Node brought by npm, whose cache and logs stay out of HOME', () => {
  const { root, home, commands, install, run, files } = user();
  // npm's part: the package of this platform, with the node that runs this test.
  script(
    join(commands, 'npm'),
    `for word; do case $word in node*@24) package=\${word%@24} ;; esac; done
mkdir -p "$npm_config_cache/_logs" "node_modules/$package/bin"
cp '${process.execPath}' "node_modules/$package/bin/node"
echo "$*" > '${root}/npm-words'`,
  );
  const from = release(root);
  const installed = install([], {}, from);
  assert.equal(installed.status, 0, installed.stderr);
  assert.match(installed.stdout, /bringing a private Node 24/);
  assert.match(readFileSync(join(root, 'npm-words'), 'utf8'), /^install --no-package-lock .*node.*@24/);
  assert.equal(
    run([join(home, '.local/bin/same'), 'version'], { SAME_HOME: join(root, 'programs') }).status,
    0,
  );
  assert.equal(install(['--uninstall'], {}, from).status, 0);
  assert.deepEqual(files(), []);
});

test('a download that fails leaves nothing and says what npm said', () => {
  const { root, commands, install, files } = user();
  script(join(commands, 'npm'), 'echo "no route to the registry" >&2; exit 1');
  const from = release(root);
  const { status, stderr } = install([], {}, from);
  assert.equal(status, 6);
  assert.match(stderr, /no route to the registry/);
  assert.deepEqual(files(), []);
});

test('without a checkout and without a release there is nothing to install', () => {
  const { root, commands, install, files } = user();
  const lonely = join(root, 'lonely');
  mkdirSync(lonely);
  copyFileSync(join(checkout, 'install.sh'), join(lonely, 'install.sh'));
  rmSync(join(commands, 'node'));
  symlinkSync(process.execPath, join(commands, 'node'));
  const { status, stderr } = install([], {}, lonely);
  assert.equal(status, 3, stderr);
  assert.deepEqual(files(), []);
});
