import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import {
  checkPath,
  comparePaths,
  listTar,
  readTar,
  tarHeader,
  writeTar,
} from '../../src/bundle/canonical-tar.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-tar-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const lacksPython = spawnSync('python3', ['--version']).status !== 0 && !process.env.CI;
const lacksGnuTar = !String(spawnSync('tar', ['--version']).stdout).includes('GNU') && !process.env.CI;

const file = (path: string, text: string | Buffer = '', executable = false) => {
  const bytes = Buffer.from(text);
  return { path, executable, sizeBytes: bytes.length, chunks: () => [bytes] };
};

async function tarOf(files: ReturnType<typeof file>[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(files)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const GiB = 2 ** 30;
const headers: [path: string, executable: boolean, sizeBytes: number][] = [
  ['a', false, 0],
  ['run.sh', true, 511],
  ['x'.repeat(100), false, 512],
  ['x'.repeat(101), true, 513],
  [`${'d/'.repeat(40)}${'x'.repeat(60)}`, false, 1],
  ['é', false, 1],
  ['données/été.csv', true, 12_345],
  ['日本語/😀😀.txt', false, 8 * GiB - 1],
  [`${'é'.repeat(99)}xyz`, false, 7],
  [`${'😀'.repeat(60)}/${'x'.repeat(90)}`, false, 7],
  ['big', false, 8 * GiB],
  ['big-é', true, 9 * GiB + 5],
  ['p'.repeat(248), false, 3],
];

function pythonHeaders(list: typeof headers): string[] {
  const script = `
import json, sys, tarfile
for path, executable, size in json.load(sys.stdin):
    info = tarfile.TarInfo(path)
    info.mode = 0o755 if executable else 0o644
    info.size = size
    print(info.tobuf(tarfile.PAX_FORMAT).hex())
`;
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(list),
    maxBuffer: 2 ** 28,
  });
  assert.equal(status, 0, String(stderr));
  return String(stdout).trim().split('\n');
}

test('headers are those of CPython in the pax format, byte for byte', { skip: lacksPython }, () => {
  const golden = pythonHeaders(headers);
  for (const [at, header] of headers.entries()) {
    assert.equal(tarHeader(...header).toString('hex'), golden[at], header[0]);
  }
});

test('so are the headers of random paths', { skip: lacksPython }, () => {
  const part = fc.string({ unit: fc.constantFrom(...'abé日😀_- '), minLength: 1, maxLength: 60 });
  const path = fc
    .array(part, { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('/').normalize('NFC'))
    .filter((text) => checkPath(text) === undefined);
  const entry = fc.tuple(path, fc.boolean(), fc.nat({ max: 10 * GiB }));
  const list = fc.sample(entry, 500);
  const golden = pythonHeaders(list);
  for (const [at, header] of list.entries()) assert.equal(tarHeader(...header).toString('hex'), golden[at]);
});

test('a whole tar is the one that CPython writes', { skip: lacksPython }, async () => {
  const script = `
import io, sys, tarfile
out = io.BytesIO()
with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
    for name, mode, body in [('a.txt', 0o644, b'hello'), ('b/run', 0o755, b'x' * 1000), ('b/\\u00e9', 0o644, b'')]:
        info = tarfile.TarInfo(name); info.mode = mode; info.size = len(body)
        tar.addfile(info, io.BytesIO(body))
end = tar.offset
sys.stdout.buffer.write(out.getvalue()[:end])
`;
  const golden = spawnSync('python3', ['-c', script]).stdout;
  const ours = await tarOf([file('a.txt', 'hello'), file('b/run', 'x'.repeat(1000), true), file('b/é')]);
  // CPython pads with zeros to its record of 10,240 bytes; ours ends after the two blocks.
  assert.ok(golden.subarray(0, ours.length).equals(ours));
  assert.ok(golden.subarray(ours.length).every((byte) => byte === 0));
});

test('GNU tar lists and unpacks it without a complaint', { skip: lacksGnuTar }, async () => {
  const long = `deep/${'x'.repeat(150)}`;
  const path = join(root, 'layer.tar');
  fs.writeFileSync(path, await tarOf([file('a b', 'one'), file(long, 'two', true), file('é/日本', 'three')]));
  const listing = spawnSync('tar', ['--quoting-style=literal', '-tvf', path], {
    env: { ...process.env, TZ: 'UTC' },
  });
  assert.equal(String(listing.stderr), '');
  assert.deepEqual(
    String(listing.stdout)
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/ +/g, ' ')),
    [
      '-rw-r--r-- 0/0 3 1970-01-01 00:00 a b',
      `-rwxr-xr-x 0/0 3 1970-01-01 00:00 ${long}`,
      '-rw-r--r-- 0/0 5 1970-01-01 00:00 é/日本',
    ],
  );
  fs.mkdirSync(join(root, 'out'));
  assert.equal(spawnSync('tar', ['-xf', path, '-C', join(root, 'out')]).status, 0);
  assert.equal(fs.readFileSync(join(root, 'out', 'é/日本'), 'utf8'), 'three');
});

