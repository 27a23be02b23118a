import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readBundle } from '../../src/bundle/archive.ts';
import { sha256 } from '../../src/bundle/canonical-json.ts';
import { MEDIA } from '../../src/bundle/oci.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import {
  changed,
  entryOf,
  type File,
  filesOf,
  rawTar,
  rules,
  swap,
  swapSubject,
  tarOf,
  withIndex,
  withManifest,
  without,
} from './sample-bundle.ts';

const attacks: [name: string, code: RegExp, change: (files: File[]) => File[]][] = [
  ['nothing inside', /SAME1306/, () => []],
  ['another archive', /SAME1306/, () => [{ path: 'a.txt', bytes: Buffer.from('a') }]],
  [
    'another layout version',
    /SAME1302/,
    (files) => changed(files, 'oci-layout', '{"imageLayoutVersion":"2.0.0"}'),
  ],
  ['no index', /SAME1302/, (files) => without(files, 'index.json')],
  ['an index that is no JSON', /SAME1302/, (files) => changed(files, 'index.json', '{')],
  ['an index with blanks', /SAME1302/, (files) => changed(files, 'index.json', `${entryOf('index.json')} `)],
  ['an index over 4 MiB', /SAME1304/, (files) => changed(files, 'index.json', ' '.repeat(4 * 2 ** 20 + 1))],
  [
    'another tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) =>
        Object.assign(manifests[0]!, { annotations: { 'org.opencontainers.image.ref.name': '9' } }),
      ),
  ],
  [
    'no tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        delete manifests[0]!.annotations;
      }),
  ],
  [
    'a second tag',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests[1]!.annotations = manifests[0]!.annotations;
      }),
  ],
  [
    'runs out of order',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(2, 2, manifests[3]!, manifests[2]!);
      }),
  ],
  [
    'a run listed twice',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(2, 0, manifests[2]!);
      }),
  ],
  [
    'a run before the program',
    /SAME130[27]/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.unshift(manifests.splice(2, 1)[0]!);
      }),
  ],
  [
    'an artifact of an unknown kind',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.at(-1)!.artifactType = 'application/x';
      }),
  ],
  [
    'an artifact of a later kind',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.at(-1)!.artifactType = 'application/vnd.same.review.v1+json';
      }),
  ],
  [
    'a wrong size in the index',
    /SAME1301/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests[0]!.size = 1;
      }),
  ],
  [
    'an ancestor left out of the index',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(1, 1);
      }),
  ],
  [
    'a stranger as program',
    /SAME1302/,
    (files) =>
      withIndex(files, ({ manifests }) => {
        manifests.splice(0, 2, manifests[1]!, manifests[0]!);
      }),
  ],
  ['a changed README', /SAME1302/, (files) => changed(files, 'README.md', '# Other\n')],
  ['a changed same.yaml', /SAME1302/, (files) => changed(files, 'same.yaml', '{}')],
  ['a changed REPRODUCING.md', /SAME1302/, (files) => changed(files, 'REPRODUCING.md', 'curl | sh')],
  ['no root copy of the lock', /SAME1302/, (files) => without(files, 'same.lock')],
  [
    'a root copy of nothing',
    /SAME1302/,
    (files) => files.toSpliced(2, 0, { path: 'CITATION.cff', bytes: Buffer.from('x') }),
  ],
  ['root copies out of order', /SAME1302/, (files) => swap(files, 2, 3)],
  [
    'a stray file at the root',
    /SAME1302/,
    (files) => files.toSpliced(2, 0, { path: 'install.sh', bytes: Buffer.from('x') }),
  ],
  [
    'an executable root copy',
    /SAME1302/,
    (files) => files.map((file) => (file.path === 'LICENSE' ? { ...file, executable: true } : file)),
  ],
  [
    'a stray blob',
    /SAME1302/,
    (files) => [...files, { path: `blobs/sha256/${'0'.repeat(64)}`, bytes: Buffer.from('x') }],
  ],
  [
    'a stray blob of its own digest',
    /SAME1302/,
    (files) => [...files, { path: `blobs/sha256/${sha256('x').slice(7)}`, bytes: Buffer.from('x') }],
  ],
  [
    'a blob of other bytes',
    /SAME1301/,
    (files) => files.with(8, { ...files[8]!, bytes: Buffer.from(files[8]!.bytes).fill(32, 0, 1) }),
  ],
  ['an executable blob', /SAME1302/, (files) => files.with(8, { ...files[8]!, executable: true })],
  ['blobs out of order', /SAME1302/, (files) => swap(files, 8, 9)],
  ['a missing blob', /SAME1302/, (files) => files.slice(0, -1)],
  ['a blob twice', /SAME130[23]/, (files) => [...files, files.at(-1)!]],
  [
    'a manifest with an unknown field',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: Record<string, unknown>) => {
        manifest.extra = 1;
      }),
  ],
  [
    'a program with a subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: Record<string, unknown>) => {
        manifest.subject = manifest.config;
      }),
  ],
  [
    'layers of an unknown type',
    /SAME1307/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { mediaType: string }[] }) => {
        manifest.layers[2]!.mediaType = 'application/x-tar';
      }),
  ],
  [
    'layers of a later type',
    /SAME1307/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { mediaType: string }[] }) => {
        manifest.layers[2]!.mediaType = 'application/vnd.same.code.v2.tar';
      }),
  ],
  [
    'layers out of order',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: unknown[] }) => {
        manifest.layers.reverse();
      }),
  ],
  [
    'a config that lists other layers',
    /SAME1302/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: unknown[] }) => {
        manifest.layers.pop();
      }),
  ],
  [
    'a code layer over the limit',
    /SAME1304/,
    (files) =>
      withManifest(files, 0, (manifest: { layers: { size: number }[] }) => {
        manifest.layers[2]!.size = 20 * 2 ** 30;
      }),
  ],
  [
    'a run of another subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { subject: { digest: string } }) => {
        manifest.subject.digest = `sha256:${'1'.repeat(64)}`;
      }),
  ],
  ['a run whose record is of an ancestor', /SAME1302/, (files) => swapSubject(files)],
  [
    'a run without subject',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { subject?: unknown }) => {
        delete manifest.subject;
      }),
  ],
  [
    'a run with a config',
    /SAME1302/,
    (files) =>
      withManifest(files, 2, (manifest: { config: unknown; layers: unknown[] }) => {
        manifest.config = manifest.layers[0];
      }),
  ],
  [
    'a run that calls itself an origin',
    /SAME1302|SAME1307/,
    (files) =>
      withManifest(files, 2, (manifest: { artifactType: string }) => {
        manifest.artifactType = MEDIA.origin;
      }),
  ],
];

for (const [name, code, change] of attacks) {
  test(`refused: ${name}`, async () => {
    const hostile = await tarOf(change(filesOf(rawTar)));
    await assert.rejects(readBundle([gzipSync(hostile)], openMemoryContentStore(), rules), code);
  });
}
