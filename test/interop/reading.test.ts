import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openRig } from '../e2e/rig.ts';
import { type Exported, exportForms, hardStudy, hardWithRun, sha256, tool, unless, works } from './study.ts';

const rig = openRig();
let bundle: Exported;
before(async () => {
  bundle = await exportForms(rig, await hardWithRun(rig));
});
after(() => rig[Symbol.dispose]());

/** Every file below a directory: path, permission bits, content. */
function tree(directory: string): { path: string; mode: string; digest: string }[] {
  return readdirSync(rig.path(directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const mode = statSync(path).mode & 0o777;
      return {
        path: path.slice(rig.path(directory).length + 1),
        mode: mode.toString(8),
        digest: sha256(readFileSync(path)),
      };
    })
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** What the study's folder holds, as a tree. */
const study = Object.entries(hardStudy)
  .map(([name, text]) => ({
    path: name.replace(/!$/, ''),
    mode: name.endsWith('!') ? '755' : '644',
    digest: sha256(Buffer.from(text)),
  }))
  .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));

describe('GNU tar', () => {
  for (const form of ['tgz', 'tar'] as const) {
    test(`lists the .${form}, file for file, and extracts what oci-dir wrote`, {
      skip: unless('tar'),
    }, () => {
      const listed = tool(rig, 'tar', ['--quoting-style=literal', '-tvf', `./${bundle[form]}`]).toString();
      const lines = listed.trimEnd().split('\n');
      const directory = tree(bundle.oci);
      assert.deepEqual(
        lines.map((line) => line.split(' ').at(-1)).sort(),
        directory.map(({ path }) => path),
      );
      for (const line of lines) assert.match(line, /^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 \S+$/);
      assert.deepEqual(
        lines.slice(0, 2).map((line) => line.split(' ').at(-1)),
        ['oci-layout', 'index.json'],
      );

      tool(rig, 'mkdir', [`gnu-${form}`]);
      tool(rig, 'tar', ['-xf', `./${bundle[form]}`, '-C', `gnu-${form}`]);
      assert.deepEqual(tree(`gnu-${form}`), directory);
    });
  }

  test('extracts the code layer as the files of the study, with their modes', { skip: unless('tar') }, () => {
    const { layers } = JSON.parse(readFileSync(rig.path(bundle.oci, blob(bundle.digests.program)), 'utf8'));
    const code = layers.find(({ mediaType }: { mediaType: string }) => mediaType.endsWith('.code.v1.tar'));
    tool(rig, 'mkdir', ['code']);
    tool(rig, 'tar', ['-xf', join(bundle.oci, blob(code.digest)), '-C', 'code']);
    assert.deepEqual(
      tree('code'),
      study.filter(({ path }) => path !== 'same.yaml'),
    );
  });
});

describe('sha256sum', () => {
  test('gives the digests of file, archive, index, program and every blob', { skip: unless('gzip') }, () => {
    const sum = (file: string) => `sha256:${tool(rig, 'sha256sum', [file]).toString().slice(0, 64)}`;
    const { digests } = bundle;
    assert.equal(sum(bundle.tgz), digests.file);
    assert.equal(sum(bundle.tar), digests.archive);
    tool(rig, 'sh', ['-c', `gzip -dc ${bundle.tgz} > unzipped`]);
    assert.equal(sum('unzipped'), digests.archive);
    assert.equal(sum(join(bundle.oci, 'index.json')), digests.index);
    assert.equal(sum(join(bundle.oci, blob(digests.program))), digests.program);
    for (const name of readdirSync(rig.path(bundle.oci, 'blobs/sha256'))) {
      assert.equal(sum(join(bundle.oci, 'blobs/sha256', name)), `sha256:${name}`);
    }
  });
});

describe('jq', () => {
  test('reads the root copies, the index and the record of the run', { skip: unless('jq') }, () => {
    const from = (file: string, filter: string) =>
      tool(rig, 'sh', ['-c', 'tar -xOf "$0" "$1" | jq -er "$2"', `./${bundle.tgz}`, file, filter])
        .toString()
        .trim();
    assert.equal(from('index.json', '.manifests[0].digest'), bundle.digests.program);
    assert.equal(
      from('index.json', '.manifests[0].annotations["org.opencontainers.image.ref.name"]'),
      bundle.tag,
    );
    assert.equal(bundle.tag, '2.0-rc.1_build.5');
    assert.equal(from('oci-layout', '.imageLayoutVersion'), '1.0.0');
    const config = from(blob(bundle.digests.program), '.config.digest');
    assert.equal(from(blob(config), '.manifest.metadata.title'), 'Ünïcode');
    const run = from(
      'index.json',
      '.manifests[] | select(.artifactType == "application/vnd.same.run.v1+json").digest',
    );
    assert.equal(from(blob(run), '.annotations["dev.same.run.status"]'), 'succeeded');
    assert.equal(
      from(blob(from(blob(run), '.layers[0].digest')), '.program.version'),
      '2.0-rc.1+build.5',
      'the record names the program',
    );
    const yaml = tool(rig, 'tar', ['-xOf', `./${bundle.tgz}`, 'same.yaml']).toString();
    assert.equal(yaml, hardStudy['same.yaml']);
  });
});

