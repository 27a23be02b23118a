import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Descriptor, MEDIA } from '../../src/bundle/oci.ts';
import { answers, cutAnswer, on, refusal, withHeaders } from '../components/faults.ts';
import { assertFaultsUsed, assertRefused, type Bench, descriptorOf, NAME, openBench } from './fault-bench.ts';

const REFERRERS = /\/referrers\//;

/** A program and runs of it, pushed by the repository's own words; what refers is not listed yet. */
async function pushed(bench: Bench, runs: number): Promise<{ subject: Descriptor; referrers: Descriptor[] }> {
  const { repository } = bench;
  const config = Buffer.from('{}');
  const one = descriptorOf(config, MEDIA.empty);
  await repository.putBlob(one, () =>
    (async function* () {
      yield config;
    })(),
  );
  const send = async (artifactType: string, more: object): Promise<Descriptor> => {
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType,
      config: one,
      layers: [],
      ...more,
    };
    const bytes = Buffer.from(JSON.stringify(document));
    await repository.putManifest(bytes, { mediaType: MEDIA.ociManifest });
    return { ...descriptorOf(bytes, MEDIA.ociManifest), artifactType };
  };
  const subject = await send(MEDIA.program, {});
  const referrers: Descriptor[] = [];
  for (let index = 0; index < runs; index++) {
    referrers.push(await send(MEDIA.run, { subject, annotations: { index: String(index) } }));
  }
  return { subject, referrers };
}

function digests(all: Descriptor[]): string[] {
  return all.map(({ digest }) => digest).sort();
}