test('what is written is read back, however the bytes arrive', async () => {
  const files = [
    file('a', 'one'),
    file('b/c', 'x'.repeat(70_000), true),
    file('b/d'),
    file('é', Buffer.alloc(512, 1)),
  ];
  const tar = await tarOf(files);
  for (const size of [1, 7, 511, 512, 513, 4096, tar.length]) {
    const pieces = function* () {
      for (let at = 0; at < tar.length; at += size) yield tar.subarray(at, at + size);
    };
    const back = [];
    for await (const { path, executable, sizeBytes, body } of readTar(pieces())) {
      const chunks = [];
      // A body that nobody reads is passed over.
      if (path !== 'b/c') for await (const chunk of body) chunks.push(chunk);
      back.push({ path, executable, sizeBytes, text: Buffer.concat(chunks).toString('latin1').slice(0, 3) });
    }
    assert.deepEqual(back, [
      { path: 'a', executable: false, sizeBytes: 3, text: 'one' },
      { path: 'b/c', executable: true, sizeBytes: 70_000, text: '' },
      { path: 'b/d', executable: false, sizeBytes: 0, text: '' },
      { path: 'é', executable: false, sizeBytes: 512, text: '\x01\x01\x01' },
    ]);
  }
  for (const { path, offset, sizeBytes } of listTar(tar)) {
    const [bytes] = files.find((entry) => entry.path === path)!.chunks();
    assert.ok(tar.subarray(offset, offset + sizeBytes).equals(bytes!));
  }
});

test('an empty tar is two zero blocks', async () => {
  assert.ok((await tarOf([])).equals(Buffer.alloc(1024)));
  assert.deepEqual(listTar(Buffer.alloc(1024)), []);
});

test('a file that changed length while it was read is refused', async () => {
  for (const sizeBytes of [2, 4]) {
    await assert.rejects(tarOf([{ ...file('a', 'one'), sizeBytes }]), { code: 'SAME1210' });
  }
});

test('every bit counts: a tar cut or flipped anywhere is refused, or is itself the canonical tar of other files', async () => {
  const tar = await tarOf([file('a', 'one'), file(`z${'x'.repeat(120)}`), file('é', 'two', true)]);
  let others = 0;
  for (let at = 0; at < tar.length; at++) {
    assert.throws(() => listTar(tar.subarray(0, at)), { code: 'SAME1302' }, `cut at ${at}`);
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(tar);
      flipped[at]! ^= 1 << bit;
      try {
        const files = listTar(flipped).map(({ path, executable, offset, sizeBytes }) =>
          file(path, flipped.subarray(offset, offset + sizeBytes), executable),
        );
        assert.ok((await tarOf(files)).equals(flipped), `bit ${bit} of byte ${at}`);
        others++;
      } catch (error) {
        assert.match(String(error), /SAME130[234]/, `bit ${bit} of byte ${at}`);
      }
    }
  }
  // Six bytes of bodies, and what a header does not repeat of names: 21 letters past the 100th, two bytes of é.
  assert.ok(others >= 48 && others < (6 + 21 + 2) * 8, `${others}`);
});

/** Tars as some other tool could write them, one for each script. */
function foreign(scripts: string[]): Buffer[] {
  const runner = `
import io, json, sys, tarfile
for script in json.load(sys.stdin):
    out = io.BytesIO()
    def add(tar, name, body=b"", **fields):
        info = tarfile.TarInfo(name)
        info.size = len(body)
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(body))
    names = {"tarfile": tarfile, "out": out, "add": add}
    exec(script, names)
    print(out.getvalue()[:names["tar"].offset].hex())
`;
  const { stdout, stderr, status } = spawnSync('python3', ['-c', runner], {
    input: JSON.stringify(scripts),
    maxBuffer: 2 ** 28,
  });
  assert.equal(status, 0, String(stderr));
  return String(stdout)
    .trim()
    .split('\n')
    .map((hex) => Buffer.from(hex, 'hex'));
}

