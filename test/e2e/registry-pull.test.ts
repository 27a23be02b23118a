import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../components/fault-content.ts';
import { on, otherBytes } from '../components/faults.ts';
import { assertRefused } from './refusal.ts';
import { created, done, openLab, pinIn, RUN, ran, refused, study } from './registry-lab.ts';

describe('a pull', () => {
  test('asks a tag once, and none where the reference holds a digest', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    registry.log.length = 0;
    await lab.remote(['pull', `${lab.place}/study:1.0`], rig.path('reader'));
    assert.equal(registry.asked(undefined, /\/manifests\/1\.0$/).length, 1);
    registry.log.length = 0;
    const { digest } = pinIn(rig.home);
    lab.stored().tags.clear();
    await lab.remote(['pull', `${lab.place}/study@${digest}`], rig.path('other'));
    assert.equal(pinIn(rig.path('other')).digest, digest);
    assert.deepEqual(registry.asked(undefined, /\/manifests\/1\.0$|\/tags\//), []);
  });

  test('of what is not there is refused with the versions that are', async () => {
    await using lab = await openLab();
    await lab.remote(['push', 'study:1.0', lab.place]);
    const words = ['pull', `${lab.place}/study:7.0`];
    const [finding] = await refused(lab.rig, lab.rig.home, words, { code: 'SAME1803', exit: 3 });
    assert.match(`${finding!.message} ${finding!.hint}`, /\b1\.0\b/);
    for (const reference of [`study@sha256:${'0'.repeat(64)}`, 'nothing:1.0', 'nothing']) {
      await refused(lab.rig, lab.rig.home, ['pull', `${lab.place}/${reference}`], {
        code: 'SAME1803',
        exit: 3,
      });
    }
  });

  test('of a program that has another version or name than the reference is refused', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    const program = lab.stored().tags.get('1.0')!;
    lab.stored().tags.set('9.0', program);
    registry.content.repositories.set('lab/moved', lab.stored());
    for (const reference of ['study:9.0', `study:9.0@${program}`, `moved@${program}`, 'moved:1.0']) {
      await refused(rig, rig.path('reader'), ['pull', `${lab.place}/${reference}`], {
        code: 'SAME1204',
        exit: 3,
      });
    }
  });

  test('of an image, an index or a run is refused, saying what it is', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const run = [...lab.stored().manifests].find(([, { parsed }]) => parsed.artifactType === RUN)![0];
    const config = registry.content.blob('lab/study', '{}', 'application/vnd.oci.image.config.v1+json');
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const image = { schemaVersion: 2, mediaType, config, layers: [] };
    registry.content.manifest('lab/study', image, { tag: '2.0' });
    const index = { schemaVersion: 2, mediaType: mediaType.replace('manifest', 'index'), manifests: [] };
    registry.content.manifest('lab/study', index, { tag: '3.0', mediaType: index.mediaType });
    for (const [reference, what] of [
      [`study@${run}`, /run/],
      ['study:2.0', /image/],
      ['study:3.0', /index/],
    ] as const) {
      await refused(rig, rig.home, ['pull', `${lab.place}/${reference}`], {
        code: 'SAME1306',
        message: what,
      });
    }
  });

  test('of anything that is damaged leaves nothing in the home', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const { manifests, blobs } = lab.stored();
    const rooms = [
      ...[...manifests.keys()].map((it) => ['manifests', it]),
      ...[...blobs.keys()].map((it) => ['blobs', it]),
    ];
    assert.ok(rooms.length >= 8, `only ${rooms.length} objects`);
    const program = pinIn(rig.home).digest;
    for (const [room, digest] of rooms) {
      const asked = digest === program ? '1\\.0' : digest;
      lab.registry.script(on('GET', new RegExp(`/${room}/${asked}$`), otherBytes(), { times: 9 }));
      await refused(rig, rig.path('reader'), ['pull', `${lab.place}/study:1.0`], {
        code: 'SAME1301',
        exit: 7,
        message: digest!,
      });
      lab.registry.faults.length = 0;
    }
  });

  test('takes all runs unless the user chooses, those of ancestors and failed ones too', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const first = await ran(rig, 'study:1.0', 2);
    const failed = (await rig.same(['run', 'study:1.0', '--n=13', '--json'])).json().id;
    await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=3']);
    const second = await ran(rig, 'study:1.1', 4);
    await lab.remote(['push', 'study:1.1', lab.place, '--history', `${first},${failed},${second}`]);
    let homes = 0;
    const got = async (...words: string[]) => {
      const home = rig.path(`reader${++homes}`);
      await lab.remote(['pull', `${lab.place}/study:1.1`, ...words], home);
      const { items } = (await done(rig, ['list', 'runs', '--json'], home)).json();
      return items.map(({ id }: { id: string }) => id).sort();
    };
    assert.deepEqual(await got(), [first, failed, second].sort());
    assert.deepEqual(await got('--history', 'all'), [first, failed, second].sort());
    assert.deepEqual(await got('--history', 'none'), []);
    assert.deepEqual(await got('--history', 'latest'), [second]);
    assert.deepEqual(await got('--history', failed), [failed]);
    const nobody = '00000000-0000-7000-8000-000000000000';
    await refused(rig, rig.path('reader'), ['pull', `${lab.place}/study:1.1`, '--history', nobody], {
      code: 'SAME1608',
      exit: 3,
    });
  });

  test('with a run that breaks a clause is refused whole, and works without runs', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const [, { bytes }] = [...lab.stored().manifests].find(([, { parsed }]) => parsed.artifactType === RUN)!;
    const broken = JSON.parse(bytes.toString());
    const layer = registry.content.blob('lab/study', '{"kind":"Run"}', broken.layers[0].mediaType);
    const { digest } = registry.content.manifest(
      'lab/study',
      Buffer.from(canonical({ ...broken, layers: [layer] })),
    );
    await refused(rig, rig.path('reader'), ['pull', `${lab.place}/study:1.0`], {
      code: 'SAME1302',
      exit: 7,
      hint: '--history none',
    });
    assert.ok(digest);
    await lab.remote(['pull', `${lab.place}/study:1.0`, '--history', 'none'], rig.path('reader'));
  });

  test('of what was pushed again with more data gets all of it', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const data = { one: 'first\n', two: 'second\n' };
    const declared = Object.entries(data).map(
      ([name, text]) =>
        `  ${name}: {uri: "https://data.invalid/${name}", digest: "${digestOf(Buffer.from(text))}", carry: ${name === 'one' ? 'embed' : 'pointer'}}`,
    );
    await created(rig, study.replace('parameters:', `data:\n${declared.join('\n')}\nparameters:`));
    for (const text of Object.values(data)) store(rig.home, text);
    await lab.remote(['push', 'study:1.0', lab.place]);
    await lab.remote(['push', 'study:1.0', lab.place, '--with-data']);
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    for (const text of Object.values(data)) {
      const hex = digestOf(Buffer.from(text)).slice('sha256:'.length);
      assert.equal(readFileSync(join(reader, 'content/blobs/sha256', hex), 'utf8'), text);
    }
  });

  test('of two records of one run takes neither for the other', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const { manifests, blobs } = lab.stored();
    const [first, { bytes }] = [...manifests].find(([, { parsed }]) => parsed.artifactType === RUN)!;
    const other = JSON.parse(bytes.toString());
    const record = JSON.parse(blobs.get(other.layers[0].digest)!.toString());
    const said = canonical({ ...record, warnings: ['another'] });
    const layer = registry.content.blob('lab/study', said, other.layers[0].mediaType);
    registry.content.manifest('lab/study', Buffer.from(canonical({ ...other, layers: [layer] })));
    const pull = ['pull', `${lab.place}/study:1.0`];
    const reader = rig.path('reader');
    await refused(rig, reader, pull, { code: 'SAME1302', exit: 7, hint: '--history none' });
    await refused(rig, reader, [...pull, '--history', run], { code: 'SAME1608', exit: 3, message: '2 runs' });
    manifests.delete(first);
    await refused(rig, rig.home, pull, {
      code: 'SAME1609',
      exit: 4,
      message: `run ${run} of ${lab.place}/study is here already with another record, your own`,
      hint: '--history none',
    });
  });

  test('leaves referrers of other kinds where they are, and names their types', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const program = lab.stored().tags.get('1.0')!;
    const config = registry.content.blob('lab/study', '{}', 'application/vnd.oci.empty.v1+json');
    registry.content.manifest('lab/study', {
      schemaVersion: 2,
      mediaType,
      artifactType: 'application/vnd.example.sbom',
      config,
      layers: [config],
      subject: { mediaType, digest: program, size: lab.stored().manifests.get(program)!.bytes.length },
    });
    const { stderr } = await lab.remote(['pull', `${lab.place}/study:1.0`], rig.path('reader'));
    assert.match(stderr, /application\/vnd\.example\.sbom/);
    assert.equal(pinIn(rig.path('reader')).digest, program);
  });

  test('is what create does of an address in a registry', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const reader = rig.path('reader');
    await lab.remote(['create', 'program', '-f', `${lab.place}/study:1.0`], reader);
    assert.equal(pinIn(reader).pin, 'hard');
    assert.equal(pinIn(reader).digest, pinIn(rig.home).digest);
    const { items } = (await done(rig, ['list', 'runs', '--json'], reader)).json();
    assert.deepEqual(
      items.map(({ id }: { id: string }) => id),
      [run],
    );
  });
});

