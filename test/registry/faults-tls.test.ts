import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { makeCertificates } from '../components/certificates.ts';
import { startFaultRegistry } from '../components/fault-registry.ts';
import { cutAnswer, cutRequest, on, redirect, withHeaders } from '../components/faults.ts';
import {
  assertNoLeak,
  assertRefused,
  assertStored,
  bytesOf,
  descriptorOf,
  NAME,
  openBench,
  put,
  read,
} from './fault-bench.ts';

const BLOBS = /\/blobs\/sha256:/;
const UPLOADS = /\/blobs\/uploads\//;
const bytes = bytesOf(20_011);
const blob = descriptorOf(bytes);
const user = { username: 'ada', password: 'S3CRET-of-ada' };
const gates = {
  basic: { kind: 'basic', ...user },
  token: { kind: 'token', ...user, methods: ['GET'] },
} as const;
const directory = mkdtempSync(join(tmpdir(), 'fault-tls-'));
const tls = makeCertificates(directory);
after(() => rmSync(directory, { recursive: true, force: true }));

describe('with TLS', () => {
  it('a blob goes up and comes back, and a token is got', async () => {
    await using bench = await openBench({ tls, gate: gates.token, login: user });
    await put(bench, bytes);
    assertStored(bench, bytes);
    assert.ok((await read(bench, blob)).equals(bytes));
    assertNoLeak(bench.server);
  });

  it('a redirect to plain http is refused, and nothing is asked there', async () => {
    await using bench = await openBench({ tls, gate: gates.token, login: user });
    bench.server.content.blob(NAME, bytes);
    const plain = await startFaultRegistry();
    try {
      plain.content.blob(NAME, bytes);
      bench.server.script(on('GET', BLOBS, redirect(plain.origin.registry), { times: 1000 }));
      await assertRefused(bench, read(bench, blob), { code: 'SAME1801', says: /https/ });
      assert.equal(plain.log.length, 0);
    } finally {
      await plain.dispose();
    }
  });

  it('a Location of the same host that says http is asked by https', async () => {
    await using bench = await openBench({ tls, gate: gates.basic, login: user });
    const plain = bench.server.origin.registry.replace('https:', 'http:');
    for (const method of ['POST', 'PATCH']) {
      bench.server.script(
        on(method, UPLOADS, {
          change: (answer) =>
            withHeaders({ location: `${plain}${answer.headers?.location}` }).change!(
              answer,
              bench.server.log[0]!,
            ),
        }),
      );
    }
    await put(bench, bytes);
    assertStored(bench, bytes);
  });

  it('a server whose authority is not known is refused with the option that names it', async () => {
    await using bench = await openBench({ tls, access: {} });
    await assertRefused(bench, bench.repository.hasBlob(blob), { code: 'SAME1801', says: /--ca/ });
    assert.equal(bench.server.log.length, 0);
  });

  it('a server that speaks none is refused with the option for it', async () => {
    await using bench = await openBench({ access: {} });
    await assertRefused(bench, bench.repository.hasBlob(blob), { code: 'SAME1801', says: /--plain-http/ });
    assert.equal(bench.server.log.length, 0);
  });

  it('a server that is asked without it is refused', async () => {
    await using bench = await openBench({ tls, access: { plainHttp: true } });
    await assertRefused(bench, bench.repository.hasBlob(blob), { code: 'SAME1801' });
    assert.equal(bench.server.log.length, 0);
  });

  for (const [what, method, path, misdeed] of [
    ['up', 'PATCH', UPLOADS, cutRequest(700)],
    ['up, in its answer', 'PATCH', UPLOADS, { send: 'lost' }],
    ['at the end', 'PUT', UPLOADS, { send: 'lost' }],
    ['down', 'GET', BLOBS, cutAnswer(7_000)],
    ['down, before anything came', 'GET', BLOBS, { send: 'lost' }],
    ['down, and its end is slow to come', 'GET', BLOBS, { send: { stallAfterBytes: 9_000 } }],
  ] as const) {
    it(`what is cut on the way ${what} goes on`, async () => {
      await using bench = await openBench({ tls, impatient: true });
      bench.server.script(on(method, path, misdeed));
      await put(bench, bytes);
      assert.ok((await read(bench, blob)).equals(bytes));
      assertStored(bench, bytes);
    });
  }
});
