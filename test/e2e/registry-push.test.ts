import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { answers, type Misdeed, on } from '../components/faults.ts';
import { assertRefused } from './refusal.ts';
import { created, done, openLab, pinIn, RUN, ran, refused, study } from './registry-lab.ts';

describe('a push', () => {
  test('writes the objects of a bundle, byte for byte, and the tag after everything else', async () => {
    await using lab = await openLab();
    const { rig, place } = lab;
    const first = await ran(rig, 'study:1.0', 2);
    await done(rig, ['commit', 'study:1.0', '--as', '1.1+b', '--set', 'n=3']);
    const second = await ran(rig, 'study:1.1+b', 4);
    const chosen = ['--history', `${first},${second}`];
    await lab.remote(['push', 'study:1.1+b', place, ...chosen]);
    await done(rig, ['export', '-n', 'study:1.1+b', '--format', 'oci-dir', '-o', 'bundle', ...chosen]);
    const { manifests, blobs, tags } = lab.stored();
    const { manifests: listed } = JSON.parse(readFileSync(rig.path('bundle/index.json'), 'utf8'));
    assert.equal(listed.length, 5, 'program, ancestor, two runs, origin');
    assert.deepEqual([...manifests.keys()].sort(), digestsOf(listed));
    const names = readdirSync(rig.path('bundle/blobs/sha256')).map((hex) => `sha256:${hex}`);
    assert.deepEqual([...manifests.keys(), ...blobs.keys()].sort(), names.sort());
    for (const [digest, bytes] of [
      ...[...manifests].map(([digest, { bytes }]) => [digest, bytes] as const),
      ...blobs,
    ]) {
      assert.ok(bytes.equals(readFileSync(rig.path('bundle/blobs/sha256', digest.slice(7)))), digest);
    }
    assert.deepEqual([...tags], [['1.1_b', listed[0].digest]]);
    assert.equal(lab.writes().at(-1), 'PUT /v2/lab/study/manifests/1.1_b');
  });

  test('that ends early leaves no tag', async () => {
    await using lab = await openLab();
    await ran(lab.rig, 'study:1.0', 2);
    lab.registry.script(on('PUT', /\/manifests\/1\.0$/, answers(400, {}, 'full'), { times: 9 }));
    const ended = await lab.rig.same(['push', 'study:1.0', lab.place, '--plain-http']);
    assert.equal(ended.code, 6, ended.stderr);
    assert.match(ended.stderr, /^SAME1806 /m);
    assert.equal(lab.stored().tags.size, 0);
    assert.equal(lab.stored().manifests.size, 3, 'all but the tag was written before it');
  });

  test('of what is there already writes nothing', async () => {
    await using lab = await openLab();
    await ran(lab.rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const before = lab.writes().length;
    await lab.remote(['push', 'study:1.0', lab.place]);
    assert.deepEqual(lab.writes().slice(before), []);
  });

  test('commits nothing: a version that is not here is refused', async () => {
    await using lab = await openLab();
    await ran(lab.rig, 'study:1.0', 2);
    const words = ['push', 'study:1.1', lab.place];
    await refused(lab.rig, lab.rig.home, words, { code: 'SAME1204', exit: 3 });
    assert.deepEqual(lab.writes(), []);
  });

  test('without an address goes to where it or another version was last, else to the alias default, else nowhere', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    const words = ['push', 'study:1.0'];
    await refused(rig, rig.home, words, {
      code: 'SAME1902',
      hint: 'same create alias default oci://',
    });
    await done(rig, ['create', 'alias', 'default', `oci://${registry.host}/mine`]);
    await lab.remote(words);
    assert.deepEqual([...registry.content.repositories.keys()], ['mine/study']);
    await lab.remote(['push', 'study:1.0', lab.place]);
    await done(rig, ['commit', 'study:1.0', '--as', '2.0', '--set', 'n=9']);
    lab.stored().tags.clear();
    await lab.remote(words);
    assert.deepEqual([...lab.stored().tags.keys()], ['1.0']);
    // A version that was in no registry goes beside the one that was.
    await lab.remote(['push', 'study:2.0']);
    assert.deepEqual([...lab.stored().tags.keys()], ['1.0', '2.0']);
  });

  test('makes the pin hard and records registry and repository in it, without alias and tag', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    await done(rig, ['create', 'alias', 'ours', `oci://${registry.host}/Lab`]);
    assert.equal(pinIn(rig.home).pin, 'soft');
    await lab.remote(['push', 'study:1.0', 'oci://ours']);
    const { pin, registry: recorded } = pinIn(rig.home);
    assert.deepEqual({ pin, recorded }, { pin: 'hard', recorded: `oci://${registry.host}/lab/study` });
    await lab.remote(['pull', `${lab.place}/study:1.0`], rig.path('reader'));
    assert.equal(pinIn(rig.path('reader')).registry, `oci://${registry.host}/lab/study`);
    assert.equal(pinIn(rig.path('reader')).pin, 'hard');
  });
});

