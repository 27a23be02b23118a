import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openEnvironments } from '../../src/environments/prepare.ts';
import { SameError } from '../../src/errors/same-error.ts';
import type { Environment } from '../../src/program/schema.ts';
import { scripts } from './wheels.ts';

const PATH = process.env.PATH!;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'same-r-'));
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(root, { recursive: true, force: true });
});

const lock = (packages: Record<string, unknown>, version = '4.2.2') =>
  JSON.stringify({ R: { Version: version, Repositories: [] }, Packages: packages });

function open(
  r: NonNullable<Environment['r']>,
  file = '{}',
  options: { allowUnmet?: boolean; containers?: boolean; image?: string } = {},
) {
  const { image, ...rest } = options;
  return openEnvironments({
    directory: join(root, 'environments'),
    program: {
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'p', version: '1' },
      environments: { default: { r, ...(image ? { image } : {}) } },
      pipeline: { steps: { main: { run: ['Rscript', 'x.R'] } } },
    },
    readCode: async (path) => (path === 'renv.lock' ? Buffer.from(file) : undefined),
    ...rest,
  });
}

/** An Rscript that has these packages, and R 4.2.2. */
function fakeR(packages: Record<string, string>): void {
  const lines = Object.entries(packages).map(([name, version]) => `${name}) echo "${name} ${version}";;`);
  const bin = scripts(root, {
    Rscript: `shift 2; echo 4.2.2; for p; do case "$p" in ${lines.join(' ')} esac; done`,
  });
  process.env.PATH = [bin, '/usr/bin', '/bin'].join(delimiter);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SameError, String(error));
  return error.message;
}

describe('an environment of R', () => {
  test('has the key of its lock where everything agrees with that', async () => {
    fakeR({ lme4: '1.1-31', zoo: '1.8' });
    const file = lock({ zoo: { Version: '1.8' }, lme4: { Version: '1.1-31' } });
    const environments = open({ version: '4.2', lock: 'renv.lock' }, file);
    assert.deepEqual(await environments.check('default'), []);
    const ready = await environments.ready('default');
    assert.equal(ready.kind, 'r');
    assert.equal(ready.locked, true);
    assert.deepEqual(ready.resolved, { r: '4.2.2', packages: { lme4: '1.1-31', zoo: '1.8' } });
    // printf '{"packages":{"lme4":"1.1-31","zoo":"1.8"},"r":"4.2"}' | sha256sum
    assert.equal(ready.key, 'lock:sha256:0619e2ebd67a43cf8d593f9f09db39ae75a251739d269566f0177118ff8631de');
    const boxed = await open({ version: '4.2', lock: 'renv.lock' }, file, {
      containers: true,
      image: `r@sha256:${'0'.repeat(64)}`,
    }).ready('default');
    assert.deepEqual([boxed.kind, boxed.key, boxed.path], ['image', ready.key, []]);
  });

  test('reports all that is missing or of another version at once', async () => {
    fakeR({ lme4: '1.1-30', zoo: '1.8' });
    const file = lock(
      { zoo: { Version: '1.8' }, lme4: { Version: '1.1-31' }, xts: { Version: '0.12' } },
      '4.1.0',
    );
    const environments = open({ version: '4.1', lock: 'renv.lock' }, file);
    assert.deepEqual(
      (await environments.check('default')).map(({ code, what, want, have }) => [code, what, want, have]),
      [
        ['SAME1701', 'interpreter', 'R 4.1', 'R 4.2.2'],
        ['SAME1701', 'package', 'R package lme4 1.1-31', 'lme4 1.1-30'],
        ['SAME1701', 'package', 'R package xts 0.12', 'none'],
      ],
    );
    assert.match(
      await refusal(environments.ready('default')),
      /SAME1701 R package xts: want 0\.12, have none/,
    );
  });

  test('that is waived has the key of what was found, and is not locked', async () => {
    fakeR({ zoo: '1.7' });
    const file = lock({ zoo: { Version: '1.8' } });
    const ready = await open({ version: '4.2', lock: 'renv.lock' }, file, { allowUnmet: true }).ready(
      'default',
    );
    assert.match(ready.key, /^freeze:sha256:[0-9a-f]{64}$/);
    assert.equal(ready.locked, false);
    assert.deepEqual(ready.resolved, { r: '4.2.2', packages: { zoo: '1.7' } });
  });

  test('may name packages with bounds; what is installed is its key', async () => {
    fakeR({ lme4: '1.1-31', zoo: '1.8' });
    const wanted = { version: '4.2', packages: ['zoo', 'lme4 >=1.1-30 <1.2'] };
    assert.deepEqual(await open(wanted).check('default'), []);
    const one = await open(wanted).ready('default');
    assert.match(one.key, /^freeze:/);
    fakeR({ lme4: '1.1-32', zoo: '1.8' });
    assert.notEqual((await open(wanted).ready('default')).key, one.key);
    fakeR({ lme4: '1.1-29', zoo: '1.8' });
    assert.deepEqual(
      (await open(wanted).check('default')).map(({ message }) => message),
      ['R package lme4: want >=1.1-30 <1.2, have 1.1-29'],
    );
  });

  test('finds what R itself finds', async () => {
    const version = execFileSync('Rscript', ['-e', 'cat(as.character(getRversion()))'], { encoding: 'utf8' });
    const minor = version.split('.').slice(0, 2).join('.');
    const environments = open({ version: minor, packages: [`stats ==${version}`, 'no.such.package'] });
    assert.deepEqual(
      (await environments.check('default')).map(({ message }) => message),
      ['R package no.such.package: want any version, have none'],
    );
    const ready = await open({ version: minor, packages: ['stats'] }).ready('default');
    assert.deepEqual(ready.resolved, { r: version, packages: { stats: version } });
  });

  test('without an Rscript is a requirement that is not met', async () => {
    process.env.PATH = scripts(root, {});
    assert.deepEqual(
      (await open({ version: '4.2' }).check('default')).map(({ message }) => message),
      ['R: want 4.2, have none'],
    );
  });

  for (const [what, file, said] of [
    ['is no JSON', 'R:', /no renv\.lock: not a JSON object/],
    ['says no version of R', '{"Packages": {}}', /R\.Version is missing/],
    ['is of another R', lock({}, '4.20.1'), /made for R 4\.20\.1, and the environment says 4\.2/],
    ['has no packages', '{"R": {"Version": "4.2.0"}}', /Packages is missing/],
    ['has a package without a version', lock({ zoo: { Source: 'x' } }), /package zoo has no Version/],
  ] as const) {
    test(`refuses a lock that ${what}`, async () => {
      const message = await refusal(open({ version: '4.2', lock: 'renv.lock' }, file).check('default'));
      assert.match(message, /^SAME1505 /);
      assert.match(message, said);
    });
  }
});
