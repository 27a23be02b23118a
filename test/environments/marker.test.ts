import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { markerHolds } from '../../src/environments/marker.ts';
import { satisfiesBound } from '../../src/environments/python-version.ts';

// The judge is the `packaging` that pip brings along.
const ASK = `
import json, sys
from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.specifiers import SpecifierSet
asked = json.load(sys.stdin)
print(json.dumps({
    "markers": [Marker(m).evaluate(asked["values"]) for m in asked["markers"]],
    "bounds": [SpecifierSet(o + b).contains(v, prereleases=True) for v, o, b in asked["bounds"]],
}))`;

const values = {
  os_name: 'posix',
  sys_platform: 'linux',
  platform_system: 'Linux',
  platform_machine: 'x86_64',
  platform_release: '',
  platform_version: '',
  platform_python_implementation: 'CPython',
  implementation_name: 'cpython',
  implementation_version: '3.10.4',
  python_version: '3.10',
  python_full_version: '3.10.4',
  extra: '',
};

const markers = [
  'python_version < "3.9"',
  "python_version >= '3.9' and python_version < '3.11'",
  'python_full_version >= "3.10.4"',
  'python_full_version < "3.10.4" or sys_platform == "linux"',
  '"linux" in sys_platform',
  'sys_platform in "linux darwin"',
  "sys_platform not in 'win32 cygwin'",
  'sys_platform == "win32" or (os_name == "posix" and platform_machine != "aarch64")',
  'sys_platform == "win32" or os_name == "posix" and platform_machine == "aarch64"',
  '(sys_platform == "win32" or os_name == "posix") and platform_machine == "aarch64"',
  '"3.10" == python_version',
  'python_version == "3.*"',
  'python_version != "3.10.*"',
  'python_version ~= "3.8"',
  'extra == "test"',
  "extra == 'test' or platform_python_implementation == 'CPython'",
  'implementation_name != "pypy"',
  'python_full_version == "3.10.*" and platform_system == "Linux"',
];

const versions = [
  '3.9',
  '3.10',
  '3.10.0',
  '3.10.4',
  '3.11.0rc1',
  '3.11.0a2',
  '3.11',
  '3.11.0.post1',
  '3.11.dev1',
  '4',
  '1!3.10',
];
const operators = ['==', '!=', '<', '<=', '>', '>=', '~='];
const bounds = versions.flatMap((version) =>
  operators.flatMap((operator) =>
    ['3.10', '3.10.0', '3.11', '3.11.0rc1', '3.10.4'].map((bound) => [version, operator, bound]),
  ),
);
const starred = versions.flatMap((version) => ['==', '!='].map((operator) => [version, operator, '3.10.*']));

describe('markers and versions of python', () => {
  const asked = { values, markers, bounds: [...bounds, ...starred] };
  const judged = JSON.parse(
    execFileSync('python3', ['-c', ASK], { input: JSON.stringify(asked), encoding: 'utf8' }),
  );

  test('hold where packaging says that they do', () => {
    assert.ok(judged.markers.includes(true) && judged.markers.includes(false));
    for (const [index, marker] of markers.entries())
      assert.equal(markerHolds(marker, values), judged.markers[index], marker);
  });

  test('compare as packaging compares them', () => {
    for (const [index, [version, operator, bound]] of asked.bounds.entries())
      assert.equal(
        satisfiesBound(version!, operator!, bound!),
        judged.bounds[index],
        `${version} ${operator} ${bound}`,
      );
  });

  test('may ask what is in the lists of PEP 751', () => {
    const lists = { ...values, extras: [], dependency_groups: ['dev'] };
    assert.equal(markerHolds("'dev' in dependency_groups and 'x' not in extras", lists), true);
    assert.equal(markerHolds("'de' in dependency_groups", lists), false);
  });

  for (const wrong of [
    '',
    'python_version',
    'python_version <',
    'nonsense == "1"',
    '(os_name == "posix"',
    'os_name == "a" "b"',
    'os_name = "a"',
    "os_name == 'a",
    'os_name not "a"',
  ])
    test(`are none where they read ${JSON.stringify(wrong)}`, () => {
      assert.equal(markerHolds(wrong, values), undefined);
    });
});
