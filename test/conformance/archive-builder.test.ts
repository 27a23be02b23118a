import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { buildArchive } from '../../conformance/runner/archive-builder.ts';
import type { ArchiveDescription } from '../../conformance/runner/archive-description.ts';
import { tarMembers } from '../../conformance/runner/tar-bytes.ts';

const directory = new URL('../../conformance/v1/golden/', import.meta.url);
const golden = (name: string): Buffer => fs.readFileSync(new URL(name, directory));
const build = (description: ArchiveDescription): Buffer =>
  buildArchive({ envelope: { form: 'tar' }, ...description }, golden);
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function filesOf(tar: Buffer): Map<string, Buffer> {
  return new Map(tarMembers(tar).map(({ path, content }) => [path as string, content]));
}

test('a golden bundle that is taken apart and built again has the same bytes', () => {
  const names = fs.readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  assert.ok(names.length >= 20, `only ${names.length} golden bundles`);
  for (const name of names) assert.ok(build({ golden: name }).equals(gunzipSync(golden(name))), name);
});

test('digests follow a change in a layer up to the index', () => {
  const files = filesOf(
    build({
      golden: 'runs-of-both.tgz',
      edits: [{ change: 'hello.txt', in: 'code', text: 'changed\n' }],
    }),
  );
  for (const [path, bytes] of files) {
    if (path.startsWith('blobs/')) assert.equal(path, `blobs/sha256/${digestOf(bytes)}`);
  }
  const index = JSON.parse(files.get('index.json')!.toString());
  for (const { digest, size } of index.manifests) {
    const manifest = files.get(`blobs/sha256/${digest.slice(7)}`)!;
    assert.equal(manifest.length, size);
    for (const layer of JSON.parse(manifest.toString()).layers) {
      assert.equal(files.get(`blobs/sha256/${layer.digest.slice(7)}`)!.length, layer.size);
    }
  }
  const [record] = [...files.values()].filter((bytes) => bytes.includes('"kind":"Run"'));
  assert.ok(index.manifests.some(({ digest }: { digest: string }) => record!.includes(digest)));
});

test('text is rewritten after the digests it holds are known and before its own is', () => {
  const files = filesOf(
    build({
      golden: 'minimal.tgz',
      edits: [{ rewrite: 'program', from: '{"annotations"', to: '{ "annotations"' }],
    }),
  );
  const { digest, size } = JSON.parse(files.get('index.json')!.toString()).manifests[0];
  const program = files.get(`blobs/sha256/${digest.slice(7)}`)!;
  assert.equal(program.subarray(0, 3).toString(), '{ "');
  assert.equal(program.length, size);
  assert.equal(`sha256:${digestOf(program)}`, digest);
});

test('JSON values are set, added and taken out', () => {
  const tar = build({
    parts: { doc: { json: { b: [1, 2], a: { c: 3 } } } },
    members: [{ path: 'doc', part: 'doc' }],
    edits: [
      { set: 'doc', at: ['a', 'd'], value: { $size: 'other' } },
      { add: 'doc', at: ['b', 1], value: 9 },
      { unset: 'doc', at: ['a', 'c'] },
      { part: 'other', text: 'four' },
    ],
  });
  assert.equal(filesOf(tar).get('doc')!.toString(), '{"a":{"d":4},"b":[1,9,2]}');
});

test('members are inserted by path or place, renamed, moved and removed', () => {
  const tar = build({
    parts: {
      layer: {
        tar: [
          { path: 'a', text: '1' },
          { path: 'c', text: '3' },
        ],
      },
    },
    members: [
      { path: 'x', text: '' },
      { path: 'y', text: '' },
      { path: 'layer', part: 'layer' },
    ],
    edits: [
      { insert: { path: 'b', text: '2' }, in: 'layer' },
      { remove: 'a', in: 'layer' },
      { change: 'x', path: 'z', executable: true },
      { move: 'y', before: 'z' },
    ],
  });
  assert.deepEqual([...filesOf(tar).keys()], ['y', 'z', 'layer']);
  assert.deepEqual([...filesOf(filesOf(tar).get('layer')!).keys()], ['b', 'c']);
  assert.equal(tarMembers(tar)[1]!.executable, true);
});

