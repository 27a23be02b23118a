import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openEnvironments } from '../../src/environments/prepare.ts';
import { readTomlLock } from '../../src/environments/toml-locks.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { minor, openRig, type Rig } from './wheels.ts';

let rig: Rig;
const hash: Record<string, string> = {};
before(() => {
  rig = openRig();
  for (const name of ['alpha', 'beta', 'gamma', 'delta']) hash[name] = rig.wheel(name, '1.0');
});
after(() => rig[Symbol.dispose]());

const head = (rest = '') => `version = 1\nrevision = 3\nrequires-python = ">=3.6"\n${rest}`;
const root = (dependencies: string, rest = '') =>
  `[[package]]\nname = "study"\nversion = "0.1"\nsource = { virtual = "." }\ndependencies = [${dependencies}]\n${rest}\n`;
const pack = (
  name: string,
  rest = '',
  file = `wheels = [{ url = "https://x.example.org/${name}.whl", hash = "${hash[name]}" }]`,
) =>
  `[[package]]\nname = "${name}"\nversion = "1.0"\nsource = { registry = "https://pypi.example.org/simple" }\n${file}\n${rest}\n`;

function open(file: string, text: string, cacheDirectory?: string) {
  let reads = 0;
  const environments = openEnvironments({
    directory: rig.environments,
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
    program: {
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'p', version: '1' },
      environments: { default: { python: { version: minor, lock: file } } },
      pipeline: { steps: { main: { run: ['python', 'x.py'] } } },
    },
    readTomlLock: async (...lock) => {
      reads++;
      return readTomlLock(...lock);
    },
    readCode: async (path) => (path === file ? Buffer.from(text) : undefined),
  });
  return { environments, reads: () => reads };
}

const planned = async (file: string, text: string) =>
  (await open(file, text).environments.planned('default')).resolved.packages;

async function refusal(file: string, text: string): Promise<string> {
  const error = await open(file, text)
    .environments.planned('default')
    .then(
      () => assert.fail('was not refused'),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof SameError, String(error));
  assert.ok(error.findings.every(({ code }) => code === 'SAME1505'));
  return error.message;
}

describe('locks of python in TOML', () => {
  test('a uv.lock is installed as its project needs it here', async () => {
    const text = [
      head(),
      root(
        '{ name = "alpha" }, { name = "beta", extra = ["fast"], marker = "sys_platform != \'none\'" }, { name = "delta", marker = "sys_platform == \'none\'" }',
        '[package.dev-dependencies]\ndev = [{ name = "delta" }]',
      ),
      pack('alpha', 'dependencies = [{ name = "beta" }]'),
      pack(
        'beta',
        '[package.optional-dependencies]\nfast = [{ name = "gamma" }]\nslow = [{ name = "delta" }]',
      ),
      pack('gamma'),
      pack('delta'),
    ].join('\n');
    const cache = join(rig.root, 'cache');
    const first = open('env/uv.lock', text, cache);
    const ready = await first.environments.ready('default');
    assert.deepEqual(ready.resolved.packages, { alpha: '1.0', beta: '1.0', gamma: '1.0' });
    assert.equal(first.reads(), 1);
    assert.equal(
      execFileSync(
        join(ready.path[0]!, 'python'),
        ['-c', 'import alpha, beta, gamma; print(gamma.VERSION)'],
        { encoding: 'utf8' },
      ),
      '1.0\n',
    );
    assert.equal(readdirSync(join(cache, 'locks')).length, 1);
    const again = open('env/uv.lock', text, cache);
    assert.equal((await again.environments.ready('default')).key, ready.key);
    assert.equal(again.reads(), 0);
  });

  test('a pylock.toml is installed as its markers say', async () => {
    const file = (name: string) =>
      `wheels = [{ url = "https://x.example.org/${name}.whl", hashes = { sha256 = "${hash[name]!.slice(7)}" } }]`;
    const text = `lock-version = "1.0"
default-groups = ["main"]
[[packages]]
name = "study"
directory = { path = ".", editable = true }
[[packages]]
name = "Alpha"
version = "1.0"
${file('alpha')}
[[packages]]
name = "beta"
version = "1.0"
marker = "'main' in dependency_groups"
${file('beta')}
[[packages]]
name = "gamma"
version = "1.0"
marker = "'test' in extras or sys_platform == 'none'"
${file('gamma')}
`;
    for (const name of ['pylock.toml', 'locks/pylock.train.toml'])
      assert.deepEqual(await planned(name, text), { alpha: '1.0', beta: '1.0' });
    const requirements = `alpha==1.0 --hash=${hash.alpha}\nbeta==1.0 --hash=${hash.beta}\n`;
    const [one, other] = [open('pylock.toml', text), open('requirements.lock', requirements)];
    assert.equal(
      (await one.environments.planned('default')).key,
      (await other.environments.planned('default')).key,
    );
  });

  test('of a package with forks the one for this machine is taken', async () => {
    const forks = ["sys_platform == 'none'", "sys_platform != 'none'"].map((marker, index) =>
      pack('alpha', `resolution-markers = ["${marker}"]`).replace('"1.0"', `"${index + 1}.0"`),
    );
    assert.deepEqual(await planned('uv.lock', [head(), root('{ name = "alpha" }'), ...forks].join('\n')), {
      alpha: '2.0',
    });
  });

  for (const [what, file, text, said] of [
    ['is no TOML', 'uv.lock', () => 'version = ', /uv\.lock is not TOML/],
    ['is of another version', 'uv.lock', () => 'version = 2', /is of version 2, not 1/],
    [
      'is of another lock-version',
      'pylock.toml',
      () => 'lock-version = "2.0"',
      /lock-version is 2\.0, not 1\.0/,
    ],
    ['has no project', 'uv.lock', () => head(pack('alpha')), /has no project of its own/],
    [
      'is for another python',
      'uv.lock',
      () => `version = 1\nrequires-python = ">=9"\n${root('')}`,
      /needs python >=9/,
    ],
    [
      'lacks what is needed',
      'uv.lock',
      () => head(root('{ name = "alpha" }')),
      /study needs alpha, which it does not hold/,
    ],
    [
      'has a marker that is none',
      'uv.lock',
      () => head(root('{ name = "alpha", marker = "x" }')),
      /the marker "x" cannot be read/,
    ],
    [
      'has a package without files',
      'uv.lock',
      () => head(root('{ name = "alpha" }') + pack('alpha', '', '')),
      /alpha has no file with a sha256/,
    ],
    [
      'has a repository',
      'uv.lock',
      () =>
        head(
          root('{ name = "alpha" }') +
            pack('alpha').replace(/source = .*/, 'source = { git = "https://x.example.org/a?rev=1" }'),
        ),
      /alpha comes from a URL, a repository or a path/,
    ],
    [
      'has an archive',
      'pylock.toml',
      () =>
        `lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\narchive = { url = "https://x.example.org/a.zip" }`,
      /package a comes from a URL, a repository or a path/,
    ],
  ] as const) {
    test(`a lock that ${what} is refused`, async () => {
      assert.match(await refusal(file, text()), said);
    });
  }
});
