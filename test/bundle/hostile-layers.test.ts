import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readBundle } from '../../src/bundle/archive.ts';
import { canonicalBytes } from '../../src/bundle/canonical-json.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { filesOf, rawTar, rules, sample, tarOf, write } from './sample-bundle.ts';
import { packSample, treeFile } from './sample-program.ts';

test('refused: a config whose manifest is not that of same.yaml, or a manifest that its parser refuses', async () => {
  const lying = { canonicalOfYaml: (bytes: Buffer) => ({ ...JSON.parse(bytes.toString()), extra: 1 }) };
  await assert.rejects(readBundle([rawTar], openMemoryContentStore(), lying), { code: 'SAME1302' });
  const failing = {
    canonicalOfYaml: () => {
      throw new Error('no such field');
    },
  };
  await assert.rejects(readBundle([rawTar], openMemoryContentStore(), failing), /no such field/);
});

test('refused: a code layer that another tar tool wrote', async () => {
  const store = openMemoryContentStore();
  const honest = await packSample(store);
  const layer = Buffer.from(await store.read(honest.codeDigest));
  layer.write('0000001', 108, 'latin1');
  const { digest } = await store.write(layer);
  const relabel = async (from: string, descriptor: { digest: string; size: number }) => {
    const text = (await store.read(from)).toString().replaceAll(descriptor.digest, digest);
    return store.write(Buffer.from(text));
  };
  const code = honest.manifest.layers[2]!;
  const config = await relabel(honest.manifest.config.digest, code);
  const manifest = {
    ...honest.manifest,
    config: { ...honest.manifest.config, digest: config.digest },
    layers: honest.manifest.layers.with(2, { ...code, digest }),
  };
  const program = await store.write(canonicalBytes(manifest));
  await assert.rejects(write({ program: program.digest, referrers: [] }, store), { code: 'SAME1302' });
});

test('refused: an infrastructure layer that differs from the code', async () => {
  const store = openMemoryContentStore();
  const honest = await packSample(store);
  const other = await packSample(store, { files: [treeFile('infra/aks/main.tf', 'evil {}\n')] });
  const layers = honest.manifest.layers.with(3, other.manifest.layers[3]!);
  const config = await store.write(
    canonicalBytes({ ...honest.config, layers: honest.config.layers.with(3, other.config.layers[3]!) }),
  );
  const manifest = {
    ...honest.manifest,
    config: { ...honest.manifest.config, digest: config.digest, size: config.sizeBytes },
    layers,
  };
  const program = await store.write(canonicalBytes(manifest));
  const { bytes } = await write({ program: program.digest, referrers: [] }, store);
  await assert.rejects(readBundle([bytes], openMemoryContentStore(), rules), /SAME1302.*infrastructure/);
});

test('refused: bytes after the member, a second member, a bomb, a file of something else', async () => {
  const { bytes } = await write(sample.contents, sample.store);
  const read = (file: Buffer) => readBundle([file], openMemoryContentStore(), rules);
  const zstd = zstdCompressSync(rawTar);
  for (const more of [
    Buffer.from([0]),
    Buffer.alloc(8),
    gzipSync(''),
    gzipSync('x'),
    Buffer.alloc(100_000),
  ]) {
    await assert.rejects(read(Buffer.concat([bytes, more])), { code: 'SAME1302' });
    await assert.rejects(read(Buffer.concat([zstd, more])), { code: 'SAME1302' });
    await assert.rejects(read(Buffer.concat([rawTar, more])), { code: 'SAME1302' });
  }
  await assert.rejects(read(Buffer.concat([zstd, zstdCompressSync('')])), { code: 'SAME1302' });
  const zeros = { path: 'index.json', bytes: Buffer.alloc(64 * 2 ** 20) };
  const bomb = zstdCompressSync(await tarOf([filesOf(rawTar)[0]!, zeros]));
  const limits = { jsonBytes: 2 ** 30 };
  await assert.rejects(readBundle([bomb], openMemoryContentStore(), { ...rules, limits }), {
    code: 'SAME1304',
    message: /times its size/,
  });
  for (const file of ['', 'x', '<!doctype html>', 'PK\x03\x04']) {
    await assert.rejects(read(Buffer.from(file.padEnd(file ? 2000 : 0))), { code: 'SAME1306' });
  }
});