test('a header field that is set is written as it is and the checksum follows', () => {
  const block = build({ members: [{ path: 'a', text: 'x', header: { type: '5', mode: '0000700' } }] });
  assert.equal(block.toString('latin1', 156, 157), '5');
  assert.equal(block.toString('latin1', 100, 108), '0000700\0');
  const sum = block
    .subarray(0, 512)
    .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  assert.equal(Number.parseInt(block.toString('latin1', 148, 154), 8), sum);
  const wrong = build({ members: [{ path: 'a', text: 'x', header: { checksum: { text: '000000\0 ' } } }] });
  assert.equal(wrong.toString('latin1', 148, 156), '000000\0 ');
});

test('a PAX header stands before a path that needs one, is left out, or holds what is said', () => {
  const long = 'd/'.repeat(60);
  assert.equal(build({ members: [{ path: `${long}x`, text: '' }] }).toString('latin1', 156, 157), 'x');
  assert.equal(build({ members: [{ path: 'é', text: '', pax: false }] })[156], 0x30);
  const other = build({ members: [{ path: 'a', text: '', pax: { records: [['mtime', '1']] } }] });
  assert.equal(other.toString('latin1', 512, 522), '11 mtime=1');
});

test('an envelope has the header, trailer and what follows it as described', () => {
  const description: ArchiveDescription = { members: [{ path: 'a', text: 'x' }] };
  const tar = build(description);
  const gzip = build({
    ...description,
    envelope: { form: 'gzip', flags: 8, mtime: 7, os: 3, fields: { text: 'name\0' } },
  });
  assert.deepEqual([...gzip.subarray(0, 12)], [0x1f, 0x8b, 8, 8, 7, 0, 0, 0, 0, 3, 0x6e, 0x61]);
  assert.ok(gunzipSync(gzip).equals(tar));
  assert.ok(zstdDecompressSync(build({ ...description, envelope: { form: 'zstd' } })).equals(tar));
  const wrong = build({ ...description, envelope: { form: 'gzip', crc: { hex: '00000000' } } });
  assert.throws(() => gunzipSync(wrong), /crc|check/i);
});

test('finished bytes are changed, cut and added to, counting from either end', () => {
  const description: ArchiveDescription = { members: [{ path: 'a', text: 'x' }] };
  const tar = build(description);
  assert.equal(build({ ...description, patches: [{ truncate: -1024 }] }).length, tar.length - 1024);
  assert.equal(
    build({ ...description, filePatches: [{ append: { repeat: { hex: '00' }, times: 3 } }] }).length,
    tar.length + 3,
  );
  assert.equal(build({ ...description, patches: [{ at: -1, bytes: { hex: '07' } }] }).at(-1), 7);
});

test('a description that names what is not there, or goes in circles, is an error', () => {
  assert.throws(() => build({ golden: 'minimal.tgz', edits: [{ remove: 'nothing' }] }), /no member/);
  assert.throws(
    () => build({ golden: 'minimal.tgz', edits: [{ unset: 'config', at: ['none'] }] }),
    /no none/,
  );
  assert.throws(
    () => build({ golden: 'minimal.tgz', edits: [{ rewrite: 'config', from: '☃', to: '' }] }),
    /rewrite/,
  );
  assert.throws(
    () => build({ parts: { a: { json: { $digest: 'a' } } }, members: [{ path: 'a', part: 'a' }] }),
    /needs itself/,
  );
});

test('every golden bundle is unpacked and verified by a case', () => {
  const cases = new URL('../../conformance/v1/bundle/', import.meta.url);
  for (const verb of ['unpack', 'verify']) {
    const text = fs.readFileSync(new URL(`golden-${verb}.json`, cases), 'utf8');
    const named = [...text.matchAll(/"golden": "([^"]+)"/g)].map(([, name]) => name);
    assert.deepEqual(named.sort(), fs.readdirSync(directory).sort(), verb);
  }
});
