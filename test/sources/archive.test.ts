import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { SameError } from '../../src/errors/same-error.ts';
import { isRefusedHost } from '../../src/host/addresses.ts';
import { fetchToFile } from '../../src/host/http.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { selectFiles } from '../../src/sources/select-files.ts';
import type { Source } from '../../src/sources/source.ts';
import { type GitHttps, startGitHttps, unavailable } from '../components/git-https.ts';
import { withSmallFiles } from '../components/small-disk.ts';
import { asTree, contents, git, manifest, manifestVersion, paths, Workplace, write } from './repository.ts';

const workplace = new Workplace();
const workDirectory = workplace.fresh('work');
after(() => workplace.dispose());

const opened: Source[] = [];
afterEach(() => {
  for (const source of opened.splice(0)) source[Symbol.dispose]();
});

async function open(text: string): Promise<Source> {
  const source = await openSource(text, { workDirectory, manifestVersion });
  opened.push(source);
  return source;
}

const repository = workplace.repository({
  'same.yaml': manifest('a', '1.0'),
  'a/long/path/that/is/more/than/one/hundred/bytes/so/that/tar/has/to/use/another/header/for/its/name/données.txt':
    'x',
  'run.sh': { executable: '#!/bin/sh\n' },
  'crlf.txt': 'a\r\n',
});
git(repository, 'tag', '1.0');

/** An archive of the repository as forges make it: all in one directory. */
function forgeArchive(name: string): string {
  const path = join(workplace.fresh(), name);
  const format = name.endsWith('.tar') ? 'tar' : 'tgz';
  git(repository, 'archive', `--format=${format}`, '--prefix=papers-1.0/', '-o', path, '1.0');
  return path;
}