describe('a tag', () => {
  test('that leads to another digest is moved only by force, and nothing is written before', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    const theirs = lab.stored().tags.get('1.0')!;
    const other = rig.path('other');
    await created(rig, study.replace('default: 1', 'default: 5'), other);
    const before = lab.writes().length;
    const words = ['push', 'study:1.0', lab.place];
    const [finding] = await refused(rig, other, words, {
      code: 'SAME1804',
      exit: 4,
      message: theirs,
      hint: '--force',
    });
    const ours = pinIn(other).digest;
    assert.ok(finding!.message.includes(ours), finding!.message);
    assert.deepEqual(lab.writes().slice(before), []);
    await lab.remote([...words, '--force'], other);
    assert.equal(lab.stored().tags.get('1.0'), ours);
  });

  test('and a name that differ from those of the repository in spelling only are refused, by force too', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    await lab.remote(['push', 'study:1.0', lab.place]);
    const before = lab.writes().length;
    for (const [from, to] of [
      ['version: "1.0"', 'version: "1.0.0"'],
      ['name: study, version: "1.0"', 'name: Study, version: "3.0"'],
      ['name: study, version: "1.0"', 'name: STUDY, version: "1.0"'],
    ] as const) {
      const home = rig.path(`home of ${to}`);
      await created(rig, study.replace(from, to), home);
      const { name, version } = pinIn(home);
      for (const force of [[], ['--force']]) {
        const words = ['push', `${name}:${version}`, lab.place, ...force];
        await refused(rig, home, words, { code: 'SAME1207', exit: 4 });
      }
    }
    assert.deepEqual(lab.writes().slice(before), []);
  });

  test('of a list of referrers is no version: it is not pushed, not listed and not the highest', async () => {
    await using lab = await openLab({ referrers: 'none' });
    const { rig } = lab;
    const version = `sha256-${'a'.repeat(64)}`;
    await created(rig, study.replace('version: "1.0"', `version: "${version}"`), rig.path('other'));
    await refused(rig, rig.path('other'), ['push', `study:${version}`, lab.place], {
      code: 'SAME1202',
    });
    await ran(rig, 'study:1.0', 2);
    await lab.remote(['push', 'study:1.0', lab.place]);
    const { tags } = lab.stored();
    assert.ok([...tags.keys()].some((tag) => tag.startsWith('sha256-')));
    tags.set('latest', tags.get('1.0')!);
    tags.set(`sha512-${'f'.repeat(64)}.sig`, tags.get('1.0')!);
    tags.set('0.9_b', tags.get('1.0')!);
    const listed = (await lab.remote(['list', 'tags', `${lab.place}/study`])).stdout;
    assert.match(listed, /1\.0[\s\S]*0\.9\+b/);
    assert.doesNotMatch(listed, /sha(256|512)-|latest/);
    await lab.remote(['pull', `${lab.place}/study`], rig.path('reader'));
    assert.equal(pinIn(rig.path('reader')).version, '1.0');
    await refused(rig, rig.home, ['list', 'tags', `${lab.place}/none`], {
      code: 'SAME1803',
      exit: 3,
    });
  });
});

