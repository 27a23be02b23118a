import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { minor, openRig as openWheels, type Rig as Wheels } from '../environments/wheels.ts';
import { manifest, openRig, type Rig } from './rig.ts';

let rig: Rig;
let wheels: Wheels;
beforeEach(() => {
  rig = openRig();
  wheels = openWheels();
});
afterEach(() => {
  rig[Symbol.dispose]();
  wheels[Symbol.dispose]();
});

async function ok(...words: string[]) {
  const ended = await rig.same(words);
  assert.equal(ended.code, 0, `same ${words.join(' ')}: ${ended.stderr}`);
  return ended;
}

const uvLock = (hash: string) => `version = 1
requires-python = ">=3.6"
[[package]]
name = "study"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "alpha", marker = "sys_platform != 'none'" }]
[[package]]
name = "alpha"
version = "1.0"
source = { registry = "https://pypi.example.org/simple" }
wheels = [{ url = "https://x.example.org/alpha.whl", hash = "${hash}" }]
`;

describe('environments', () => {
  test('by a uv.lock are built before a run, listed with their programs, and recorded with what the lock says', async () => {
    rig.write({
      'study/same.yaml': manifest(
        'run: [python, -c, "import alpha; print(alpha.VERSION)"]',
        `environments: {default: {python: {version: "${minor}", lock: uv.lock}}}`,
      ),
      'study/uv.lock': uvLock(wheels.wheel('alpha', '1.0')),
    });
    await ok('create', '-f', 'study');
    assert.equal((await ok('list', 'environments', '--json')).json().items.length, 0);
    const { items: ready } = (await ok('build', 'environment', 'study:1.0', '--json')).json();
    assert.deepEqual(
      ready.map(({ name, kind, locked }: Record<string, unknown>) => [name, kind, locked]),
      [['default', 'python', true]],
    );
    const { items } = (await ok('list', 'environments', '--json')).json();
    assert.deepEqual(
      items.map(({ kind, programs }: Record<string, unknown>) => [kind, programs]),
      [['python', ['study:1.0 default']]],
    );
    assert.ok(existsSync(join(rig.home, 'environments', items[0].name)));
    assert.match((await ok('list', 'environments')).stdout, /study:1\.0 default/);
    const record = (await ok('run', 'study:1.0', '--json')).json();
    assert.equal(record.environments.default.key, ready[0].key);
    assert.deepEqual(record.environments.default.resolved.packages, { alpha: '1.0' });
    assert.match((await ok('logs', 'run', record.id)).stdout, /1\.0/);
  });

  test('of R that the machine does not have stop a run before it begins, all that is missing at once', async () => {
    const version = execFileSync('Rscript', ['-e', 'cat(as.character(getRversion()))'], { encoding: 'utf8' });
    const short = version.split('.').slice(0, 2).join('.');
    const lock = {
      R: { Version: version },
      Packages: { stats: { Version: version }, 'no.one': { Version: '1.0' } },
    };
    const program = (file: string) =>
      manifest(
        'run: [Rscript, -e, "cat(1)"]',
        `environments: {default: {r: {version: "${short}", lock: ${file}}}}`,
      );
    rig.write({ 'study/same.yaml': program('renv.lock'), 'study/renv.lock': JSON.stringify(lock) });
    const refused = await rig.same(['run', '-f', 'study']);
    assert.equal(refused.code, 10);
    assert.match(refused.stderr, /SAME1701 package: want R package no\.one 1\.0, have none/);
    const waived = (await ok('run', '-f', 'study', '--allow-unmet', '--json')).json();
    assert.match(waived.environments.default.key, /^freeze:/);
    delete (lock.Packages as Record<string, unknown>)['no.one'];
    rig.write({ 'study/renv.lock': JSON.stringify(lock) });
    const record = (await ok('run', '-f', 'study', '--json')).json();
    assert.match(record.environments.default.key, /^lock:sha256:/);
    assert.deepEqual(record.environments.default.resolved, { r: version, packages: { stats: version } });
  });

  test('that are images alone are refused by the local engine, by name, before anything runs', async () => {
    for (const [field, value] of [
      ['image', `example.org/x@sha256:${'0'.repeat(64)}`],
      ['dockerfile', 'Dockerfile'],
    ] as const) {
      rig.write({
        'study/same.yaml': manifest('run: ["true"]', `environments: {default: {${field}: "${value}"}}`),
        'study/Dockerfile': 'FROM scratch\n',
      });
      const refused = await rig.same(['run', '-f', 'study']);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, new RegExp(`SAME1016 environments\\.default\\.${field}`));
    }
  });

  test('are built for a name only that the program has', async () => {
    rig.write({ 'study/same.yaml': manifest('run: ["true"]') });
    await ok('create', '-f', 'study');
    const refused = await rig.same(['build', 'environment', 'study:1.0', '--environment', 'train']);
    assert.match(refused.stderr, /SAME1009 study:1\.0 has no environment "train"/);
    assert.match(
      (await ok('build', 'environment', 'study:1.0')).stdout,
      /^default is ready: system, not locked \(freeze:/,
    );
  });
});
