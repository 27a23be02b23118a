import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestOf } from '../components/fault-content.ts';
import { openMounts, unavailable } from './mounts.ts';
import { assertRefused, listing } from './refusal.ts';
import { created, done, openLab, pinIn, ran, refused, study } from './registry-lab.ts';

const blobPath = (home: string, digest: string) => join(home, 'content/blobs/sha256', digest.slice(7));

describe('a home that is pulled into', () => {
  it('stays as it is where the name is taken, by another digest or in another spelling', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    for (const [text, code] of [
      [study.replace('default: 1', 'default: 5'), 'SAME1206'],
      [study.replace('name: study', 'name: Study'), 'SAME1207'],
      [study.replace('version: "1.0"', 'version: "1.0.0"'), 'SAME1207'],
    ] as const) {
      const home = rig.path(`home ${digestOf(Buffer.from(text)).slice(7, 15)}`);
      await created(rig, text, home);
      const before = lab.registry.log.length;
      await refused(rig, home, ['pull', `${lab.place}/study:1.0`], { code, exit: 4 });
      const layers = lab.registry.log.slice(before).filter(({ path }) => /\/blobs\//.test(path));
      assert.equal(layers.length, 1, 'more than the config came before the refusal');
    }
  });

  it('is not touched by what it has, and shows where that came from', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const nobody = (await done(rig, ['show', 'study:1.0', '--json'])).json();
    assert.equal(nobody.registry, null);
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    const before = listing(reader);
    lab.registry.log.length = 0;
    const again = await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    assert.match(again.stderr, /everything was here already/);
    assert.deepEqual(lab.registry.asked(undefined, /\/blobs\//), []);
    assert.deepEqual(listing(reader), before);
    const place = `oci://${lab.registry.host}/lab/study`;
    for (const home of [rig.home, reader]) {
      assert.equal((await done(rig, ['show', 'study:1.0', '--json'], home)).json().registry, place);
      const { stdout } = await done(rig, ['show', 'study:1.0'], home);
      assert.match(stdout, new RegExp(`^last pushed to or pulled from ${place}$`, 'm'));
    }
  });

  it('gets back what was damaged or lost in it', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    const names = readdirSync(join(reader, 'content/blobs/sha256'));
    const damage: ((path: string) => void)[] = [
      (path) => {
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 1;
        chmodSync(path, 0o644);
        writeFileSync(path, bytes);
      },
      (path) => {
        chmodSync(path, 0o644);
        writeFileSync(path, '');
      },
      (path) => renameSync(path, rig.path('lost')),
      (path) => utimesSync(path, 1_700_000_000, 1_700_000_000),
    ];
    names.forEach((name, index) => {
      damage[index % damage.length]!(join(reader, 'content/blobs/sha256', name));
    });
    const before = (await rig.same(['verify', 'integrity'], { env: { SAME_HOME: reader } })).code;
    assert.equal(before, 7, 'nothing is damaged');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    await done(rig, ['verify', 'integrity'], reader);
    assert.deepEqual(readdirSync(join(reader, 'content/blobs/sha256')), names);
    for (const name of names)
      assert.equal(digestOf(readFileSync(join(reader, 'content/blobs/sha256', name))), `sha256:${name}`);
  });
});

describe('a home on a disk that is full', { skip: process.env.CI ? false : unavailable() }, () => {
  it('keeps what it has and nothing of what it could not hold, and has it all once there is space', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    // One that is fetched anew after a cut, and one that is gone on with.
    for (const [version, bytes] of [
      ['2.0', randomBytes(3 * 2 ** 20)],
      ['3.0', randomBytes(6 * 2 ** 20)],
    ] as const) {
      rig.write({ 'study/data.bin': bytes });
      await created(rig, study.replace('version: "1.0"', `version: "${version}"`));
      await lab.remote(['push', `study:${version}`, lab.place]);
    }
    await lab.remote(['push', 'study:1.0', lab.place]);
    using mounts = await openMounts(rig.root);
    mounts.shell('mkdir small && mount -t tmpfs -o size=2m none small');
    const pull = (version: string) =>
      rig.same(['pull', `${lab.place}/study:${version}`, '--plain-http'], {
        env: { SAME_HOME: rig.path('small/home') },
        under: mounts.under,
      });
    assert.equal((await pull('1.0')).code, 0);
    const home = mounts.seen(rig.path('small/home'));
    const before = listing(home);
    for (const version of ['2.0', '3.0']) {
      const { code, stderr } = await pull(version);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /^SAME1402 no space left while /m);
      assert.deepEqual(listing(home), before);
      const downloads = join(home, 'cache/downloads');
      assert.deepEqual(existsSync(downloads) ? readdirSync(downloads) : [], []);
    }
    mounts.shell('mount -o remount,size=40m small');
    for (const version of ['2.0', '3.0']) assert.equal((await pull(version)).code, 0);
  });
});

