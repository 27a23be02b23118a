import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkPath, collisions, comparePaths } from '../../src/bundle/canonical-tar.ts';
import { overPathLimit, PathSet } from '../../src/bundle/portable-path.ts';

test('ordinary paths are allowed', () => {
  const paths = [
    'a',
    'README.md',
    'src/a b/c-d_e.py',
    '.github/workflows/x.yml',
    'données/é.csv',
    'a..b',
    '日本/😀',
    'ab:c',
  ];
  for (const path of [...paths, 'console.py', 'x'.repeat(255), Array(64).fill('d').join('/')]) {
    assert.equal(checkPath(path), undefined, path);
  }
});

test('paths that are unsafe, or that some file system cannot hold, are refused with a reason', () => {
  const refused: [string, RegExp][] = [
    ['', /empty/],
    ['/etc/passwd', /absolute/],
    ['../x', /"\.\."/],
    ['a/../b', /"\.\."/],
    ['./a', /"\."/],
    ['a//b', /empty part/],
    ['a/', /empty part/],
    ['a\\b', /backslash/],
    ['C:/x', /drive/],
    ['c:x', /drive/],
    ['a\0b', /control/],
    ['a\nb', /control/],
    ['a\x1b[31m', /control/],
    ['a\x7f', /control/],
    ['a\u0085', /control/],
    ['e\u0301', /NFC/],
    ['\ud800', /UTF-8/],
    ['con', /Windows/],
    ['src/AUX.py', /Windows/],
    ['lpt1.txt', /Windows/],
    ['dot.', /dot or space/],
    ['space ', /dot or space/],
    ['x'.repeat(256), /name longer/],
    ['é'.repeat(128), /name longer/],
  ];
  for (const [path, because] of refused)
    assert.match(checkPath(path) ?? 'allowed', because, JSON.stringify(path));
});

test('the order is that of UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.equal(Math.sign(comparePaths(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.ok(comparePaths('\u{ffff}', '\u{10000}') < 0);
});

test('collisions of case, Unicode form, duplicates and file against directory are found', () => {
  const colliding = [
    ['a', 'a'],
    ['a', 'A'],
    ['Straße', 'STRASSE'],
    ['é', 'e\u0301'],
    ['É', 'é'],
    ['σ', 'ς'],
    ['K', '\u212a'],
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['A', 'a/b'],
    ['d/x', 'D/y'],
    ['d/e/x', 'd/E/y'],
    ['a', 'a.b', 'a/b'],
  ];
  for (const paths of colliding) {
    const found = collisions(paths);
    assert.equal(found.length, 1, paths.join(' '));
    assert.equal(found[0]!.path, paths.at(-1));
  }
  assert.deepEqual(collisions(['a', 'b/a', 'b/c', 'c/a', 'd', 'd.x', 'd2/x']), []);
});

test('a path of 1024 bytes and one of 64 segments are within the limits, one more of either is not', () => {
  const long = `${`${'x'.repeat(203)}/`.repeat(5)}abcd`;
  assert.equal(Buffer.byteLength(long), 1024);
  assert.equal(overPathLimit(long), undefined);
  assert.equal(overPathLimit(`${long}e`)?.limit, 'pathBytes');
  assert.equal(overPathLimit(`${long.slice(0, -1)}é`)?.limit, 'pathBytes');
  const deep = Array(64).fill('d').join('/');
  assert.equal(overPathLimit(deep), undefined);
  assert.equal(overPathLimit(`${deep}/d`)?.limit, 'pathSegments');
  assert.equal(overPathLimit(`${deep}/d`, { pathBytes: 1024, pathSegments: 65 }), undefined);
});

test('a set of paths grows with the paths, not with the directories that they are in', () => {
  const paths = new PathSet();
  const below = 'abcdefghijklmno/'.repeat(62);
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 5000; at++)
    assert.equal(paths.add(`${String(at).padStart(8, '0')}/${below}f`), undefined);
  const growth = (process.memoryUsage().heapUsed - before) / 5000;
  assert.ok(growth < 20_000, `${Math.round(growth)} bytes for a path of 1024`);
  assert.match(paths.add(`00000042/${below}F`)!, /only in letter case/);
  assert.match(paths.add(`00000042/${below.slice(0, -1)}`)!, /both a file and a directory/);
  assert.equal(paths.add(`00000042/${below}g`), undefined);
  assert.match(paths.add(`00000042/${below}g`)!, /there twice/);
});
