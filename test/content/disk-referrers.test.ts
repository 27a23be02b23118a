import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDiskReferrers } from '../../src/content/disk-referrers.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-referrers-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

test('referrers are listed by digest, each once', () => {
  const referrers = openDiskReferrers(join(root, 'a'));
  assert.deepEqual(referrers.list(digest('1')), []);
  assert.deepEqual(referrers.subjects(), []);
  assert.equal(fs.existsSync(join(root, 'a')), false);
  for (const digit of ['c', 'b', 'c']) referrers.add(digest('1'), digest(digit));
  referrers.add(digest('0'), digest('d'));
  assert.deepEqual(referrers.list(digest('1')), [digest('b'), digest('c')]);
  assert.deepEqual(referrers.subjects(), [digest('0'), digest('1')]);
});

test('what is no digest is refused', () => {
  const referrers = openDiskReferrers(join(root, 'b'));
  assert.throws(() => referrers.add('sha256:../x', digest('1')), { code: 'SAME1305' });
  assert.throws(() => referrers.add(digest('1'), '../x'), { code: 'SAME1305' });
});