/** A tar of one entry, header and content as given. */
function tarOf(entries: { path: string; type?: string; link?: string; content?: string }[]): Buffer {
  const blocks = entries.flatMap(({ path, type = '0', link = '', content = '' }) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(link, 157);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function file(name: string, bytes: Buffer | string): string {
  const path = join(workplace.fresh(), name);
  writeFileSync(path, bytes);
  return path;
}

test('an archive of a tag gives the same files as the folder, in each envelope', async () => {
  const folder = await contents(await open(repository));
  const tar = readFileSync(forgeArchive('x.tar'));
  for (const path of [
    forgeArchive('x.tgz'),
    file('x.tar', tar),
    file('x.bin', gzipSync(tar)),
    file('x.zst', zstdCompressSync(tar, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })),
  ]) {
    const tree = await open(path);
    assert.deepEqual(await contents(tree), folder);
    assert.equal(asTree(tree).soft, true);
    tree[Symbol.dispose]();
  }
  assert.deepEqual(readdirSync(workDirectory), []);
});

test('an archive made of a folder by GNU tar needs no directory on top', async () => {
  const path = join(workplace.fresh(), 'x.tgz');
  execFileSync('tar', ['--exclude=.git', '-czf', path, '-C', repository, '.']);
  assert.deepEqual(await contents(await open(path)), await contents(await open(repository)));
});

test('an archive that cannot be unpacked whole is refused, not cut', () => {
  const archive = file('x.tgz', gzipSync(tarOf([{ path: 'same.yaml', content: 'x'.repeat(12_000) }])));
  const url = import.meta.resolve('../../src/sources/archive-file.ts');
  const module = `
    const { archiveEntries } = await import(${JSON.stringify(url)});
    console.log(JSON.stringify(await archiveEntries(process.argv[1], 'gzip', process.argv[2])));`;
  const { status, stdout, stderr } = withSmallFiles(module, archive, join(workplace.fresh(), 'spool'));
  assert.notEqual(status, 0, stdout);
  assert.match(stderr, /EFBIG/);
});

test('a tar whose first entry is oci-layout is a bundle', async () => {
  const tar = tarOf([{ path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }]);
  for (const path of [
    file('N:1.0.tgz', gzipSync(tar)),
    file('b.tar', tar),
    file('b', zstdCompressSync(tar)),
  ]) {
    const source = await open(path);
    assert.equal(source.kind, 'bundle');
    assert.equal(source.kind === 'bundle' && source.path, path);
  }
});

for (const [what, path, code] of [
  ['text', file('x.tgz', 'hello'), 'SAME1306'],
  ['nothing', file('x.tgz', ''), 'SAME1306'],
  ['a manifest', file('same.yaml', manifest('a', '1.0')), 'SAME1306'],
  ['gzip of text', file('x.tgz', gzipSync('hello')), 'SAME1306'],
  ['a cut gzip', file('x.tgz', gzipSync(readFileSync(forgeArchive('x.tar'))).subarray(0, 400)), 'SAME1306'],
  ['a tar cut short', file('x.tar', readFileSync(forgeArchive('x.tar')).subarray(0, 3072)), 'SAME1306'],
  ['a tar without a manifest', file('x.tar', tarOf([{ path: 'a', content: 'x' }])), 'SAME1205'],
  ['a path that climbs', file('x.tar', tarOf([{ path: 'a/../../b', content: 'x' }])), 'SAME1303'],
  ['an absolute path', file('x.tar', tarOf([{ path: '/etc/x', content: 'x' }])), 'SAME1303'],
  ['a path twice', file('x.tar', tarOf([{ path: 'a' }, { path: './a' }])), 'SAME1303'],
  [
    'a bomb',
    file('x.tgz', gzipSync(tarOf([{ path: 'a', content: '\0'.repeat(80 * 1024 ** 2) }]), { level: 9 })),
    'SAME1304',
  ],
] as const) {
  test(`${what} is refused with ${code}`, async () => {
    await assert.rejects(open(path), { code });
    assert.deepEqual(readdirSync(workDirectory), []);
  });
}

test('links and devices in an archive are refused by name, a hard link is the file it names', async () => {
  const path = file(
    'x.tar',
    tarOf([
      { path: 'p/same.yaml', content: manifest('a', '1.0') },
      { path: 'p/link', type: '2', link: '/etc/passwd' },
      { path: 'p/device', type: '3' },
    ]),
  );
  await assert.rejects(selectFiles(asTree(await open(path))), (error: SameError) => {
    assert.deepEqual(
      error.findings.map(({ code, place }) => [code, place]),
      [
        ['SAME1210', 'device'],
        ['SAME1210', 'link'],
      ],
    );
    return true;
  });
  const directory = workplace.fresh();
  write(directory, { 'same.yaml': manifest('a', '1.0'), a: 'text' });
  execFileSync('ln', [join(directory, 'a'), join(directory, 'b')]);
  const hard = join(workplace.fresh(), 'x.tar');
  execFileSync('tar', ['-cf', hard, '-C', directory, 'same.yaml', 'a', 'b']);
  assert.deepEqual(await contents(await open(hard)), await contents(await open(directory)));
});

test('link-local and metadata addresses are refused in every spelling', async () => {
  for (const host of [
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[::ffff:169.254.169.254]',
    '0.0.0.0',
    'metadata.google.internal',
  ]) {
    assert.equal(isRefusedHost(new URL(`https://${host}/`).hostname), true, host);
    await assert.rejects(open(`https://${host}/x.tgz`), { code: 'SAME1208' }, host);
  }
  await assert.rejects(open('https://0xA9FEA9FE/x.tgz'), { code: 'SAME1208' });
  await assert.rejects(open('http://example.org/x.tgz'), { code: 'SAME1208' });
});

describe('over a real HTTPS server', { skip: unavailable() ?? false }, () => {
  let server: GitHttps;
  before(async () => {
    server = await startGitHttps();
    process.env.SSL_CERT_FILE = server.caFile;
    copyFileSync(forgeArchive('x.tgz'), join(server.files, 'program.tgz'));
  });
  after(() => server?.dispose());

  test('a tag as .tgz gives the same files as the folder, through a redirect too', async () => {
    const folder = await contents(await open(repository));
    for (const name of ['files/program.tgz', 'redirect/program.tgz', 'files/program.tgz?token=secret']) {
      const tree = await open(`${server.url}/${name}`);
      assert.deepEqual(await contents(tree), folder);
      assert.equal(asTree(tree).soft, false);
      assert.equal(JSON.stringify([tree.origin, tree.label]).includes('secret'), false);
      assert.equal(tree.origin.kind, 'https');
      tree[Symbol.dispose]();
    }
    assert.deepEqual(readdirSync(workDirectory), []);
  });

  for (const [name, code, message] of [
    ['files/nothing.tgz', 'SAME1205', /answered 404/],
    ['redirect/plain.tgz', 'SAME1208', /redirects from https to http/],
    ['redirect/metadata.tgz', 'SAME1208', /link-local and metadata/],
    ['redirect/circle.tgz', 'SAME1209', /more than 10 times/],
  ] as const) {
    test(`${name} is refused`, async () => {
      await assert.rejects(open(`${server.url}/${name}`), { code, message });
      assert.deepEqual(readdirSync(workDirectory), []);
    });
  }

  test('more bytes than the limit are refused and not kept', async () => {
    const path = join(workplace.fresh(), 'x');
    const fetched = fetchToFile(`${server.url}/files/program.tgz`, path, { limitBytes: 100 });
    await assert.rejects(fetched, { code: 'SAME1304' });
    assert.equal(existsSync(path), false);
  });

  test('a server that this machine does not trust is refused', async () => {
    delete process.env.SSL_CERT_FILE;
    try {
      await assert.rejects(open(`${server.url}/files/program.tgz`), {
        code: 'SAME1209',
        message: /certificate/,
      });
    } finally {
      process.env.SSL_CERT_FILE = server.caFile;
    }
  });

  test('an interrupted download ends with 130', async () => {
    const options = { workDirectory, manifestVersion, signal: AbortSignal.abort() };
    await assert.rejects(openSource(`${server.url}/files/program.tgz`, options), { code: 'SAME1903' });
  });

  test('the archive of a repository lists no path that its folder has not', async () => {
    assert.deepEqual(paths(await open(`${server.url}/files/program.tgz`)), paths(await open(repository)));
  });
});
