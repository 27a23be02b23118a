import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  buildPython,
  builtPython,
  type PythonContents,
  pythonDigest,
} from '../../src/environments/python-environment.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { minor, openRig } from './wheels.ts';

function contentsOf(...packages: [name: string, version: string, hash: string][]): PythonContents {
  return {
    python: minor,
    packages: packages.map(([name, version, hash]) => ({ name, version, hashes: [hash] })),
  };
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof SameError, String(error));
  return error.code;
}

function builder(directory: string, contents: PythonContents, detached = false) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'build.ts'), directory, JSON.stringify(contents)],
    { stdio: ['ignore', 'pipe', 'inherit'], detached },
  );
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<string[]>((done) => child.on('close', () => done(text.trim().split('\n'))));
  return { child, ended, said: () => text };
}

async function until(fact: () => boolean): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (fact()) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  assert.fail('did not happen within 30 s');
}

test('an environment has exactly the locked packages and is built once', async () => {
  using rig = openRig();
  const contents = contentsOf(['hello', '1.0', rig.wheel('hello', '1.0')]);
  const lines: string[] = [];
  const options = { directory: rig.environments, onProgress: (line: string) => lines.push(line) };
  assert.equal(await builtPython(contents, rig.environments), undefined);
  const built = await buildPython(contents, options);
  assert.deepEqual(await buildPython(contents, options), built);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^building environment: python .*, 1 package$/);
  const said = execFileSync(join(built.bin, 'python'), ['-c', 'import hello; print(hello.VERSION)'], {
    encoding: 'utf8',
  });
  assert.equal(said, '1.0\n');
  assert.throws(() => execFileSync(join(built.bin, 'python'), ['-c', 'import pip'], { stdio: 'ignore' }));
  assert.ok(built.version.startsWith(`${minor}.`));
});

test('a package with another hash is refused and nothing is left', async () => {
  using rig = openRig();
  rig.wheel('hello', '1.0');
  const contents = contentsOf(['hello', '1.0', `sha256:${'0'.repeat(64)}`]);
  await assert.rejects(buildPython(contents, { directory: rig.environments }), (error) => {
    assert.equal(codeOf(error), 'SAME1502');
    assert.match((error as SameError).message, /hashes?/i);
    assert.match((error as SameError).findings[0]!.hint!, /other files than the lock names/);
    return true;
  });
  assert.deepEqual(readdirSync(rig.environments), []);
});

test('a package that is nowhere is refused with what pip said', async () => {
  using rig = openRig();
  const contents = contentsOf(['nowhere-to-be-found', '1.0', `sha256:${'0'.repeat(64)}`]);
  await assert.rejects(buildPython(contents, { directory: rig.environments }), (error) => {
    assert.match((error as SameError).message, /No matching distribution/);
    return codeOf(error) === 'SAME1502';
  });
});

test('three builders at once build once, and all get it', async () => {
  using rig = openRig();
  const contents = contentsOf(['hello', '1.0', rig.wheel('hello', '1.0')]);
  const ends = await Promise.all([1, 2, 3].map(() => builder(rig.environments, contents).ended));
  const lines = ends.flat();
  assert.equal(lines.filter((line) => line.startsWith('building environment')).length, 1);
  assert.equal(new Set(lines.filter((line) => line.startsWith('bin '))).size, 1);
  assert.equal(lines.filter((line) => line.startsWith('bin ')).length, 3);
});

test('what a killed builder left is removed, and the environment is built again', async () => {
  using rig = openRig();
  const contents = contentsOf(['hello', '1.0', rig.wheel('hello', '1.0')]);
  const { child, ended, said } = builder(rig.environments, contents, true);
  await until(() => said().includes('building environment'));
  process.kill(-child.pid!, 'SIGKILL');
  await ended;
  const [place] = readdirSync(rig.environments);
  assert.ok(place);
  assert.ok(existsSync(join(rig.environments, place, 'building.json')));
  assert.equal(await builtPython(contents, rig.environments), undefined);
  const built = await buildPython(contents, { directory: rig.environments });
  const left = readdirSync(join(rig.environments, place)).sort();
  assert.equal(left.length, 2, left.join());
  assert.ok(left.includes('ready.json'));
  assert.ok(existsSync(join(built.bin, 'python')));
});

test('an aborted build leaves nothing', async () => {
  using rig = openRig();
  const contents = contentsOf(['hello', '1.0', rig.wheel('hello', '1.0')]);
  const abort = new AbortController();
  const build = buildPython(contents, {
    directory: rig.environments,
    onProgress: () => setTimeout(() => abort.abort(), 20),
    signal: abort.signal,
  });
  await assert.rejects(build, (error) => codeOf(error) === 'SAME1903');
  assert.deepEqual(readdirSync(rig.environments), []);
});

test('an environment that lost a package or its interpreter is built again', async () => {
  using rig = openRig();
  const contents = contentsOf(['hello', '1.0', rig.wheel('hello', '1.0')]);
  const first = await buildPython(contents, { directory: rig.environments });
  rmSync(join(first.bin, '..', 'lib', `python${minor}`, 'site-packages'), { recursive: true });
  assert.equal(await builtPython(contents, rig.environments), undefined);
  const second = await buildPython(contents, { directory: rig.environments });
  assert.notEqual(second.bin, first.bin);
  assert.ok(!existsSync(first.bin));
  rmSync(join(second.bin, 'python'));
  assert.equal(await builtPython(contents, rig.environments), undefined);
  await buildPython(contents, { directory: rig.environments });
});

test('a marker that says something else is not believed', async () => {
  using rig = openRig();
  const contents = contentsOf();
  await buildPython(contents, { directory: rig.environments });
  const [place] = readdirSync(rig.environments);
  const marker = join(rig.environments, place!, 'ready.json');
  for (const text of [
    '',
    '{',
    'null',
    JSON.stringify({ ...JSON.parse(readFileSync(marker, 'utf8')), build: '..' }),
  ]) {
    writeFileSync(marker, text);
    assert.equal(await builtPython(contents, rig.environments), undefined);
  }
});

test('a version of python that is not there is refused by name', async () => {
  using rig = openRig();
  const build = buildPython({ python: '3.99', packages: [] }, { directory: rig.environments });
  await assert.rejects(build, (error) => {
    assert.match(
      (error as SameError).message,
      /^SAME1501 python 3\.99 was not found on this machine \(found 3\./,
    );
    return codeOf(error) === 'SAME1501';
  });
});

test('the digest depends on versions and hashes, not on their order', () => {
  const [a, b] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
  const one = { name: 'one', version: '1', hashes: [a, b] };
  const two = { name: 'two', version: '2', hashes: [b] };
  const digest = pythonDigest({ python: '3.11', packages: [one, two] });
  assert.equal(pythonDigest({ python: '3.11', packages: [two, { ...one, hashes: [b, a] }] }), digest);
  assert.notEqual(pythonDigest({ python: '3.12', packages: [one, two] }), digest);
  assert.notEqual(pythonDigest({ python: '3.11', packages: [one, { ...two, hashes: [a] }] }), digest);
});
