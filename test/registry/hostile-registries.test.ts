import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { openWire } from '../../src/host/exchange.ts';
import { openRepository } from '../../src/registry/oci-repository.ts';
import type { Repository } from '../../src/registry/registry.ts';
import { openSession } from '../../src/registry/session.ts';
import { refusal } from '../components/faults.ts';
import { bytesOf, descriptorOf, NAME, openBench, opener, put, read } from './fault-bench.ts';

const PAGE_BYTES = 4 * 2 ** 20;

/** A repository of a server that does as it likes. */
async function openHostile(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const session = openSession({
    host,
    access: { plainHttp: true },
    findLogin: async () => ({ username: 'ada', password: 'S3CRET' }),
    wire: openWire(),
    clock: { nowMs: () => 0, sleep: async () => {} },
  });
  const repository: Repository = openRepository(session, { host, repository: NAME }, { chunkBytes: 1000 });
  return {
    repository,
    async [Symbol.asyncDispose]() {
      repository.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

describe('a registry that means no good', () => {
  it('gets an upload no more often for saying by turns that it has a piece and that it has none', async () => {
    let pieces = 0;
    await using hostile = await openHostile(async (request, response) => {
      let length = 0;
      for await (const chunk of request) length += chunk.length;
      const location = `/v2/${NAME}/blobs/uploads/1`;
      if (request.method === 'POST') return response.writeHead(202, { location }).end();
      if (request.method !== 'PATCH') return response.writeHead(404).end();
      pieces++;
      const isFirst = request.headers['content-range']!.startsWith('0-');
      response.writeHead(202, { location, range: isFirst ? `0-${length - 1}` : '0-0' }).end();
    });
    const bytes = bytesOf(10_000);
    await assert.rejects(hostile.repository.putBlob(descriptorOf(bytes), opener(bytes).open), {
      code: 'SAME1801',
      message: /lost the upload of sha256:[0-9a-f]{64} 5 times/,
    });
    assert.ok(pieces < 20, `${pieces} pieces were sent`);
  });

  it('is read where its list of tags is as long as a page may be', async () => {
    const tags = Array.from({ length: 200_000 }, (_, index) => `1.${index}`);
    await using hostile = await openHostile((_, response) => void response.end(JSON.stringify({ tags })));
    assert.equal((await hostile.repository.tags()).length, tags.length);
  });

  it('is read no further where its pages have no end', async () => {
    const page = Buffer.alloc(PAGE_BYTES, ' ');
    page.write('{"tags":[]}');
    let pages = 0;
    await using hostile = await openHostile((_, response) => {
      response.setHeader('link', `</v2/${NAME}/tags/list?last=${++pages}>; rel="next"`);
      response.end(page);
    });
    await assert.rejects(hostile.repository.tags(), {
      code: 'SAME1304',
      message: /the list of tags of .* has more than 134217728 bytes/,
    });
    assert.equal(pages, 33);
  });

  it('keeps nobody waiting with an answer that has no end and that nobody reads', async () => {
    const bytes = Buffer.from('{}');
    const ended: Promise<unknown>[] = [];
    await using hostile = await openHostile(async (request, response) => {
      request.resume();
      await once(request, 'end');
      ended.push(once(response, 'close'));
      response.writeHead(201);
      const more = () => void (response.destroyed || response.write(Buffer.alloc(1024), more));
      more();
    });
    await hostile.repository.putManifest(bytes, { mediaType: 'application/json' });
    assert.equal(ended.length, 1);
    await ended[0];
  });

  it('repeats a password as the code of an error, and it shows nowhere', async () => {
    await using hostile = await openHostile((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="here"' }).end();
        return;
      }
      const { status, body } = refusal(403, 'S3CRET', 'S3CRET');
      response.writeHead(status).end(body);
    });
    await assert.rejects(hostile.repository.tags(), (error: Error & { details: unknown }) => {
      assert.match(JSON.stringify(error.details), /\*\*\*/);
      assert.doesNotMatch(JSON.stringify([error.message, error.details]), /S3CRET/);
      return true;
    });
  });
});

describe('what is neither tag nor digest', () => {
  for (const text of ['', '..', '../../other/manifests/1.0', '1.0?x=1', 'sha256:0', 'a'.repeat(129)]) {
    it(`is asked for nowhere: ${JSON.stringify(text.slice(0, 40))}`, async () => {
      await using bench = await openBench();
      const { repository } = bench;
      for (const ask of [() => repository.resolve(text), () => repository.manifest(text)]) {
        await assert.rejects(async () => ask(), { code: 'SAME1801', message: /is no tag and no digest/ });
      }
      assert.deepEqual(bench.server.log, []);
    });
  }
});

describe('a blob that its reader compares', () => {
  it('is not compared a second time', async () => {
    await using bench = await openBench();
    const bytes = bytesOf(5000);
    await put(bench, bytes);
    const blob = descriptorOf(bytes);
    const others = bytesOf(5000, 'others');
    bench.server.content.repository(NAME).blobs.set(blob.digest, others);
    await assert.rejects(read(bench, blob), { code: 'SAME1301' });
    const chunks: Buffer[] = [];
    for await (const chunk of bench.repository.stream(blob, 0, { checked: false })) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(others));
  });
});
