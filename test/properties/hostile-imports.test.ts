import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { paddingOf, tarHeader } from '../../src/bundle/tar-header.ts';
import { importBundle } from '../../src/operations/import-bundle.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { unpackProgram } from '../../src/operations/unpack-program.ts';
import type { JsonValue } from '../../src/program/json.ts';
import { holds, outcomeOf } from './campaign.ts';
import { everythingBelow, inDirectory, openHome } from './homes.ts';
import { type Change, changed, changes, jsonChange, jsonChanged } from './mutations.ts';
import { documents, envelopes, members, oldBundle, tar, withMember } from './sample-bundle.ts';

/** A home in a directory where nothing else may change, and a way to see whether something did. */
class Place {
  readonly directory: string;
  #ports: Ports;

  private constructor(directory: string) {
    this.directory = directory;
    this.#ports = openHome(join(directory, 'home'));
  }

  /** With a home that holds a program already. */
  static async open(directory: string): Promise<Place> {
    const place = new Place(directory);
    writeFileSync(join(directory, 'bystander'), 'untouched');
    await place.#furnish();
    return place;
  }

  async #furnish(): Promise<void> {
    const file = join(this.directory, 'old.tgz');
    writeFileSync(file, oldBundle.bytes);
    rmSync(join(this.directory, 'home'), { recursive: true, force: true });
    await importBundle(this.#ports, { file });
  }

