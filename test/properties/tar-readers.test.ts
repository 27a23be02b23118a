import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { Parser } from 'tar';
import { comparePaths, listTar, writeTar } from '../../src/bundle/canonical-tar.ts';
import { type ArbitraryFile, treeOf } from './arbitraries.ts';
import { rounds } from './campaign.ts';

const root = mkdtempSync(join(tmpdir(), 'same-tar-readers-'));
after(() => rmSync(root, { recursive: true, force: true }));

const { seed, numRuns } = rounds(30);
const trees = fc.sample(treeOf({ maxFiles: 10 }), { seed, numRuns });

type Row = [path: string, mode: number, sha256: string];

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function tarOf(files: readonly ArbitraryFile[]): Promise<Buffer> {
  const sorted = files.toSorted((a, b) => comparePaths(a.path, b.path));
  const chunks: Uint8Array[] = [];
  const sources = sorted.map(({ path, executable, bytes }) => ({
    path,
    executable,
    sizeBytes: bytes.length,
    chunks: () => [bytes],
  }));
  for await (const chunk of writeTar(sources)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function expected(files: readonly ArbitraryFile[]): Row[] {
  return files
    .toSorted((a, b) => comparePaths(a.path, b.path))
    .map(({ path, executable, bytes }) => [path, executable ? 0o755 : 0o644, sha256(bytes)]);
}

const READER = `
import hashlib, json, sys, tarfile
for name in sys.argv[1:]:
    with tarfile.open(name, 'r:', errors='strict') as tar:
        rows = []
        for member in tar:
            assert member.isreg() and (member.uid, member.gid, member.mtime) == (0, 0, 0), member
            rows.append([member.name, member.mode, hashlib.sha256(tar.extractfile(member).read()).hexdigest()])
    print(json.dumps(rows))
`;

test("CPython's tarfile reads the files that were written", async () => {
  const names: string[] = [];
  for (const [index, files] of trees.entries()) {
    const name = join(root, `${index}.tar`);
    writeFileSync(name, await tarOf(files));
    names.push(name);
  }
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READER, ...names], { maxBuffer: 2 ** 28 });
  assert.equal(status, 0, stderr.toString());
  const rows = stdout.toString().trimEnd().split('\n');
  for (const [index, files] of trees.entries()) assert.deepEqual(JSON.parse(rows[index]!), expected(files));
});

test('the tar of npm reads the files that were written', async () => {
  // It takes a tar of no files for none.
  for (const files of trees.filter(({ length }) => length > 0)) {
    const rows: Row[] = [];
    const parser = new Parser({
      strict: true,
      onReadEntry(entry) {
        const hash = createHash('sha256');
        entry.on('data', (chunk: Buffer) => hash.update(chunk));
        entry.on('end', () => rows.push([entry.path, entry.mode ?? 0, hash.digest('hex')]));
      },
    });
    await new Promise<void>((done, fail) => {
      parser.on('end', done).on('error', fail);
      tarOf(files).then((bytes) => parser.end(bytes), fail);
    });
    assert.deepEqual(rows, expected(files));
  }
});

test('our own scanner lists them, in order', async () => {
  for (const files of trees) {
    const listed = listTar(await tarOf(files));
    assert.deepEqual(
      listed.map(({ path }) => path),
      expected(files).map(([path]) => path),
    );
  }
});