describe('the list of referrers under a tag', () => {
  test('names each with its kind and what is said of it, and keeps what others wrote', async () => {
    await using lab = await openLab({ referrers: 'none', subjectHeader: 'always' });
    const { rig, registry } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    const program = pinIn(rig.home).digest;
    const theirs = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${'9'.repeat(64)}`,
      size: 7,
      artifactType: 'application/vnd.example.sbom',
      'org.example.extra': true,
    };
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const tag = program.replace(':', '-');
    const before = { schemaVersion: 2, mediaType, manifests: [theirs] };
    registry.content.manifest('lab/study', before, { tag, mediaType });
    await lab.remote(['push', 'study:1.0', lab.place]);
    const { manifests, tags } = lab.stored();
    const list = manifests.get(tags.get(tag)!)!;
    assert.equal(list.mediaType, mediaType);
    const [first, ...ours] = JSON.parse(list.bytes.toString()).manifests;
    assert.deepEqual(first, theirs);
    assert.equal(ours.length, 2, 'the run and the origin');
    for (const { digest, ...descriptor } of ours) {
      const { bytes, mediaType, parsed } = manifests.get(digest)!;
      const { artifactType, annotations } = parsed;
      const said = annotations && Object.keys(annotations).length > 0 ? { annotations } : {};
      assert.deepEqual(descriptor, { mediaType, size: bytes.length, artifactType, ...said });
    }
    const listed = ours.find(({ artifactType }: { artifactType: string }) => artifactType === RUN);
    assert.equal(listed.annotations['dev.same.run.id'], run);
  });
});

describe('runs', () => {
  test('that a registry lists in part are found, each once, with those that the tag lists', async () => {
    await using lab = await openLab();
    const { rig, registry } = lab;
    const runs = [await ran(rig, 'study:1.0', 2), await ran(rig, 'study:1.0', 3)];
    const hidden = (entry: { annotations?: Record<string, string> }) =>
      entry.annotations?.['dev.same.run.id'] === runs[1];
    const partly: Misdeed = {
      change: (answer) => {
        const index = JSON.parse(answer.body!.toString());
        const manifests = index.manifests.filter((entry: object) => !hidden(entry));
        return { ...answer, body: Buffer.from(JSON.stringify({ ...index, manifests })) };
      },
    };
    registry.script(on('GET', /\/referrers\//, partly, { times: 999 }));
    await lab.remote(['push', 'study:1.0', lab.place, '--history', 'all']);
    const { manifests, tags } = lab.stored();
    const list = manifests.get(tags.get(pinIn(rig.home).digest.replace(':', '-'))!)!;
    assert.equal(
      JSON.parse(list.bytes.toString()).manifests.length,
      1,
      'what the registry lists is not repeated',
    );
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    const { items } = (await done(rig, ['list', 'runs', '--json'], reader)).json();
    assert.deepEqual(items.map(({ id }: { id: string }) => id).sort(), runs);
  });
});

describe('a run that is pushed later', () => {
  test('becomes a referrer of its program, which must be there, and changes no digest and no tag', async () => {
    await using lab = await openLab();
    const { rig } = lab;
    const run = await ran(rig, 'study:1.0', 2);
    const words = ['push', 'run', run, lab.place];
    await refused(rig, rig.home, words, { code: 'SAME1803', exit: 3 });
    assert.deepEqual(lab.writes(), []);
    await lab.remote(['push', 'study:1.0', lab.place, '--history', 'none']);
    const tags = [...lab.stored().tags];
    const manifests = lab.stored().manifests.size;
    await lab.remote(['push', 'run', run]);
    assert.deepEqual([...lab.stored().tags], tags);
    assert.equal(lab.stored().manifests.size, manifests + 1);
    const before = lab.writes().length;
    await lab.remote(['push', 'run', run]);
    assert.deepEqual(lab.writes().slice(before), []);
    const reader = rig.path('reader');
    await lab.remote(['pull', `${lab.place}/study:1.0`], reader);
    const { items } = (await done(rig, ['list', 'runs', '--json'], reader)).json();
    assert.deepEqual(
      items.map(({ id }: { id: string }) => id),
      [run],
    );
    const elsewhere = { cwd: rig.path('study'), env: { SAME_HOME: reader } };
    await assertRefused(rig, ['delete', 'run', run], { code: 'SAME1609', exit: 4, ...elsewhere });
  });
});

const digestsOf = (listed: { digest: string }[]): string[] => listed.map(({ digest }) => digest).sort();
