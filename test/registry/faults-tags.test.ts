import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, type Misdeed, on, withHeaders } from '../components/faults.ts';
import { assertRefused, NAME, openBench } from './fault-bench.ts';

const TAGS = /\/tags\/list/;

describe('tags', () => {
  it('of many pages are all read', async () => {
    await using bench = await openBench({ features: { pageSize: 7 } });
    const tags = Array.from({ length: 50 }, (_, index) => `1.${String(index).padStart(2, '0')}`);
    for (const tag of tags) bench.server.content.manifest(NAME, { tag }, { tag });
    assert.deepEqual(await bench.repository.tags(), tags);
    assert.equal(bench.server.asked('GET', TAGS).length, 8);
  });

  it('whose pages go round in a circle are refused', async () => {
    await using bench = await openBench({ features: { pageSize: 1 } });
    for (const tag of ['1.0', '1.1', '1.2']) bench.server.content.manifest(NAME, { tag }, { tag });
    const circle = withHeaders({ link: `</v2/${NAME}/tags/list?n=1&last=1.0>; rel="next"` });
    bench.server.script(on('GET', TAGS, circle, { times: 1000 }));
    await assertRefused(bench, bench.repository.tags(), { code: 'SAME1801', says: /circle/ });
    assert.ok(bench.server.asked('GET', TAGS).length < 5);
  });

  it('whose next page is at another host are refused, and that host is not asked', async () => {
    await using bench = await openBench();
    bench.server.content.manifest(NAME, {}, { tag: '1.0' });
    const link = `<${bench.server.origin.elsewhere}/v2/${NAME}/tags/list?last=1.0>; rel="next"`;
    bench.server.script(on('GET', TAGS, withHeaders({ link })));
    await assertRefused(bench, bench.repository.tags(), { code: 'SAME1801', says: /another host/ });
    assert.ok(bench.server.log.every(({ listener }) => listener === 'registry'));
  });

  it('that go on and on are refused before memory is full of them', async () => {
    await using bench = await openBench();
    const body = Buffer.from(JSON.stringify({ tags: ['x'.repeat(3 * 2 ** 20)] }));
    let page = 0;
    const more: Misdeed = {
      instead: () => ({ status: 200, headers: { link: `<?n=${++page}>; rel="next"` }, body }),
    };
    bench.server.script(on('GET', TAGS, more, { times: 1000 }));
    await assertRefused(bench, bench.repository.tags(), { code: 'SAME1304', says: /tags/ });
    assert.ok(page < 50, `${page} pages`);
  });

  for (const [what, body] of [
    ['a page of HTML', '<html></html>'],
    ['a list of other things', '{"tags":[1,{}]}'],
    ['null', 'null'],
  ] as const) {
    it(`that are ${what} are an error`, async () => {
      await using bench = await openBench();
      bench.server.script(on('GET', TAGS, answers(200, {}, body)));
      await assertRefused(bench, bench.repository.tags(), { code: 'SAME1801', says: /no list of tags/ });
    });
  }

  it('that are null are none, as some registries say it', async () => {
    await using bench = await openBench();
    bench.server.script(on('GET', TAGS, answers(200, {}, '{"name":"lab/study","tags":null}')));
    assert.deepEqual(await bench.repository.tags(), []);
  });
});