describe('a copy', () => {
  test('between registry and bundle changes no byte and uses no home', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    const exported = (await done(rig, ['export', '-n', 'study:1.0', '-o', 'a.tgz', '--json'])).json();
    const nowhere = rig.path('nowhere');
    await lab.remote(['copy', 'a.tgz', `${lab.place}/study:1.0`], nowhere);
    await lab.remote(['copy', `${lab.place}/study:1.0`, `oci://${registry.host}/second/study:1.0`], nowhere);
    await lab.remote(['copy', `oci://${registry.host}/second/study:1.0`, 'b.tgz'], nowhere);
    assert.ok(readFileSync(rig.path('b.tgz')).equals(readFileSync(rig.path('a.tgz'))));
    const first = lab.stored();
    const second = registry.content.repository('second/study');
    assert.deepEqual([...second.manifests.keys()].sort(), [...first.manifests.keys()].sort());
    assert.deepEqual([...second.blobs.keys()].sort(), [...first.blobs.keys()].sort());
    assert.equal(second.tags.get('1.0'), exported.digests.program);
    assert.deepEqual(exported.runs, [run]);
    assert.throws(() => pinIn(nowhere));
  });
});

describe('plain HTTP', () => {
  test('is spoken only where the user asks for it, to this machine too', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    registry.log.length = 0;
    const elsewhere = { cwd: rig.path('study') };
    for (const words of [
      ['pull', `${lab.place}/study:1.0`],
      ['push', 'study:1.0'],
      ['list', 'tags', `${lab.place}/study`],
    ]) {
      const wanted = { code: 'SAME1801', exit: 6, hint: '--plain-http', ...elsewhere };
      await assertRefused(rig, words, wanted);
    }
    assert.deepEqual(registry.log, []);
    await lab.remote(['list', 'tags', `${lab.place}/study`]);
    assert.ok(registry.log.length > 0);
  });
});