describe('a home that is pushed from', () => {
  it('sends nothing that is damaged under its old name', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const { digest } = pinIn(rig.home);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const [layer] = lab.stored().manifests.get(digest)!.parsed.layers!;
    lab.registry.content.repositories.clear();
    const path = blobPath(rig.home, layer!.digest);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    chmodSync(path, 0o644);
    writeFileSync(path, bytes);
    await refused(rig, rig.home, ['push', 'study:1.0', lab.place], {
      code: 'SAME1301',
      exit: 7,
      message: layer!.digest,
    });
    assert.equal(lab.stored().blobs.has(layer!.digest), false);
    assert.equal(lab.stored().manifests.size, 0);
  });

  it('says of a document that lost bits that it is damaged, also where nothing wrote to it', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const { digest, origin } = pinIn(rig.home) as { digest: string; origin?: string };
    await lab.remote(['push', 'study:1.0', lab.place]);
    const { config } = lab.stored().manifests.get(digest)!.parsed;
    const documents = [digest, config!.digest, ...(origin === undefined ? [] : [origin])];
    for (const document of documents) {
      const path = blobPath(rig.home, document);
      const [bytes, { atime, mtime }] = [readFileSync(path), statSync(path)];
      chmodSync(path, 0o644);
      for (const from of ['{', 'sha256:', '"schemaVersion"', '"layers"']) {
        const at = bytes.indexOf(from);
        if (at < 0) continue;
        const damaged = Buffer.from(bytes);
        damaged[at + Math.max(0, from.length - 2)]! ^= 1;
        writeFileSync(path, damaged);
        utimesSync(path, atime, mtime);
        await refused(rig, rig.home, ['push', 'study:1.0', lab.place], {
          code: 'SAME1301',
          exit: 7,
          message: document,
        });
      }
      writeFileSync(path, bytes);
      utimesSync(path, atime, mtime);
    }
    await lab.remote(['push', 'study:1.0', lab.place]);
    assert.equal(documents.length, 3);
  });

  it('sends data that it declares as elsewhere where that is asked for, and no longer than allowed', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await refused(rig, rig.home, ['push', 'study:1.0', lab.place, '--with-data'], {
      code: 'SAME1902',
      place: '--with-data',
    });
    const data = Buffer.alloc(5000, 'data of a study\n');
    const pointer = `  speech: {uri: "https://data.invalid/speech", digest: "${digestOf(data)}"}`;
    await created(rig, study.replace('parameters:', `data:\n${pointer}\nparameters:`));
    writeFileSync(blobPath(rig.home, digestOf(data)), data);
    await lab.remote(['push', 'study:1.0', lab.place]);
    assert.equal(lab.stored().blobs.has(digestOf(data)), false);
    await refused(rig, rig.home, ['push', 'study:1.0', lab.place, '--with-data=4Ki'], {
      code: 'SAME1304',
      exit: 7,
      place: 'data.speech',
    });
    await lab.remote(['push', 'study:1.0', lab.place, '--with-data']);
    assert.ok(lab.stored().blobs.get(digestOf(data))!.equals(data));
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    assert.ok(readFileSync(blobPath(reader, digestOf(data))).equals(data));
    await assertRefused(rig, ['push', 'study:1.0', lab.place, '--with-data=lots', '--plain-http'], {
      code: 'SAME1902',
      place: '--with-data',
    });
  });
});
