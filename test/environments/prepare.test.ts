import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, test } from 'node:test';
import { openEnvironments } from '../../src/environments/prepare.ts';
import { systemPath } from '../../src/environments/system-path.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { platform } from '../../src/host/machine.ts';
import type { Lock } from '../../src/program/lock.ts';
import type { Environment, Program } from '../../src/program/schema.ts';
import { minor, openRig, scripts } from './wheels.ts';

const PATH = process.env.PATH!;
const roots: string[] = [];
afterEach(() => {
  process.env.PATH = PATH;
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function temporary(): string {
  const root = mkdtempSync(join(tmpdir(), 'same-prepare-'));
  roots.push(root);
  return root;
}

function open(
  environments: Record<string, Environment>,
  options: {
    steps?: Program['pipeline']['steps'];
    lock?: Lock;
    files?: Record<string, string>;
    directory?: string;
  } = {},
) {
  return openEnvironments({
    directory: options.directory ?? join(temporary(), 'environments'),
    program: {
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'p', version: '1' },
      environments,
      pipeline: { steps: options.steps ?? { main: { run: ['true'] } } },
    },
    lock: options.lock,
    readCode: async (path) =>
      options.files?.[path] === undefined ? undefined : Buffer.from(options.files[path]),
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

function useOnly(...directories: string[]): void {
  process.env.PATH = [...directories, '/usr/bin', '/bin'].join(delimiter);
}

test('required commands are found, asked for their version and frozen', async () => {
  const bin = scripts(temporary(), {
    Rscript: 'echo "R scripting front-end version 4.2.2 (2022-10-31)" >&2',
    mute: 'exit 3',
  });
  useOnly(bin);
  const environments = open({ host: { system: true, requires: { commands: ['Rscript >=4.2 <5', 'mute'] } } });
  assert.deepEqual(await environments.check('host'), []);
  const ready = await environments.ready('host');
  assert.equal(ready.kind, 'system');
  assert.equal(ready.locked, false);
  assert.equal(ready.path[0], bin);
  const { commands } = ready.resolved as { commands: Record<string, string> };
  assert.equal(commands.Rscript, 'R scripting front-end version 4.2.2 (2022-10-31)');
  assert.match(commands.mute!, /^sha256:[0-9a-f]{64}$/);
  assert.match(ready.key, /^freeze:sha256:[0-9a-f]{64}$/);
  assert.equal(await environments.ready('host'), ready);
});

test('a command that is missing or too old is reported with what is wanted and what is there', async () => {
  useOnly(scripts(temporary(), { Rscript: 'echo "version 4.1.0"', mute: 'exit 3' }));
  const environments = open({
    host: { system: true, requires: { commands: ['Rscript >=4.2', 'not-there', 'mute >=1'] } },
  });
  const findings = await environments.check('host');
  assert.deepEqual(
    findings.map(({ code, what, want, have }) => [code, what, want, have]),
    [
      ['SAME1701', 'command', 'Rscript >=4.2', 'Rscript 4.1.0'],
      ['SAME1701', 'command', 'mute >=1', 'mute a version it does not tell'],
      ['SAME1701', 'command', 'not-there', 'none'],
    ],
  );
  assert.match(
    await refusal(environments.ready('host')),
    /^SAME1701 command Rscript: want >=4\.2, have 4\.1\.0\n/,
  );
});

test('a program without environments has the system, frozen by what its steps start with', async () => {
  useOnly();
  const steps = {
    a: { run: 'LANG=C awk 1 x | sh y && ./own.sh' },
    b: { run: ['{{inputs.x}}'] },
    c: { run: ['cat', 'x'] },
  };
  const one = await open({}, { steps }).ready('default');
  assert.deepEqual(Object.keys((one.resolved as { commands: object }).commands), ['awk', 'cat', 'sh']);
  const other = await open({}, { steps: { c: { run: ['cat', 'x'] } } }).ready('default');
  assert.notEqual(other.key, one.key);
});

test('an undeclared command that nobody knows is not executed', async () => {
  const root = temporary();
  useOnly(scripts(root, { launch: `mkdir ${root}/launched; echo 1.0` }));
  const ready = await open({}, { steps: { main: { run: ['launch'] } } }).ready('default');
  assert.match((ready.resolved as { commands: Record<string, string> }).commands.launch!, /^sha256:/);
  assert.throws(() => rmSync(join(root, 'launched')));
});

test('the PATH of a system environment has no relative, missing or npm directories', async () => {
  const root = temporary();
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
  mkdirSync(join(root, 'bin'));
  const entries = [
    '.',
    'bin',
    join(root, 'node_modules/.bin'),
    join(root, 'bin'),
    join(root, 'gone'),
    join(root, 'bin'),
    '',
  ];
  process.env.PATH = entries.join(delimiter);
  assert.deepEqual(await systemPath([]), [join(root, 'bin')]);
});

test("in front of a version manager's shims stands what they lead to", async () => {
  const root = join(temporary(), '.pyenv');
  mkdirSync(join(root, 'bin'), { recursive: true });
  const real = scripts(root, { python3: 'echo real' });
  const { renameSync } = await import('node:fs');
  renameSync(scripts(root, { python3: 'echo shim', gone: 'exit 1' }), join(root, 'shims'));
  renameSync(scripts(root, { pyenv: `test "$2" = python3 && echo ${real}/python3` }), join(root, 'manager'));
  renameSync(join(root, 'manager/pyenv'), join(root, 'bin/pyenv'));
  useOnly(join(root, 'shims'));
  assert.deepEqual((await systemPath(['gone', 'python3'])).slice(0, 2), [real, join(root, 'shims')]);
});

test('a python environment is ready by its lock file, and its key depends on nothing else', async () => {
  using rig = openRig();
  const hash = rig.wheel('hello', '1.0');
  const python = { version: minor, lock: 'requirements.lock' };
  const files = { 'requirements.lock': `hello==1.0 --hash=${hash}\n` };
  const environments = { default: { python, variables: { OMP_NUM_THREADS: '1' } } };
  const first = await open(environments, { files, directory: rig.environments }).ready('default');
  const second = await open(environments, { files }).ready('default');
  assert.equal(first.kind, 'python');
  assert.equal(first.locked, true);
  assert.deepEqual(first.variables, { OMP_NUM_THREADS: '1' });
  assert.ok(first.path[0]!.startsWith(rig.environments));
  assert.deepEqual((first.resolved as { packages: object }).packages, { hello: '1.0' });
  assert.match(first.key, /^lock:sha256:[0-9a-f]{64}$/);
  assert.equal(second.key, first.key);
  assert.notEqual(second.path[0], first.path[0]);
});

test('a python environment without a lock of its own takes the one of same.lock for this platform', async () => {
  using rig = openRig();
  const hash = rig.wheel('hello', '1.0');
  const entry = {
    python: minor,
    of: 'sha256:0',
    packages: [{ name: 'hello', version: '1.0', hashes: [hash] }],
  };
  const environments = { default: { python: { version: minor, packages: ['hello'] } } };
  const lockOf = (by: Record<string, typeof entry>): Lock => ({
    apiVersion: 'same/v1',
    kind: 'Lock',
    environments: { default: by },
  });
  const locked = open(environments, { lock: lockOf({ [platform()]: entry }), directory: rig.environments });
  assert.deepEqual(await locked.check('default'), []);
  assert.equal((await locked.ready('default')).locked, true);
  const none = open(environments, {});
  assert.match(await refusal(none.ready('default')), /^SAME1503 environment "default" is not locked/);
  assert.equal((await none.check('default'))[0]!.what, 'lock');
  const other = open(environments, { lock: lockOf({ 'plan9-mips': entry }) });
  assert.match(await refusal(other.ready('default')), /^SAME1504 .*is locked for plan9-mips, not for /);
});

test('an interpreter that is missing is found out without building', async () => {
  const environments = open({ default: { python: { version: '3.99' } } });
  const [finding] = await environments.check('default');
  assert.deepEqual([finding!.code, finding!.what, finding!.want], ['SAME1501', 'interpreter', 'python 3.99']);
  assert.match(await refusal(environments.ready('default')), /^SAME1501 /);
});

test('an unknown environment and one that is only an image are refused', async () => {
  const environments = open({ boxed: { image: 'example.org/x@sha256:0' } });
  assert.match(await refusal(environments.ready('nope')), /^SAME1009/);
  assert.match(await refusal(environments.ready('boxed')), /^SAME1016 environments\.boxed\.image/);
});

test('of an image alone this machine needs nothing, and only what runs on it refuses that', async () => {
  const image = `example.org/x@sha256:${'0'.repeat(64)}`;
  const environments = open({ default: { image } });
  assert.deepEqual(await environments.check('default'), []);
  assert.match(await refusal(environments.planned('default')), /^SAME1016 environments\.default\.image/);
});
