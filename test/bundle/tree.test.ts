import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTreeList, treeDigest, treeList } from '../../src/bundle/tree.ts';

const hex = (digit: string): string => digit.repeat(64);
const entries = [
  { path: 'é', executable: false, sizeBytes: 3, digest: `sha256:${hex('c')}` },
  { path: 'b/run', executable: true, sizeBytes: 2, digest: `sha256:${hex('b')}` },
  { path: 'a', executable: false, sizeBytes: 1, digest: `sha256:${hex('a')}` },
];
const text = `[["a",420,1,"${hex('a')}"],["b/run",493,2,"${hex('b')}"],["é",420,3,"${hex('c')}"]]`;

test('a tree is the canonical list of path, mode, size and sha256, in any order of entries', () => {
  assert.equal(treeList(entries).toString(), text);
  assert.equal(treeDigest(entries), treeDigest(entries.toReversed()));
  assert.equal(
    treeDigest(entries),
    'tree:sha256:b3fe431b509dc4896c23d032c3133b7ab2395fa7cd3e3288eafe178384a379d4',
  );
});

test('a list is read back', () => {
  assert.deepEqual(parseTreeList(treeList(entries)), entries.toReversed());
});

test('a list that is not canonical, not sorted, names no files or leads out of the tree is refused', () => {
  const row = (path: string) => `[${JSON.stringify(path)},420,1,"${hex('a')}"]`;
  const lists = [
    '{}',
    '[]',
    '[1]',
    '[["a",420,1]]',
    `[["a",384,1,"${hex('a')}"]]`,
    `[["a",420,-1,"${hex('a')}"]]`,
    `[["a",420,1,"${hex('A')}"]]`,
    `[${row('b')},${row('a')}]`,
    `[${row('a')},${row('a')}]`,
    `[${row('a')}, ${row('b')}]`,
    ...['', '/a', '../a', 'a/../b', './a', 'a//b', 'a\0'].map((path) => `[${row(path)}]`),
  ];
  for (const list of lists) assert.throws(() => parseTreeList(Buffer.from(list)), { code: 'SAME1302' }, list);
});
