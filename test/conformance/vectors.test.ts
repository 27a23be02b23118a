import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type TarMember, tarMembers } from '../../conformance/runner/tar-bytes.ts';

const directory = join(import.meta.dirname, '../../conformance/v1/golden');
const names = fs.readdirSync(directory).filter((name) => name.endsWith('.tgz'));
const root = fs.mkdtempSync(join(tmpdir(), 'same-vectors-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const lacks = (command: string): boolean => spawnSync(command, ['--version']).status !== 0 && !process.env.CI;

/** Every tar of a golden bundle: the archive, then its layers. */
function tarsOf(name: string): { label: string; bytes: Buffer }[] {
  const archive = gunzipSync(fs.readFileSync(join(directory, name)));
  const layers = tarMembers(archive).filter(({ path, content }) => {
    const isTar =
      content.length >= 1024 && content.length % 512 === 0 && content.subarray(-1024).every((b) => b === 0);
    return (path as string).startsWith('blobs/') && isTar;
  });
  return [
    { label: name, bytes: archive },
    ...layers.map(({ path, content }) => ({ label: `${name} ${path}`, bytes: content })),
  ];
}

/** Writes each tar anew from what tarfile reads in it, and says which differ. */
const REBUILD = `
import io, sys, tarfile
for path in sys.argv[1:]:
    raw = open(path, 'rb').read()
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for member in tar:
            info = tarfile.TarInfo(member.name)
            info.mode, info.size = member.mode, member.size
            out.write(info.tobuf(tarfile.PAX_FORMAT))
            out.write(tar.extractfile(member).read())
            out.write(bytes(-member.size % 512))
    out.write(bytes(1024))
    print('same' if out.getvalue() == raw else 'differs', path)
`;

test('there are golden bundles', () => {
  assert.ok(names.length >= 20, `only ${names.length}`);
});

test('tarfile of CPython writes the archives and layers of golden bundles byte for byte', {
  skip: lacks('python3'),
}, () => {
  const tars = names.flatMap(tarsOf);
  const files = tars.map(({ bytes }, at) => {
    const file = join(root, `${at}.tar`);
    fs.writeFileSync(file, bytes);
    return file;
  });
  const { stdout, stderr } = spawnSync('python3', ['-c', REBUILD, ...files], { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, tars.length, stderr);
  const differing = tars.filter((_, at) => lines[at] !== `same ${files[at]}`).map(({ label }) => label);
  assert.deepEqual(differing, []);
  const layers = tars.filter(({ label }) => label.includes('blobs/'));
  assert.ok(layers.length >= names.length, `only ${layers.length} layers`);
});

for (const name of names) {
  test(`GNU tar lists and extracts ${name} and its layers, file for file`, { skip: lacks('tar') }, () => {
    for (const [at, { label, bytes }] of tarsOf(name).entries()) {
      const file = join(root, `${name}.${at}.tar`);
      const folder = join(root, `${name}.${at}`);
      fs.writeFileSync(file, at === 0 ? fs.readFileSync(join(directory, name)) : bytes);
      fs.mkdirSync(folder);
      const packed = at === 0 ? ['-z'] : [];
      const members = tarMembers(bytes);
      const list = spawnSync('tar', ['--quoting-style=literal', ...packed, '-tf', file], {
        encoding: 'utf8',
      });
      assert.equal(list.stderr, '', label);
      assert.deepEqual(
        list.stdout.split('\n').slice(0, -1),
        members.map(({ path }) => path),
      );
      const extract = spawnSync('tar', ['-p', ...packed, '-xf', file, '-C', folder], { encoding: 'utf8' });
      assert.equal(extract.status, 0, `${label}: ${extract.stderr}`);
      assert.deepEqual(extracted(folder), Object.fromEntries(members.map(describe)));
    }
  });
}

function describe({ path, executable, content }: TarMember): [string, object] {
  return [path as string, { mode: executable ? '755' : '644', base64: content.toString('base64') }];
}

function extracted(folder: string): object {
  const files = fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.map((file) => [
      file.slice(folder.length + 1),
      {
        mode: (fs.statSync(file).mode & 0o777).toString(8),
        base64: fs.readFileSync(file).toString('base64'),
      },
    ]),
  );
}
