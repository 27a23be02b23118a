import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '../../src/program/glob.ts';

const cases: [string, string, boolean][] = [
  ['**/*.ckpt', 'a.ckpt', true],
  ['**/*.ckpt', 'a/.b/c.ckpt', true],
  ['*.ckpt', 'a/b.ckpt', false],
  ['*.ckpt', '.ckpt', true],
  ['data', 'data/a/b', true],
  ['data/', 'data/a', true],
  ['data', 'database', false],
  ['data/**', 'data/.x', true],
  ['./a/b', 'a/b', true],
  ['lib/**/z.py', 'lib/z.py', true],
  ['lib/**/z.py', 'lib/x/y/z.py', true],
  ['**', 'a/b', true],
  ['a?b', 'a.b', true],
  ['a?b', 'a/b', false],
  ['a[0-9].txt', 'a7.txt', true],
  ['a[!0-9].txt', 'a7.txt', false],
  ['a[[]1].txt', 'a[1].txt', true],
  ['a[1', 'a[1', true],
  ['a[z-a]', 'a[z-a]', true],
  ['{a,b/c}.py', 'b/c.py', true],
  ['{a', '{a', true],
  ['a+(b).c', 'a+(b).c', true],
  ['a.c', 'abc', false],
  ['A', 'a', false],
  ['*', 'é', true],
];

for (const [glob, path, expected] of cases) {
  test(`${glob} ${expected ? 'names' : 'does not name'} ${path}`, () =>
    assert.equal(matchesGlob(path, glob), expected));
}
