import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, cutAnswer, on, otherBytes, withHeaders } from '../components/faults.ts';
import { assertFaultsUsed, assertRefused, bytesOf, descriptorOf, NAME, openBench } from './fault-bench.ts';

const MANIFESTS = /\/manifests\//;
const blob = descriptorOf(bytesOf(1_003));

describe('a manifest', () => {
  const document = { schemaVersion: 2, annotations: { made: 'for a test' } };

  it('without Docker-Content-Digest is found by its bytes', async () => {
    await using bench = await openBench({ features: { digestHeader: false } });
    const stored = bench.server.content.manifest(NAME, document, { tag: '1.0' });
    assert.deepEqual(await bench.repository.resolve('1.0'), stored);
    assert.deepEqual(await bench.repository.resolve(stored.digest), stored);
    assert.equal((await bench.repository.manifest('1.0'))?.digest, stored.digest);
  });

  it('is not believed to have another digest than was asked for', async () => {
    await using bench = await openBench();
    const { digest } = bench.server.content.manifest(NAME, document, { tag: '1.0' });
    const other = descriptorOf(Buffer.from('other')).digest;
    const lie = withHeaders({ 'docker-content-digest': other });
    const refused = { code: 'SAME1301', side: 'reading from', digest } as const;
    bench.server.script(on('HEAD', MANIFESTS, lie));
    await assertRefused(bench, bench.repository.resolve(digest), refused);
    bench.server.script(on('GET', MANIFESTS, lie));
    await assertRefused(bench, bench.repository.manifest('1.0'), { ...refused, says: new RegExp(other) });
    assertFaultsUsed(bench.server);
  });

  it('of other bytes than its digest is refused', async () => {
    await using bench = await openBench();
    const { digest } = bench.server.content.manifest(NAME, document, { tag: '1.0' });
    for (const reference of [digest, '1.0']) {
      bench.server.script(on('GET', MANIFESTS, otherBytes()));
      const refused = { code: 'SAME1301', side: 'reading from', digest } as const;
      await assertRefused(bench, bench.repository.manifest(reference), refused);
    }
  });

  it('that is huge is not read', async () => {
    await using bench = await openBench();
    const { digest } = bench.server.content.manifest(NAME, Buffer.alloc(5 * 2 ** 20, ' '), { tag: '1.0' });
    await assertRefused(bench, bench.repository.manifest(digest), { code: 'SAME1304', digest });
    bench.server.script(on('GET', MANIFESTS, withHeaders({ 'content-length': undefined })));
    await assertRefused(bench, bench.repository.manifest(digest), { code: 'SAME1304', digest });
    assertFaultsUsed(bench.server);
  });

  it('that cannot be got by its tag is named with its repository', async () => {
    await using bench = await openBench();
    bench.server.script(on('GET', MANIFESTS, answers(500), { times: 1000 }));
    const { findings } = await assertRefused(bench, bench.repository.manifest('1.0'), { code: 'SAME1801' });
    assert.equal(findings[0]!.place, `oci://${bench.server.host}/${NAME}:1.0`);
  });

  it('that is cut is asked for again', async () => {
    await using bench = await openBench();
    const { digest } = bench.server.content.manifest(NAME, document, { tag: '1.0' });
    bench.server.script(on('GET', MANIFESTS, cutAnswer(10)));
    assert.equal((await bench.repository.manifest('1.0'))?.digest, digest);
    assertFaultsUsed(bench.server);
  });

  it('that is sent is compared with what the registry says it stored', async () => {
    await using bench = await openBench();
    const other = descriptorOf(Buffer.from('other')).digest;
    bench.server.script(on('PUT', MANIFESTS, withHeaders({ 'docker-content-digest': other })));
    const sent = Buffer.from(JSON.stringify(document));
    const refused = { code: 'SAME1301', side: 'writing to', digest: descriptorOf(sent).digest } as const;
    await assertRefused(
      bench,
      bench.repository.putManifest(sent, {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        tag: '1.0',
      }),
      refused,
    );
  });

  it('whose blobs lack is refused by the registry, and no tag leads to it', async () => {
    await using bench = await openBench();
    const sent = Buffer.from(JSON.stringify({ ...document, layers: [blob] }));
    const putting = bench.repository.putManifest(sent, {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      tag: '1.0',
    });
    await assertRefused(bench, putting, { code: 'SAME1806', says: /blob unknown/ });
    assert.equal(bench.server.content.repository(NAME).tags.size, 0);
  });
});
