import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockPython } from '../../src/environments/python.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { minor, openRig } from './wheels.ts';

function lock(
  root: string,
  python: { packages?: string[]; requirements?: string },
  files: Record<string, string> = {},
) {
  return lockPython(
    { python: { version: minor, ...python } },
    {
      workDirectory: join(root, 'work'),
      readFile: async (path) => (path in files ? Buffer.from(files[path]!) : undefined),
    },
  );
}

async function problems(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SameError, String(error));
  return error.findings.map(({ code, message, place }) => `${code} ${place ?? ''} ${message}`);
}

test('packages are resolved with what they require, sorted, each with its hash and no address', async () => {
  using rig = openRig();
  const base = rig.wheel('a_base', '2.0');
  const hello = rig.wheel('hello', '1.5', { requires: ['a_base>=1'] });
  rig.wheel('hello', '2.0');
  assert.deepEqual(await lock(rig.root, { packages: ['Hello<2'] }), {
    python: minor,
    packages: [
      { name: 'a-base', version: '2.0', hashes: [base] },
      { name: 'hello', version: '1.5', hashes: [hello] },
    ],
  });
  assert.deepEqual(readdirSync(join(rig.root, 'work')), []);
});

test('a requirements file may include others of the program', async () => {
  using rig = openRig();
  rig.wheel('hello', '1.0');
  rig.wheel('hello', '2.0');
  const files = {
    'env/requirements.txt': '# all\n-r more/base.txt\n-c ../limits.txt\n',
    'env/more/base.txt': 'hello',
    'limits.txt': 'hello<2',
  };
  const { packages } = await lock(rig.root, { requirements: 'env/requirements.txt' }, files);
  assert.deepEqual(
    packages.map(({ version }) => version),
    ['1.0'],
  );
});

test('addresses, paths and options are refused before anything is resolved', async () => {
  using rig = openRig();
  const files = {
    'r.txt': `-e .
--extra-index-url https://example.org/simple
git+https://example.org/x.git
x @ file:///tmp/x
./here
-r ../outside.txt
-r missing.txt
hello ; python_version > "3"
`,
  };
  assert.deepEqual(await problems(lock(rig.root, { requirements: 'r.txt' }, files)), [
    "SAME1505 r.txt:1 option -e is not allowed in a program's requirements",
    "SAME1505 r.txt:2 option --extra-index-url is not allowed in a program's requirements",
    'SAME1505 r.txt:3 "git+https://example.org/x.git" is a URL or path, which a lock cannot hold',
    'SAME1505 r.txt:4 "x @ file:///tmp/x" is a URL or path, which a lock cannot hold',
    'SAME1505 r.txt:5 "./here" is a URL or path, which a lock cannot hold',
    'SAME1505 r.txt:6 "../outside.txt" leaves the program',
    'SAME1505 missing.txt requirements file missing.txt is not in the program',
  ]);
});

test('a package that is nowhere is named by what pip said', async () => {
  using rig = openRig();
  const [line] = await problems(lock(rig.root, { packages: ['nowhere-to-be-found==9'] }));
  assert.match(line!, /^SAME1502 .*cannot be resolved[\s\S]*nowhere-to-be-found==9/);
});

test('a package of the registry is locked', async () => {
  using rig = openRig();
  delete process.env.PIP_NO_INDEX;
  const { packages } = await lock(rig.root, { packages: ['iniconfig==2.0.0'] });
  assert.deepEqual(packages, [
    {
      name: 'iniconfig',
      version: '2.0.0',
      hashes: ['sha256:b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374'],
    },
  ]);
});