/** Says of every member what tarfile reads, and hashes the tar that tarfile would have written. */
const TARFILE = `
import hashlib, io, json, sys, tarfile
members, written = [], io.BytesIO()
with tarfile.open(fileobj=open(sys.argv[1], 'rb'), mode='r:*') as archive:
    for member in archive:
        content = archive.extractfile(member).read()
        members.append([member.name, member.type == tarfile.REGTYPE, oct(member.mode)[2:], member.size,
                        hashlib.sha256(content).hexdigest(),
                        [member.uid, member.gid, member.mtime, member.uname, member.gname]])
        fresh = tarfile.TarInfo(member.name)
        fresh.mode, fresh.size = member.mode, member.size
        written.write(fresh.tobuf(tarfile.PAX_FORMAT, 'utf-8', 'strict'))
        written.write(content + bytes(-len(content) % 512))
written.write(bytes(1024))
json.dump({'members': members, 'written': hashlib.sha256(written.getvalue()).hexdigest()}, sys.stdout)
`;

describe("CPython's tarfile", () => {
  const read = (
    file: string,
  ): { members: [string, boolean, string, number, string, unknown[]][]; written: string } =>
    JSON.parse(tool(rig, 'python3', ['-c', TARFILE, file]).toString());

  for (const form of ['tgz', 'tar'] as const) {
    test(`reads the .${form} as oci-dir wrote it, and would write the same archive`, {
      skip: unless('python3'),
    }, () => {
      const { members, written } = read(bundle[form]);
      assert.deepEqual(
        members
          .map(([path, regular, mode, , digest]) => ({ path, mode, digest: `sha256:${digest}`, regular }))
          .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
        tree(bundle.oci).map((file) => ({ ...file, regular: true })),
      );
      assert.equal(`sha256:${written}`, bundle.digests.archive);
    });
  }

  test('reads every layer as names, modes, sizes and contents of the study, and would write the same bytes', {
    skip: unless('python3'),
  }, () => {
    const { layers } = JSON.parse(readFileSync(rig.path(bundle.oci, blob(bundle.digests.program)), 'utf8'));
    const tars = layers.filter(({ mediaType }: { mediaType: string }) => mediaType.endsWith('.tar'));
    assert.equal(tars.length, 1);
    for (const layer of tars) {
      const { members, written } = read(join(bundle.oci, blob(layer.digest)));
      assert.deepEqual(
        members.map(([path, , mode, , digest]) => ({ path, mode, digest: `sha256:${digest}` })),
        study.filter(({ path }) => path !== 'same.yaml'),
      );
      for (const [, regular, , , , owner] of members) {
        assert.ok(regular);
        assert.deepEqual(owner, [0, 0, 0, '', '']);
      }
      assert.equal(`sha256:${written}`, layer.digest);
    }
  });
});

describe('a bundle packed anew by others', () => {
  const packers: [string, string, string][] = [
    ['gzip -9', 'gzip', 'gzip -9 -c'],
    ['gzip -1 with a name and a time', 'gzip', 'gzip -1 -N -c'],
    ['pigz in many blocks', 'pigz', 'pigz -9 -b 128 -p 4 -c'],
    ['zstd', 'zstd', 'zstd -q -c'],
    ['zstd -19 with a checksum', 'zstd', 'zstd -q -19 --check -c'],
    ['zstd without a size in its header', 'zstd', 'cat "$0" | zstd -q -c'],
  ];
  for (const [name, needs, command] of packers) {
    test(`opens with the same program, index and archive digests: ${name}`, {
      skip: unless(needs),
    }, async () => {
      const words = command.startsWith('cat') ? command : `${command} "$0"`;
      const bytes = tool(rig, 'sh', ['-c', words, bundle.tar]);
      rig.write({ 'again.bundle': bytes });
      const { digests } = (await works(rig, ['show', './again.bundle', '--json'])).json();
      assert.deepEqual(digests, { ...bundle.digests, file: sha256(bytes), sizeBytes: bytes.length });
      assert.notEqual(digests.file, bundle.digests.file);
      const home = rig.path(`home-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`);
      await works(rig, ['import', './again.bundle'], home);
      await works(rig, ['show', 'hard:2.0-rc.1+build.5'], home);
    });
  }

  test('is the same program whichever form same wrote, and same unpack writes the study', async () => {
    for (const file of [bundle.tgz, bundle.tar, bundle.oci]) {
      await works(rig, ['verify', 'integrity', `./${file}`]);
      await works(rig, ['unpack', `./${file}`, '-o', `unpacked-${file}`]);
      assert.deepEqual(tree(`unpacked-${file}`), study);
    }
  });
});

function blob(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}