describe('referrers', () => {
  it('of many pages are all read', async () => {
    await using bench = await openBench({ features: { pageSize: 3 } });
    const { subject, referrers } = await pushed(bench, 10);
    assert.equal(await bench.repository.listReferrers(subject.digest, referrers), 'api');
    assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
    assert.equal(bench.server.content.repository(NAME).tags.size, 0, 'no tag where the list has them');
  });

  for (const [what, features] of [
    ['has no such list (404), and says OCI-Subject', { referrers: 'none', subjectHeader: 'always' }],
    ['has no such list (404), and does not say it', { referrers: 'none' }],
    ['has a list that stays empty, and says OCI-Subject', { referrers: 'empty', subjectHeader: 'always' }],
    ['has a list that stays empty, and does not say it', { referrers: 'empty' }],
  ] as const) {
    it(`are found by the fallback tag where the registry ${what}`, async () => {
      await using bench = await openBench({ features });
      const { subject, referrers } = await pushed(bench, 3);
      assert.equal(await bench.repository.listReferrers(subject.digest, referrers), 'tag');
      assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
      const { tags, manifests } = bench.server.content.repository(NAME);
      const tag = subject.digest.replace(':', '-');
      assert.deepEqual([...tags.keys()], [tag]);
      const index = manifests.get(tags.get(tag)!)!;
      assert.equal(index.mediaType, MEDIA.ociIndex);
      assert.deepEqual(JSON.parse(index.bytes.toString()).manifests, referrers);
    });
  }

  it('are written into the tag where the list lacks ours, and both are read', async () => {
    await using bench = await openBench();
    const { subject, referrers } = await pushed(bench, 3);
    const lacking = bench.server.content.repository(NAME).manifests;
    const hidden = lacking.get(referrers[2]!.digest)!;
    hidden.parsed = {};
    assert.equal(await bench.repository.listReferrers(subject.digest, referrers), 'tag');
    assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
  });

  it('of an API that says OCI-Subject without listing anything are written once, also when pushed again', async () => {
    await using bench = await openBench({ features: { referrers: 'empty', subjectHeader: 'always' } });
    const { subject, referrers } = await pushed(bench, 2);
    await bench.repository.listReferrers(subject.digest, referrers);
    const before = bench.server.asked('PUT').length;
    await bench.repository.listReferrers(subject.digest, referrers);
    assert.equal(bench.server.asked('PUT').length, before);
  });

  it('that others wrote into the tag stay there, also what we do not know', async () => {
    await using bench = await openBench({ features: { referrers: 'none' } });
    const { subject, referrers } = await pushed(bench, 2);
    const strange = {
      mediaType: 'application/x',
      digest: 'sha512:abc',
      size: 1,
      artifactType: 'x',
      data: 'e30=',
    };
    const tag = subject.digest.replace(':', '-');
    const theirs = {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [strange],
      annotations: { their: 'own' },
    };
    bench.server.content.manifest(NAME, theirs, { tag, mediaType: MEDIA.ociIndex });
    await bench.repository.listReferrers(subject.digest, referrers);
    const { tags, manifests } = bench.server.content.repository(NAME);
    const written = JSON.parse(manifests.get(tags.get(tag)!)!.bytes.toString());
    assert.deepEqual(written, { ...theirs, manifests: [strange, ...referrers] });
  });

  it('that another client writes at the same time are not lost', async () => {
    await using bench = await openBench({ features: { referrers: 'none' } });
    const { subject, referrers } = await pushed(bench, 2);
    const [ours, theirs] = referrers as [Descriptor, Descriptor];
    const tag = subject.digest.replace(':', '-');
    // Their writing comes between our reading and ours being read again.
    bench.server.script(
      on('PUT', new RegExp(`/manifests/${tag}`), {
        change: (answer) => {
          const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [theirs] };
          bench.server.content.manifest(NAME, index, { tag, mediaType: MEDIA.ociIndex });
          return answer;
        },
      }),
    );
    assert.equal(await bench.repository.listReferrers(subject.digest, [ours]), 'tag');
    assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
    assertFaultsUsed(bench.server);
  });

  it('that a client wrote over, which had read before us and writes after us, are not lost', async () => {
    let onWait = () => {};
    await using bench = await openBench({ features: { referrers: 'none' }, onWait: () => onWait() });
    const { subject, referrers } = await pushed(bench, 2);
    const [ours, theirs] = referrers as [Descriptor, Descriptor];
    const tag = subject.digest.replace(':', '-');
    onWait = () => {
      const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [theirs] };
      bench.server.content.manifest(NAME, index, { tag, mediaType: MEDIA.ociIndex });
      onWait = () => {};
    };
    assert.equal(await bench.repository.listReferrers(subject.digest, [ours]), 'tag');
    assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
    const asked = bench.server.asked(undefined, new RegExp(`/manifests/${tag}`)).map(({ method }) => method);
    assert.deepEqual(
      asked.slice(0, 5),
      ['GET', 'PUT', 'GET', 'PUT', 'GET'],
      'each writing right after a look',
    );
  });

  it('are not written over a tag that is something else', async () => {
    await using bench = await openBench({ features: { referrers: 'none' } });
    const { subject, referrers } = await pushed(bench, 1);
    const tag = subject.digest.replace(':', '-');
    bench.server.content.manifest(NAME, Buffer.from('not a list'), { tag });
    const refused = { code: 'SAME1801', says: /no list of referrers/ } as const;
    await assertRefused(bench, bench.repository.listReferrers(subject.digest, referrers), refused);
  });

  it('are not added to a list that is nested without end', async () => {
    await using bench = await openBench({ features: { referrers: 'none' } });
    const { subject, referrers } = await pushed(bench, 1);
    const tag = subject.digest.replace(':', '-');
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    for (const text of [`{"manifests":[],"annotations":${deep}}`, `{"manifests":[${deep}]}`]) {
      bench.server.content.manifest(NAME, Buffer.from(text), { tag, mediaType: MEDIA.ociIndex });
      const refused = { code: 'SAME1801', says: /no list of referrers/ } as const;
      await assertRefused(bench, bench.repository.listReferrers(subject.digest, referrers), refused);
    }
  });

  it('are found by the tag where a proxy answers the API with a page of its own', async () => {
    await using bench = await openBench({ features: { referrers: 'none' } });
    const { subject, referrers } = await pushed(bench, 1);
    bench.server.script(
      on('GET', REFERRERS, answers(200, { 'content-type': 'text/html' }, '<html>'), { times: 1000 }),
    );
    assert.equal(await bench.repository.listReferrers(subject.digest, referrers), 'tag');
    assert.deepEqual(digests(await bench.repository.referrers(subject.digest)), digests(referrers));
  });

  it('whose pages go round in a circle, or lead to another host, are refused', async () => {
    await using bench = await openBench();
    const { subject } = await pushed(bench, 1);
    const path = `/v2/${NAME}/referrers/${subject.digest}`;
    for (const target of [path, `${path}?last=x`, `${bench.server.origin.elsewhere}${path}`]) {
      bench.server.faults.length = 0;
      bench.server.script(
        on('GET', REFERRERS, withHeaders({ link: `<${target}>; rel="next"` }), { times: 1000 }),
      );
      await assertRefused(bench, bench.repository.referrers(subject.digest), { code: 'SAME1801' });
    }
    assert.ok(bench.server.log.every(({ listener }) => listener === 'registry'));
  });

  it('of which a later page lacks are not taken for all', async () => {
    await using bench = await openBench({ features: { pageSize: 2 } });
    const { subject } = await pushed(bench, 5);
    bench.server.script(on('GET', /\/referrers\/.*last=/, answers(404)));
    await assertRefused(bench, bench.repository.referrers(subject.digest), { code: 'SAME1801' });
    bench.server.script(on('GET', /\/referrers\/.*last=/, cutAnswer(10)));
    assert.equal((await bench.repository.referrers(subject.digest)).length, 5);
    assertFaultsUsed(bench.server);
  });

  it('that cannot be read for a moment are read in the end, and no tag is written for it', async () => {
    await using bench = await openBench();
    const { subject, referrers } = await pushed(bench, 1);
    bench.server.script(on('GET', REFERRERS, { instead: () => refusal(500, 'UNKNOWN') }, { times: 2 }));
    assert.equal(await bench.repository.listReferrers(subject.digest, referrers), 'api');
    assertFaultsUsed(bench.server);
  });
});