test('entries that are not regular files, and other dialects, are refused', { skip: lacksPython }, () => {
  const open = (format: string) => `tar = tarfile.open(fileobj=out, mode='w', format=tarfile.${format})\n`;
  const cases: [code: string, script: string][] = [
    [
      'SAME1303',
      `${open('PAX_FORMAT')}add(tar, 'l', type=tarfile.SYMTYPE, linkname='/etc/passwd')\ntar.close()`,
    ],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'l', type=tarfile.LNKTYPE, linkname='a')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'd', type=tarfile.DIRTYPE)\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'f', type=tarfile.FIFOTYPE)\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'c', type=tarfile.CHRTYPE)\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 's', type=tarfile.GNUTYPE_SPARSE)\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, '../x')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, '/x')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'a')\nadd(tar, 'a')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'A')\nadd(tar, 'a')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'a')\nadd(tar, 'a/b')\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'e\\u0301')\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'b')\nadd(tar, 'a')\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', uid=1)\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', mtime=1)\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', mode=0o600)\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', mode=0o4755)\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', uname='root')\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', pax_headers={'comment': 'hi'})\ntar.close()`],
    ['SAME1302', `${open('PAX_FORMAT')}add(tar, 'a', pax_headers={'path': 'a'})\ntar.close()`],
    ['SAME1303', `${open('PAX_FORMAT')}add(tar, 'a', pax_headers={'path': '../x'})\ntar.close()`],
    ['SAME1303', `${open('GNU_FORMAT')}add(tar, 'x' * 120)\ntar.close()`],
    ['SAME1302', `${open('GNU_FORMAT')}add(tar, 'x')\ntar.close()`],
    ['SAME1302', `${open('USTAR_FORMAT')}add(tar, 'd' * 60 + '/' + 'x' * 60)\ntar.close()`],
    [
      'SAME1303',
      "tar = tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT, pax_headers={'comment': 'global'})\nadd(tar, 'a')\ntar.close()",
    ],
  ];
  const tars = foreign(cases.map(([, script]) => script));
  for (const [at, [code, script]] of cases.entries()) {
    assert.throws(() => listTar(tars[at]!), { code }, script);
  }
});

test('bytes after the end, one zero block, and limits are refused', async () => {
  const tar = await tarOf([file('a', 'one'), file('b', 'two')]);
  assert.throws(() => listTar(Buffer.concat([tar, Buffer.alloc(512)])), { code: 'SAME1302' });
  assert.throws(() => listTar(Buffer.concat([tar, tar])), { code: 'SAME1302' });
  assert.throws(() => listTar(tar.subarray(0, -512)), { code: 'SAME1302' });
  assert.throws(() => listTar(tar, { limits: { entries: 1 } }), { code: 'SAME1304' });
  assert.throws(() => listTar(tar, { limits: { unpackedBytes: 5 } }), { code: 'SAME1304' });
  const pax = Buffer.from(tarHeader('é', false, 0));
  pax.write('00000777777\0', 124, 'latin1');
  // Without its checksum it is no header.
  assert.throws(() => listTar(pax, { limits: {} }), { code: 'SAME1302' });
  pax.write(' '.repeat(8), 148, 'latin1');
  const sum = pax.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  pax.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  assert.throws(() => listTar(pax, { limits: {} }), { code: 'SAME1304' });
});

test('pack and unpack are inverse for any set of portable files', async () => {
  const part = fc.string({ unit: fc.constantFrom(...'abcXYé😀.'), minLength: 1, maxLength: 40 });
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const entry = fc.record({ path, body: fc.uint8Array({ maxLength: 3000 }), executable: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
      const taken = new Set<string>();
      const files = entries
        .filter(({ path }) => {
          const top = path.split('/')[0]!.toUpperCase();
          if (checkPath(path) !== undefined || taken.has(top)) return false;
          taken.add(top);
          return true;
        })
        .map(({ path, body, executable }) => file(path, Buffer.from(body), executable))
        .sort((a, b) => comparePaths(a.path, b.path));
      const tar = await tarOf(files);
      const back = listTar(tar).map(({ path, executable, offset, sizeBytes }) =>
        file(path, tar.subarray(offset, offset + sizeBytes), executable),
      );
      assert.ok((await tarOf(back)).equals(tar));
      assert.deepEqual(
        back.map(({ path }) => path),
        files.map(({ path }) => path),
      );
    }),
    { numRuns: 60 },
  );
});
