import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openEnvironments } from '../../src/environments/prepare.ts';
import { SameError } from '../../src/errors/same-error.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'same-node-')));
const major = process.versions.node.split('.')[0]!;
const PATH = process.env.PATH!;
let registry: Server;
let integrity: string;
let asked: string[] = [];

/** A registry of one package, whose tarball and page it serves. */
before(async () => {
  const source = join(root, 'greet');
  mkdirSync(source);
  const manifest = {
    name: 'greet',
    version: '1.2.3',
    bin: 'bin.js',
    exports: './index.js',
    scripts: { install: 'touch ran' },
  };
  writeFileSync(join(source, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(source, 'index.js'), 'exports.greet = () => "hello";');
  writeFileSync(join(source, 'bin.js'), '#!/usr/bin/env node\nconsole.log(require("greet").greet());', {
    mode: 0o755,
  });
  execFileSync('tar', ['-czf', join(root, 'greet.tgz'), '--transform', 's,^greet,package,', 'greet'], {
    cwd: root,
  });
  const tarball = readFileSync(join(root, 'greet.tgz'));
  integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  registry = createServer(({ url }, response) => {
    asked.push(url!);
    if (url === '/greet/-/greet-1.2.3.tgz') return response.end(tarball);
    if (url !== '/greet') return response.writeHead(404).end('{}');
    const { port } = registry.address() as AddressInfo;
    const dist = { tarball: `http://127.0.0.1:${port}/greet/-/greet-1.2.3.tgz`, integrity };
    const versions = { '1.2.3': { ...manifest, dist } };
    response.end(JSON.stringify({ name: 'greet', 'dist-tags': { latest: '1.2.3' }, versions }));
  });
  await new Promise<void>((done) => registry.listen(0, '127.0.0.1', done));
  process.env.npm_config_registry = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const bin = join(root, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  process.env.PATH = [bin, PATH].join(delimiter);
});
after(() => {
  registry.closeAllConnections();
  registry.close();
  process.env.PATH = PATH;
  delete process.env.npm_config_registry;
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
});

const entry = () => ({
  version: '1.2.3',
  resolved: 'https://registry.example.org/greet/-/greet-1.2.3.tgz',
  integrity,
  bin: { greet: 'bin.js' },
  hasInstallScript: true,
});
const lockOf = (packages: object, rest: object = { lockfileVersion: 3 }) =>
  JSON.stringify({ name: 'study', ...rest, packages });
const good = () =>
  lockOf({ '': { name: 'study', dependencies: { greet: '^1.0.0' } }, 'node_modules/greet': entry() });

let count = 0;
function open(files: Record<string, string>, options: { version?: string; directory?: string } = {}) {
  return openEnvironments({
    directory: options.directory ?? join(root, `environments${count++}`),
    cacheDirectory: join(root, 'cache'),
    program: {
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'p', version: '1' },
      environments: {
        default: { node: { version: options.version ?? major, lock: 'site/package-lock.json' } },
      },
      pipeline: { steps: { main: { run: ['node', 'x.js'] } } },
    },
    readCode: async (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
  });
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SameError, String(error));
  return error.message;
}

describe('an environment of Node.js', () => {
  test('is installed from its lock by the registry of the user, runs no scripts, and is found by code anywhere', async () => {
    const directory = join(root, "it's here");
    const environments = open({ 'site/package-lock.json': good() }, { directory });
    const ready = await environments.ready('default');
    assert.equal(ready.kind, 'node');
    assert.equal(ready.locked, true);
    assert.deepEqual(ready.resolved, { node: process.versions.node, packages: { greet: '1.2.3' } });
    assert.match(ready.key, /^lock:sha256:[0-9a-f]{64}$/);
    assert.ok(asked.includes('/greet/-/greet-1.2.3.tgz'), asked.join(' '));
    const work = join(root, 'work');
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, 'a.cjs'), 'console.log(require("greet").greet())');
    writeFileSync(
      join(work, 'b.mjs'),
      'import { greet } from "greet"; import "./c.mjs"; console.log(greet())',
    );
    writeFileSync(join(work, 'c.mjs'), 'const m = await import("greet"); console.log(m.greet())');
    writeFileSync(
      join(work, 'd.mjs'),
      'import { execFileSync } from "node:child_process"; process.stdout.write(execFileSync(process.execPath, ["b.mjs"])); await import("gone").catch((e) => console.log(e.code)); await import("./gone.mjs").catch((e) => console.log(e.code))',
    );
    const run = (...words: string[]) => {
      const [command, ...rest] = words;
      const ended = spawnSync(command!, rest, {
        cwd: work,
        env: { PATH: ready.path.join(delimiter) },
        encoding: 'utf8',
      });
      assert.equal(ended.status, 0, ended.stderr);
      return ended.stdout;
    };
    assert.equal(run('node', 'a.cjs'), 'hello\n');
    assert.equal(run('node', 'b.mjs'), 'hello\nhello\n');
    assert.equal(run('node', 'd.mjs'), 'hello\nhello\nERR_MODULE_NOT_FOUND\nERR_MODULE_NOT_FOUND\n');
    assert.equal(run('greet'), 'hello\n');
    const packages = join(dirname(ready.path[0]!), 'node_modules');
    assert.throws(() => readFileSync(join(packages, 'greet/ran')), /ENOENT/);
  });

  test('is built once, and has the same key wherever its packages come from', async () => {
    const directory = join(root, `environments${count++}`);
    const first = await open({ 'site/package-lock.json': good() }, { directory }).ready('default');
    asked = [];
    const elsewhere = good().replace('registry.example.org', 'mirror.example.org');
    const again = await open({ 'site/package-lock.json': elsewhere }, { directory }).ready('default');
    assert.deepEqual([again.key, again.path, asked], [first.key, first.path, []]);
    const planned = await open({ 'site/package-lock.json': good() }).planned('default');
    assert.deepEqual([planned.key, asked], [first.key, []]);
  });

  test('refuses packages that are not those of the lock', async () => {
    const other = good().replace(integrity, `sha512-${Buffer.alloc(64).toString('base64')}`);
    assert.match(
      await refusal(open({ 'site/package-lock.json': other }).ready('default')),
      /SAME1502 packages cannot be installed[\s\S]*EINTEGRITY/,
    );
  });

  test('needs a node of its version', async () => {
    const [finding] = await open({ 'site/package-lock.json': good() }, { version: '1' }).check('default');
    assert.deepEqual([finding!.code, finding!.what, finding!.want], ['SAME1501', 'interpreter', 'node 1']);
    assert.deepEqual(await open({ 'site/package-lock.json': good() }).check('default'), []);
  });

  for (const [what, lock, said] of [
    ['is no JSON', () => 'x', /no package-lock\.json/],
    ['is of an older form', () => lockOf({}, { lockfileVersion: 1 }), /of lockfileVersion 2 or 3/],
    ['does not say what it is for', () => lockOf({}), /packages has no ""/],
    ['has a link', () => lockOf({ '': {}, 'node_modules/x': { link: true } }), /is a link or a workspace/],
    [
      'has a workspace',
      () => lockOf({ '': {}, 'packages/x': { version: '1.0.0' } }),
      /is a link or a workspace/,
    ],
    [
      'has a repository',
      () =>
        lockOf({ '': {}, 'node_modules/x': { ...entry(), resolved: 'git+ssh://git@example.org/x.git#1' } }),
      /comes from a URL, a repository or a path/,
    ],
    [
      'has a package without a hash',
      () => lockOf({ '': {}, 'node_modules/x': { ...entry(), integrity: undefined } }),
      /has no integrity/,
    ],
    [
      'has a hash that is too weak',
      () => lockOf({ '': {}, 'node_modules/x': { ...entry(), integrity: 'sha1-x' } }),
      /has no integrity/,
    ],
  ] as const) {
    test(`refuses a lock that ${what}`, async () => {
      const message = await refusal(open({ 'site/package-lock.json': lock() }).check('default'));
      assert.match(message, /^SAME1505 /);
      assert.match(message, said);
    });
  }

  test('refuses a package.json that the lock was not made for', async () => {
    const files = {
      'site/package-lock.json': good(),
      'site/package.json': '{"dependencies": {"greet": "^1.0.0"}}',
    };
    assert.deepEqual(await open(files).check('default'), []);
    const other = { ...files, 'site/package.json': '{"dependencies": {"greet": "^2.0.0"}}' };
    assert.match(
      await refusal(open(other).check('default')),
      /SAME1505 dependencies of package\.json are not those/,
    );
  });
});
