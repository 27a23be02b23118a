import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { makeCertificates } from '../components/certificates.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig, type RunOptions } from './rig.ts';

const speech = randomBytes(200_000);
const labels = Buffer.from('a,1\nb,2\n');

describe('data that travels', () => {
  let directory: string;
  let server: Server;
  let url: string;
  let asked: string[] = [];
  let sentBytes = 0;
  let trusting: { NODE_EXTRA_CA_CERTS: string; SSL_CERT_FILE: string };
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'same-data-'));
    const { caFile, certificateFile, keyFile } = makeCertificates(directory);
    trusting = { NODE_EXTRA_CA_CERTS: caFile, SSL_CERT_FILE: caFile };
    const content: Record<string, Buffer> = {
      '/speech.bin': speech,
      '/labels.csv': labels,
      '/other': Buffer.from('x'),
    };
    server = createServer(
      { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
      (request, response) => {
        const endless = Readable.from(pieces((bytes) => (sentBytes += bytes)));
        asked.push(request.url!);
        if (request.url === '/moved') response.writeHead(302, { location: '/speech.bin' }).end();
        else if (request.url === '/down')
          response.writeHead(302, { location: 'http://localhost/speech.bin' }).end();
        else if (request.url === '/endless') endless.pipe(response);
        else if (content[request.url!]) response.end(content[request.url!]);
        else response.writeHead(404).end();
      },
    );
    await new Promise<void>((done) => server.listen(0, 'localhost', done));
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A program with these data, whose step copies them into its outputs. */
  async function created(data: Record<string, string>): Promise<Rig> {
    const rig = openRig();
    const declared = Object.entries(data).map(([name, fields]) => `  ${name}: {${fields}}`);
    const names = Object.keys(data);
    const step = [
      `run: cat ${names.map((name) => `{{inputs.${name}}}`).join(' ')} > {{outputs.all}}`,
      `inputs: {${names.map((name) => `${name}: {data: ${name}}`).join(', ')}}`,
      'outputs: {all: {}}',
    ];
    rig.write({ 'study/same.yaml': manifest(step.join('\n'), `data:\n${declared.join('\n')}`) });
    await done(rig, ['create', '-f', 'study']);
    asked = [];
    return rig;
  }

  const exportingTo = (file: string) => ['export', '-n', 'study:1.0', '-o', file, '--with-data', '--json'];
  const exporting = exportingTo('study.tgz');

  it('comes along with a bundle, and a run without a network has it', async () => {
    using rig = await created({
      speech: `uri: "${url}/speech.bin", digest: "${digestOf(speech)}", size: ${speech.length}`,
      labels: `uri: "${url}/gone.csv", mirrors: ["${url}/other", "${url}/labels.csv"], digest: "${digestOf(labels)}"`,
    });
    await assertRefused(rig, ['run', 'study:1.0'], {
      code: ['SAME1016', 'SAME1016', 'SAME1016'],
      message: 'data.speech.uri (https:)',
      hint: 'same export --with-data',
    });
    const blobs = () => readdirSync(join(rig.home, 'content/blobs/sha256'));
    const stored = blobs();
    const exported = (await done(rig, exporting, { env: trusting })).json();
    assert.deepEqual(asked, ['/gone.csv', '/other', '/labels.csv', '/speech.bin']);
    assert.deepEqual(blobs(), stored, 'an export stores nothing');
    const without = (await done(rig, ['export', '-n', 'study:1.0', '-o', 'without.tgz', '--json'])).json();
    assert.notEqual(without.digests.archive, exported.digests.archive);
    assert.equal(without.digests.program, exported.digests.program);

    asked = [];
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'study.tgz'], reader);
    const { id } = (await done(rig, ['run', 'study:1.0', '--json'], reader)).json();
    await done(rig, ['get', 'run', id, '-o', 'got'], reader);
    assert.ok(readFileSync(rig.path('got/main/all')).equals(Buffer.concat([speech, labels])));
    const { data } = (await done(rig, ['show', 'run', id, '--json'], reader)).json();
    assert.deepEqual(data.speech, {
      digest: digestOf(speech),
      sizeBytes: speech.length,
      uri: `${url}/speech.bin`,
    });
    const again = await done(rig, [...exportingTo('again.tgz'), '--history=none'], reader);
    assert.equal(again.json().digests.archive, exported.digests.archive);
    const bare = await done(
      rig,
      ['export', '-n', 'study:1.0', '-o', 'bare.tgz', '--history=none', '--json'],
      reader,
    );
    assert.equal(bare.json().digests.archive, without.digests.archive);
    assert.deepEqual(asked, []);
  });

  it('is refused, all of it at once, where it cannot be known, had or carried, and nothing is written', async () => {
    using rig = await created({
      bare: `uri: "${url}/speech.bin"`,
      changed: `uri: "${url}/other", digest: "${digestOf(speech)}"`,
      down: `uri: "${url}/down", digest: "${digestOf(speech)}"`,
      gone: `uri: "${url}/gone", digest: "${digestOf(speech)}"`,
      local: `uri: "${url.replace('https', 'http')}/speech.bin", digest: "${digestOf(speech)}"`,
      long: `uri: "${url}/speech.bin", digest: "${digestOf(speech)}"`,
      metadata: `uri: "https://169.254.169.254/latest", digest: "${digestOf(speech)}"`,
      plain: `uri: "http://example.org/x", digest: "${digestOf(speech)}"`,
      s3: `uri: "s3://bucket/x", digest: "${digestOf(speech)}"`,
      secret: `uri: "${url}/speech.bin", carry: never`,
      short: `uri: "${url}/moved", digest: "${digestOf(speech)}", size: 7`,
      tree: `uri: "${url}/speech.bin", digest: "tree:${digestOf(speech)}"`,
    });
    const findings = await assertRefused(rig, [...exporting.slice(0, -2), '--with-data=100Ki'], {
      code: [
        'SAME1008',
        'SAME1301',
        'SAME1208',
        'SAME1205',
        'SAME1208',
        'SAME1304',
        'SAME1208',
        'SAME1208',
        'SAME1208',
        'SAME1301',
        'SAME1008',
      ],
      env: trusting,
      exit: 2,
    });
    assert.deepEqual(
      findings.map(({ place }) => place),
      ['bare', 'changed', 'down', 'gone', 'local', 'long', 'metadata', 'plain', 's3', 'short', 'tree'].map(
        (name) => `data.${name}`,
      ),
    );
    for (const { message } of findings) assert.doesNotMatch(message, /SAME[0-9]/, 'a code stands once');
    assert.equal(existsSync(rig.path('study.tgz')), false);
  });

  it('is read no further than it says it is long', async () => {
    using rig = await created({
      endless: `uri: "${url}/endless", digest: "${digestOf(speech)}", size: ${speech.length}`,
    });
    sentBytes = 0;
    await assertRefused(rig, exporting.slice(0, -1), {
      code: 'SAME1301',
      message: `more bytes than the ${speech.length} declared`,
      env: trusting,
      exit: 7,
    });
    assert.ok(sentBytes < ENDLESS_BYTES / 2, `${sentBytes} bytes were read`);
  });

  it('is fetched again where what the home holds is damaged', async () => {
    using rig = await created({ labels: `uri: "${url}/labels.csv", digest: "${digestOf(labels)}"` });
    const first = (await done(rig, exporting, { env: trusting })).json();
    await done(rig, ['import', 'study.tgz']);
    const blob = join(rig.home, 'content/blobs/sha256', digestOf(labels).slice('sha256:'.length));
    chmodSync(blob, 0o644);
    writeFileSync(blob, 'a,2\nb,1\n');
    asked = [];
    const again = (await done(rig, exportingTo('again.tgz'), { env: trusting })).json();
    assert.deepEqual(asked, ['/labels.csv']);
    assert.equal(again.digests.archive, first.digests.archive);
  });

  it('travels unasked where it says so, from the home where it is there, and show says what it cannot know', async () => {
    using rig = await created({
      labels: `uri: "${url}/labels.csv", digest: "${digestOf(labels)}", carry: embed`,
      speech: `uri: "${url}/speech.bin", digest: "${digestOf(speech)}", carry: pointer`,
    });
    const unknown = (await done(rig, ['show', 'study:1.0', '--json'])).json();
    assert.deepEqual(Object.keys(unknown.digests), ['program']);
    assert.deepEqual(unknown.lacking, ['labels']);
    const shown = await done(rig, ['show', 'study:1.0']);
    assert.match(shown.stdout, /others +known when data.labels is here/);
    assert.deepEqual(asked, [], 'showing fetches nothing');

    const unaskedTo = (file: string) => ['export', '-n', 'study:1.0', '-o', file, '--json'];
    const unasked = unaskedTo('study.tgz');
    const exported = (await done(rig, unasked, { env: trusting })).json();
    assert.deepEqual(asked, ['/labels.csv']);
    asked = [];
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'study.tgz'], reader);
    const known = (await done(rig, ['show', 'study:1.0', '--json'], reader)).json();
    assert.deepEqual(known.digests, exported.digests);
    assert.deepEqual(known.lacking, []);
    const again = (await done(rig, unaskedTo('again.tgz'), reader)).json();
    assert.equal(again.digests.file, exported.digests.file);
    assert.deepEqual(asked, []);
  });

  it('keeps an export from being written where it says that it always travels and cannot be had', async () => {
    using rig = await created({
      bare: `uri: "${url}/labels.csv", carry: embed`,
      gone: `uri: "${url}/gone", digest: "${digestOf(labels)}", carry: embed`,
      other: `uri: "${url}/gone", digest: "${digestOf(speech)}"`,
    });
    const findings = await assertRefused(rig, ['export', '-n', 'study:1.0', '-o', 'study.tgz'], {
      code: ['SAME1008', 'SAME1205'],
      env: trusting,
      exit: 2,
    });
    assert.deepEqual(
      findings.map(({ place }) => place),
      ['data.bare', 'data.gone'],
    );
    assert.equal(existsSync(rig.path('study.tgz')), false);
  });

  it('is not dropped from a bundle that has it, unless it is stored here or its user insists', async () => {
    using rig = await created({ labels: `uri: "${url}/labels.csv", digest: "${digestOf(labels)}"` });
    await done(rig, exporting, { env: trusting });
    const before = readFileSync(rig.path('study.tgz'));
    const without = exporting.filter((word) => word !== '--with-data');
    await assertRefused(rig, without.slice(0, -1), {
      code: 'SAME1403',
      exit: 4,
      message: 'holds the content of data that is not stored here: labels',
      hint: /--with-data.*--force/,
    });
    assert.ok(readFileSync(rig.path('study.tgz')).equals(before));
    assert.deepEqual((await done(rig, exporting, { env: trusting })).json().leftData, []);
    await done(rig, ['import', 'study.tgz']);
    const told = await done(rig, without.slice(0, -1));
    assert.match(told.stderr, /leaves out, still stored here: labels .*--with-data/);
    await done(rig, exporting);
    assert.deepEqual((await done(rig, without)).json().leftData, ['labels']);
    assert.deepEqual((await done(rig, [...without, '--force'])).json().leftData, []);
  });

  it('follows redirects, and leaves at home what is carried never', async () => {
    using rig = await created({
      speech: `uri: "${url}/moved", digest: "${digestOf(speech)}"`,
      secret: `uri: "${url}/labels.csv", digest: "${digestOf(labels)}", carry: never`,
    });
    await done(rig, exporting, { env: trusting });
    assert.deepEqual(asked, ['/moved', '/speech.bin']);
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'study.tgz'], reader);
    await assertRefused(rig, ['run', 'study:1.0'], {
      code: 'SAME1016',
      message: 'data.secret.uri (https:)',
      ...reader,
    });
  });

  it('has nothing to do where there is none elsewhere, and takes a size', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest('run: echo', 'data: {here: {uri: here.csv}}'),
      'study/here.csv': 'a\n',
    });
    await done(rig, ['create', '-f', 'study']);
    await assertRefused(rig, exporting.slice(0, -1), {
      code: 'SAME1902',
      place: '--with-data',
      message: 'nothing to do',
    });
    await assertRefused(rig, ['export', '-n', 'study:1.0', '--with-data=much'], {
      code: 'SAME1902',
      place: '--with-data',
    });
  });
});

/** More than any socket holds, yet not so much that a test waits for it. */
const ENDLESS_BYTES = 64 * 2 ** 20;

function* pieces(onSent: (bytes: number) => void): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024);
  for (let sent = 0; sent < ENDLESS_BYTES; sent += piece.length) {
    onSent(piece.length);
    yield piece;
  }
}

async function done(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
