import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandRequirement, satisfies } from '../../src/environments/command.ts';

test('a command is named alone or with bounds', () => {
  assert.deepEqual(parseCommandRequirement('awk'), { name: 'awk', want: '', bounds: [] });
  assert.equal(parseCommandRequirement('Rscript >=4.2 <5').want, '>=4.2 <5');
  assert.equal(parseCommandRequirement('Rscript>=4.2,<5').want, '>=4.2 <5');
  assert.equal(parseCommandRequirement('g++ = v12').want, '==12');
});

test('anything else is refused', () => {
  for (const text of ['', 'a b', '/bin/sh', 'R ~>4', 'R >=', 'R >=4.x', 'R; rm']) {
    assert.throws(() => parseCommandRequirement(text), /SAME1005/, text);
  }
});

test('versions are compared number by number', () => {
  const within = (version: string, text: string) =>
    satisfies(version, parseCommandRequirement(`x ${text}`).bounds);
  assert.ok(within('4.10.0', '>=4.2'));
  assert.ok(!within('4.1.3', '>=4.2'));
  assert.ok(within('4.2', '>=4.2.0 <=4.2'));
  assert.ok(!within('5.0', '>=4.2 <5'));
  assert.ok(within('4.2.9', '==4.2'));
  assert.ok(!within('4.2.9', '!=4.2'));
  assert.ok(!within('4.2', '==4.2.1'));
  assert.ok(within('20240101', '>20231231'));
});
