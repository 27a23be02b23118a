import { zstdCompressSync } from 'node:zlib';
import { canonicalBytes, sha256 } from '../../src/bundle/canonical-json.ts';
import { listTar, writeTar } from '../../src/bundle/canonical-tar.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { pack, recordOf, runId, storeOrigin, storeRun, write } from './bundles.ts';

const store = openMemoryContentStore();
const file = (path: string, text: string, executable = false) => ({
  path,
  executable,
  bytes: Buffer.from(text),
});
const files = [
  file('train.sh', 'echo\n', true),
  file('README.md', '# Study\n'),
  file(`données/${'é'.repeat(60)}.csv`, '1,2\n'),
  file('infra/t/main.tf', 'x\n'),
];
/** What it was committed from. */
export const old = await pack({ files }, store);
/** The program of the bundle. */
export const program = await pack(
  {
    version: '1.1+b',
    derivedFrom: { name: 'Lab/study', version: '1.0', digest: old.digest },
    files,
    infrastructure: 'infra/t',
  },
  store,
);
const contents = {
  program: program.digest,
  ancestors: [old.digest],
  referrers: [
    await storeRun(recordOf(program, runId(1)), program, store),
    await storeRun(recordOf(old, runId(2)), old, store),
    await storeOrigin(
      { kind: 'git', repository: 'https://example.org/r', revision: 'a'.repeat(40) },
      program,
      store,
    ),
  ],
};
/** The archive of a bundle with an ancestor, runs and an origin. */
export const tar = await write(contents, store, { gzip: false });
/** The archive in every envelope. */
export const envelopes = [tar.bytes, (await write(contents, store)).bytes, zstdCompressSync(tar.bytes)];

/** The files of the archive. */
export const members = listTar(tar.bytes, { sorted: false }).map(({ path, offset, sizeBytes }) => ({
  path,
  bytes: tar.bytes.subarray(offset, offset + sizeBytes),
}));
/** Those of them that are JSON. */
export const documents = members.filter(
  ({ path, bytes }) => (path.startsWith('blobs/') || path === 'index.json') && bytes[0] === 0x7b,
);

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** The archive with one file replaced, and every digest and size on the way up to the index put right. */
export async function withMember(path: string, bytes: Buffer): Promise<Buffer> {
  const all = members.map((member) => ({ ...member }));
  const waiting: [string, Buffer][] = [[path, bytes]];
  for (let rounds = 0; waiting.length > 0 && rounds < 50; rounds++) {
    const [from, content] = waiting.shift()!;
    const member = all.find((each) => each.path === from);
    if (!member) continue;
    member.bytes = content;
    if (from === 'index.json') continue;
    const [before, after] = [`sha256:${from.slice('blobs/sha256/'.length)}`, sha256(content)];
    member.path = `blobs/sha256/${after.slice('sha256:'.length)}`;
    if (before === after) continue;
    for (const other of all) {
      if (other.bytes[0] !== 0x7b || !other.bytes.includes(before) || other === member) continue;
      // A document that was mutated itself need not be JSON any more.
      if (other.path === path || !isJson(other.bytes)) continue;
      const value = JSON.parse(other.bytes.toString(), (_, inner) =>
        typeof inner === 'object' && inner !== null && inner.digest === before && 'size' in inner
          ? { ...inner, digest: after, size: content.length }
          : inner === before
            ? after
            : inner,
      );
      waiting.push([other.path, canonicalBytes(value)]);
    }
  }
  const chunks: Uint8Array[] = [];
  const sources = all.map((each) => ({
    path: each.path,
    executable: false,
    sizeBytes: each.bytes.length,
    chunks: () => [each.bytes],
  }));
  for await (const chunk of writeTar(sources)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A bundle of the ancestor alone. */
export const oldBundle = await write({ program: old.digest }, store);