  /**
   * Imports and unpacks what may be a bundle. Whatever comes of it, nothing changes outside the home and the directory
   * that was asked for; when it is refused, nothing changes at all.
   */
  async isHarmless(file: string): Promise<boolean> {
    const out = join(this.directory, 'out');
    const before = everythingBelow(this.directory);
    const outsideOf = (inside: string) =>
      Object.fromEntries(
        Object.entries(everythingBelow(this.directory)).filter(
          ([path]) => path !== inside && !path.startsWith(`${inside}/`),
        ),
      );

    const unpacked = await outcomeOf(() => unpackProgram(this.#ports, { source: file, directory: out }));
    assert.deepEqual(outsideOf(unpacked.refused ? '' : 'out'), before, 'unpack wrote outside its directory');
    if (!unpacked.refused) {
      for (const [path, what] of Object.entries(everythingBelow(out)))
        assert.match(
          what,
          /^(40...|100755 .*|100644 .*)$/,
          `${path} is neither a directory nor a plain file`,
        );
    }
    rmSync(out, { recursive: true, force: true });

    const imported = await outcomeOf(() => importBundle(this.#ports, { file }));
    if (imported.refused) {
      assert.deepEqual(everythingBelow(this.directory), before, 'a refused import left something');
      return false;
    }
    assert.ok(!unpacked.refused, 'what can be imported cannot be unpacked');
    const foreign = Object.entries(before).filter(([path]) => !path.startsWith('home'));
    assert.deepEqual(outsideOf('home'), Object.fromEntries(foreign), 'import wrote outside its home');
    await this.#furnish();
    return true;
  }
}

/** A tar of members as they come, of any names and types. */
function rawTar(entries: readonly { path: string; bytes: Uint8Array; link?: string }[]): Buffer {
  const blocks = entries.flatMap(({ path, bytes, link }) => {
    const body = link === undefined ? bytes : new Uint8Array();
    const header = tarHeader(path, false, body.length);
    if (link !== undefined) {
      const at = header.length - 512;
      header[at + 156] = 0x32;
      header.write(link.slice(0, 100), at + 157, 'latin1');
      header.fill(' ', at + 148, at + 156);
      const sum = header.subarray(at).reduce((all, byte) => all + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    }
    return [header, body, Buffer.alloc(paddingOf(body.length))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Paths that lead out of a directory, on some platform at least; `DIR` stands for one that is watched. */
const leadingOut = fc.constantFrom(
  ...['../out', '../bystander', '../../bystander', 'a/../../bystander', 'DIR/bystander', '//DIR/x', '..'],
  ...[
    '.',
    './x',
    'a/./x',
    'a//x',
    '/',
    '',
    'x/',
    'a\\..\\..\\bystander',
    'C:\\x',
    'C:x',
    'CON',
    'a\0b',
    'blobs',
  ],
  ...['home/content/pins/x', 'blobs/../../bystander', 'blobs/sha256/../../../bystander', '~/x', 'e\u0301'],
);

/** A mutant of the sample as a file. */
const mutant: fc.Arbitrary<(directory: string) => Promise<Buffer>> = fc.oneof(
  fc.tuple(fc.constantFrom(...envelopes), changes).map(
    ([bytes, all]) =>
      async () =>
        changed(bytes, all),
  ),
  changes.map((all) => async () => gzipSync(changed(tar.bytes, all), { level: 1 })),
  fc.tuple(fc.constantFrom(...documents), jsonChange).map(([{ path, bytes }, change]) => () => {
    const value = jsonChanged(JSON.parse(bytes.toString()) as JsonValue, change);
    return withMember(path, Buffer.from(JSON.stringify(value)));
  }),
  fc
    .tuple(fc.nat(members.length), leadingOut, fc.boolean())
    .map(([at, path, instead]) => async (directory: string) => {
      const stray = { path: path.replace('DIR', directory), bytes: Buffer.from('stray') };
      return rawTar(members.toSpliced(at, instead ? 1 : 0, stray));
    }),
  fc
    .tuple(leadingOut, fc.option(fc.constantFrom('..', 'DIR', '../bystander', 'train.sh')), fc.boolean())
    .map(([path, link, first]) => (directory: string) => {
      // The one tar among the blobs that has a script of the program in it.
      const layer = members.find(({ bytes }) => bytes.includes('train.sh') && bytes[0] !== 0x7b)!;
      const within = (text: string) => text.replace('DIR', directory);
      const stray = {
        path: within(path),
        bytes: Buffer.from('stray'),
        ...(link === null ? {} : { link: within(link) }),
      };
      const followed = { path: `${stray.path}/below`, bytes: Buffer.from('through a link') };
      const script = { path: 'train.sh', bytes: Buffer.from('echo\n') };
      const strays = link === null ? [stray] : [stray, followed];
      return withMember(layer.path, rawTar(first ? [...strays, script] : [script, ...strays]));
    }),
);

test('a mutated bundle that is refused leaves nothing, and none writes where it should not', () =>
  inDirectory(async (directory) => {
    const place = await Place.open(directory);
    const file = join(directory, 'mutant.tgz');
    writeFileSync(file, tar.bytes);
    assert.equal(await place.isHarmless(file), true);
    await holds(40, [mutant], async (make) => {
      writeFileSync(file, await make(directory));
      await place.isHarmless(file);
    });
  }));

/** What may be wrong with a bundle that is a directory. */
type Damage =
  | { what: 'changed'; at: number; changes: Change[] }
  | { what: 'removed' | 'directory'; at: number }
  | { what: 'renamed' | 'linked' | 'added'; at: number; name: string };

const at = fc.nat(members.length - 1);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ what: fc.constant('changed' as const), at, changes }),
  fc.record({ what: fc.constantFrom('removed' as const, 'directory' as const), at }),
  fc.record({
    what: fc.constantFrom('renamed' as const, 'linked' as const, 'added' as const),
    at,
    name: fc.constantFrom(
      ...['../bystander', '../old.tgz', 'x', 'é', 'blobs/x', 'blobs/sha256/x', 'blobs/sha512/x', 'a/b'],
      ...[`blobs/sha256/${'0'.repeat(64)}`, 'index.json', 'README.md', 'oci-layout', 'same.lock'],
    ),
  }),
);

function damagedDirectory(directory: string, all: readonly Damage[]): void {
  const put = (path: string, bytes: Uint8Array) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  };
  rmSync(directory, { recursive: true, force: true });
  for (const { path, bytes } of members) put(join(directory, path), bytes);
  for (const each of all) {
    const { path, bytes } = members[each.at]!;
    const from = join(directory, path);
    if (each.what === 'added') {
      // Beside the bundle there is only what the test itself put there.
      if (!each.name.startsWith('..')) put(join(directory, each.name), bytes);
      continue;
    }
    if (each.what === 'changed') {
      rmSync(from, { recursive: true, force: true });
      put(from, changed(bytes, each.changes));
      continue;
    }
    rmSync(from, { recursive: true, force: true });
    if (each.what === 'directory') mkdirSync(from, { recursive: true });
    if (each.what === 'linked') symlinkSync(join(directory, each.name), from);
    if (each.what === 'renamed' && !each.name.startsWith('..')) {
      put(`${from}.renamed`, bytes);
      const to = join(directory, each.name);
      rmSync(to, { recursive: true, force: true });
      mkdirSync(dirname(to), { recursive: true });
      renameSync(`${from}.renamed`, to);
    }
  }
}

test('a damaged directory that is refused leaves nothing, and none writes where it should not', () =>
  inDirectory(async (directory) => {
    const place = await Place.open(directory);
    const bundle = join(directory, 'mutant.oci');
    damagedDirectory(bundle, []);
    assert.equal(await place.isHarmless(bundle), true);
    await holds(24, [fc.array(damage, { minLength: 1, maxLength: 2 })], async (all) => {
      damagedDirectory(bundle, all);
      await place.isHarmless(bundle);
    });
  }));