describe('a limit', () => {
  test('holds for what is pulled, before any of its files come, and is raised by the user alone', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    const reader = rig.path('reader');
    const pull = ['pull', `${lab.place}/study:1.0`];
    registry.log.length = 0;
    await refused(rig, reader, [...pull, '--limit', 'unpacked=1Ki'], {
      code: 'SAME1304',
      exit: 7,
      hint: '--limit unpacked=',
    });
    const layers = [...lab.stored().manifests.get(pinIn(rig.home).digest)!.parsed.layers!];
    for (const { digest } of layers)
      assert.deepEqual(registry.asked(undefined, new RegExp(`/blobs/${digest}$`)), []);
    await refused(rig, reader, [...pull, '--limit', 'ratio=5000'], { code: 'SAME1902', place: '--limit' });
    await lab.remote([...pull, '--limit', 'unpacked=1Mi'], reader);
    await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=3']);
    await ran(rig, 'study:1.0', 4);
    await lab.remote(['push', 'study:1.1', lab.place, '--history', 'all']);
    const second = ['pull', `${lab.place}/study:1.1`, '--limit', 'entries=3'];
    await refused(rig, rig.path('third'), second, {
      code: 'SAME1304',
      exit: 7,
      message: 'more than 3 objects belong to it',
    });
    const copy = ['copy', `${lab.place}/study:1.0`, `oci://${registry.host}/second`];
    await refused(rig, reader, [...copy, '--limit', 'unpacked=1Mi'], {
      code: 'SAME1902',
      message: 'between registries no layer is looked into',
    });
    await refused(rig, reader, [...copy, '--limit', 'json=1'], { code: 'SAME1304', exit: 7 });
  });
});

/** Puts a blob into a home, as fetching it would. */
function store(home: string, text: string): void {
  const hex = digestOf(Buffer.from(text)).slice('sha256:'.length);
  writeFileSync(join(home, 'content/blobs/sha256', hex), text);
}

/** JSON with sorted keys: of ASCII text, RFC 8785. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}
