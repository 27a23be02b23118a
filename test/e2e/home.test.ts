import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Mounts, openMounts, unavailable } from './mounts.ts';
import { type Ended, manifest, openRig, type Rig, type RunOptions } from './rig.ts';

const mountless = unavailable();
// In continuous integration nothing is skipped: there a machine that cannot mount is a failure.
const skip = process.env.CI ? false : (mountless ?? false);

const names = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

/** Blobs, names and work: nothing of them is half there. */
function assertWhole(home: string): void {
  assert.deepEqual(names(join(home, 'work')), []);
  assert.deepEqual(names(join(home, 'content/ingest')), []);
  const leftovers = names(home).length === 0 ? [] : readdirSync(home, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    leftovers.filter((path) => /\.tmp-|\.lock$/.test(path) && !path.startsWith('cache/')),
    [],
  );
}

function assertRefused({ code, stderr, stdout }: Ended, error: string, exit: number): void {
  assert.match(stderr, new RegExp(`^${error} `, 'm'), stderr || stdout);
  assert.doesNotMatch(stderr, /SAME7001|\n {4}at /);
  assert.equal(code, exit, stderr);
}

async function works(rig: Rig, words: string[], options?: RunOptions): Promise<Ended> {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

const create = ['create', 'program', '-f', 'study'];
const small = { 'study/same.yaml': manifest('run: [echo, done]') };

/** What a user sees of a home. */
async function listingOf(rig: Rig, env: RunOptions['env'] = {}): Promise<unknown[]> {
  const commands = [
    ['list', '--json'],
    ['list', 'runs', '--json'],
    ['list'],
    ['list', 'runs'],
    ['show', 'run', 'latest', '--json'],
    ['show', 'program', 'study:1.0', '--json'],
    ['logs', 'latest'],
  ];
  const seen: unknown[] = [];
  for (const words of commands) {
    const { stdout, code, stderr } = await rig.same(words, { env });
    assert.equal(code, 0, stderr);
    seen.push(stdout);
  }
  return seen;
}

describe('a home that cannot be written', { skip }, () => {
  it('is SAME1401 and exit 5 for every command that writes, and readable for those that read', async () => {
    assert.equal(mountless, undefined);
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write(small);
    await works(rig, create);
    await works(rig, ['run', 'program', 'study:1.0']);
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const before = readdirSync(rig.home, { recursive: true, encoding: 'utf8' }).sort();
    mounts.shell(`mount --bind ${rig.home} ${rig.home} && mount -o remount,bind,ro ${rig.home}`);
    const { under } = mounts;
    rig.write({ 'study/same.yaml': manifest('run: [echo, other]').replace('"1.0"', '"2.0"') });
    const writing = [
      create,
      ['run', 'program', 'study:1.0'],
      ['run', 'program', '-f', 'study'],
      ['import', 'study.tgz'],
      ['delete', 'program', 'study:1.0'],
      ['delete', 'run', 'latest'],
      ['commit', 'program', 'study:1.0', '--as', '1.1'],
    ];
    for (const words of writing) assertRefused(await rig.same(words, { under }), 'SAME1401', 5);
    for (const words of [
      ['list'],
      ['list', 'runs'],
      ['show', 'program', 'study:1.0'],
      ['logs', 'latest'],
      ['version'],
    ]) {
      await works(rig, words, { under });
    }
    assert.deepEqual(readdirSync(rig.home, { recursive: true, encoding: 'utf8' }).sort(), before);
    await works(rig, create);
  });

  it('that does not exist and cannot be made is SAME1401', async () => {
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write({ ...small, 'disk/x': '' });
    mounts.shell(`mount -t tmpfs -o ro none ${rig.path('disk')}`);
    const options = { under: mounts.under, env: { SAME_HOME: rig.path('disk/deep/home') } };
    assertRefused(await rig.same(create, options), 'SAME1401', 5);
    assertRefused(await rig.same(['run', 'program', '-f', 'study'], options), 'SAME1401', 5);
  });
});

describe('a home that is a file', () => {
  it('is SAME1401 and exit 5, and the file stays as it was', async () => {
    using rig = openRig();
    rig.write({ ...small, file: 'precious' });
    await works(rig, create);
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    for (const home of [rig.path('file'), rig.path('file/below')]) {
      for (const words of [create, ['run', 'program', '-f', 'study'], ['import', 'study.tgz']]) {
        assertRefused(await rig.same(words, { env: { SAME_HOME: home } }), 'SAME1401', 5);
      }
    }
    assert.equal(readFileSync(rig.path('file'), 'utf8'), 'precious');
  });
});

describe('a full disk', { skip }, () => {
  /** A rig whose home is a small disk of its own. */
  const onSmallDisk = (rig: Rig, mounts: Mounts, megabytes: number): RunOptions => {
    mkdirSync(rig.home, { recursive: true });
    mounts.shell(`mount -t tmpfs -o size=${megabytes}m none ${rig.home}`);
    return { under: mounts.under };
  };
  const grow = (rig: Rig, mounts: Mounts) => mounts.shell(`mount -o remount,size=200m ${rig.home}`);

  it('during create is SAME1402 and exit 5, leaves nothing half-written, and create works after space was made', async () => {
    assert.equal(mountless, undefined);
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write({ ...small, 'study/big.bin': randomBytes(12_000_000) });
    const options = onSmallDisk(rig, mounts, 8);
    assertRefused(await rig.same(create, options), 'SAME1402', 5);
    assertWhole(mounts.seen(rig.home));
    assert.deepEqual((await works(rig, ['list', '--json'], options)).json().items, []);
    grow(rig, mounts);
    await works(rig, create, options);
    await works(rig, ['run', 'program', 'study:1.0'], options);
  });

  it('without a free byte refuses to create or run, and still lists', async () => {
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write({ ...small, 'other/same.yaml': manifest('run: [echo, other]').replace('study', 'other') });
    const options = onSmallDisk(rig, mounts, 8);
    await works(rig, create, options);
    mounts.shell(`head -c 100000000 /dev/zero > ${rig.home}/fill 2> /dev/null || true`);
    assertRefused(await rig.same(['create', 'program', '-f', 'other'], options), 'SAME1402', 5);
    assertRefused(await rig.same(['run', 'program', 'study:1.0'], options), 'SAME1402', 5);
    const { items } = (await works(rig, ['list', '--json'], options)).json();
    assert.deepEqual(
      items.map(({ name }: { name: string }) => name),
      ['study'],
    );
    mounts.shell(`rm ${rig.home}/fill`);
    assertWhole(mounts.seen(rig.home));
    await works(rig, ['create', 'program', '-f', 'other'], options);
    await works(rig, ['run', 'program', 'study:1.0'], options);
  });

  it('while the results of a step are stored is SAME1402 and exit 5, the run is recorded as failed, and the next works', async () => {
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write({
      'study/same.yaml': manifest(
        "run: 'head -c {{parameters.size}} /dev/urandom > {{outputs.o}}; head -c {{parameters.size}} /dev/zero'\noutputs: {o: {}}",
        'parameters: {size: {type: integer, default: 1000}}',
      ),
    });
    // The output and the log fit, the log once more in the store does not.
    const options = { ...onSmallDisk(rig, mounts, 10), env: { NODE_DISABLE_COMPILE_CACHE: '1' } };
    await works(rig, create, options);
    assertRefused(await rig.same(['run', 'program', 'study:1.0', '--size=4000000'], options), 'SAME1402', 5);
    assertWhole(mounts.seen(rig.home));
    const [record] = (await works(rig, ['list', 'runs', '--json'], options)).json().items;
    assert.equal(record.status, 'failed');
    assert.equal(record.error.code, 'SAME1402');
    grow(rig, mounts);
    const ended = await works(rig, ['run', 'program', 'study:1.0', '--size=4000000', '--json'], options);
    assert.equal(ended.json().steps[0].outputs.o.sizeBytes, 4_000_000);
  });

  it('during export is SAME1402 and exit 5, leaves no file, and export works elsewhere', async () => {
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    rig.write({ ...small, 'study/big.bin': randomBytes(4_000_000), 'out/x': '' });
    await works(rig, create);
    mounts.shell(`mount -t tmpfs -o size=1m none ${rig.path('out')}`);
    const words = ['export', 'program', '-n', 'study:1.0', '-o'];
    const { under } = mounts;
    assertRefused(await rig.same([...words, 'out/study.tgz'], { under }), 'SAME1402', 5);
    assert.deepEqual(names(mounts.seen(rig.path('out'))), []);
    assertWhole(rig.home);
    mounts.shell(`mount -o remount,size=100m ${rig.path('out')}`);
    await works(rig, [...words, 'out/study.tgz'], { under });
    await works(rig, [...words, 'study.tgz']);
    assert.deepEqual(
      readFileSync(mounts.seen(rig.path('out/study.tgz'))),
      readFileSync(rig.path('study.tgz')),
    );
  });

  it('during import is SAME1402 and exit 5, leaves no program, and import works after space was made', async () => {
    using rig = openRig();
    using mounts = await openMounts(rig.root);
    using author = openRig();
    author.write({ ...small, 'study/big.bin': randomBytes(12_000_000) });
    await works(author, create);
    await works(author, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const options = onSmallDisk(rig, mounts, 8);
    const words = ['import', author.path('study.tgz')];
    assertRefused(await rig.same(words, options), 'SAME1402', 5);
    assertWhole(mounts.seen(rig.home));
    assert.deepEqual((await works(rig, ['list', '--json'], options)).json().items, []);
    grow(rig, mounts);
    await works(rig, words, options);
  });
});

describe('many commands at once on one home', () => {
  const many = Array.from({ length: 12 }, (_, i) => i);
  const all = (rig: Rig, words: (i: number) => string[]) => Promise.all(many.map((i) => rig.same(words(i))));

  it('create the same program once and different ones each', async () => {
    using rig = openRig();
    rig.write({ ...small, 'study/data.bin': randomBytes(100_000) });
    for (const i of many)
      rig.write({ [`p${i}/same.yaml`]: manifest(`run: [echo, "${i}"]`).replace('study', `p${i}`) });
    const [same, different] = await Promise.all([
      all(rig, () => [...create, '--json']),
      all(rig, (i) => ['create', 'program', '-f', `p${i}`]),
    ]);
    for (const { code, stderr } of [...same, ...different]) assert.equal(code, 0, stderr);
    assert.equal(new Set(same.map((ended) => ended.json().digest)).size, 1);
    const { items } = (await works(rig, ['list', '--json'])).json();
    assert.deepEqual(
      items.map(({ name }: { name: string }) => name).sort(),
      [...many.map((i) => `p${i}`), 'study'].sort(),
    );
    assertWhole(rig.home);
  });

  it('pin one name to different content: one of them stands, and none once it was exported', async () => {
    using rig = openRig();
    for (const i of many) rig.write({ [`p${i}/same.yaml`]: manifest(`run: [echo, "${i}"]`) });
    const soft = await all(rig, (i) => ['create', 'program', '-f', `p${i}`, '--json']);
    for (const { code, stderr } of soft) assert.equal(code, 0, stderr);
    const digests = soft.map((ended) => ended.json().digest);
    assert.equal(new Set(digests).size, many.length);
    const pinned = async () => (await works(rig, ['list', '--json'])).json().items;
    const [first, ...others] = await pinned();
    assert.deepEqual(others, []);
    assert.ok(digests.includes(first.digest));
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const hard = await all(rig, (i) => ['create', 'program', '-f', `p${i}`]);
    for (const [i, ended] of hard.entries()) {
      if (digests[i] === first.digest) assert.equal(ended.code, 0, ended.stderr);
      else assertRefused(ended, 'SAME1206', 4);
    }
    assert.equal((await pinned())[0].digest, first.digest);
    assertWhole(rig.home);
    await works(rig, ['run', 'program', 'study:1.0']);
  });

  it('run one program and lose none of the runs', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest(
        "run: 'echo {{parameters.n}} > {{outputs.o}}'\noutputs: {o: {}}",
        'parameters: {n: {type: integer, default: 0}}',
      ),
    });
    await works(rig, create);
    const ended = await all(rig, (i) => ['run', 'program', 'study:1.0', `--n=${i % 4}`, '--json']);
    for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
    const records = ended.map((run) => run.json());
    const { items } = (await works(rig, ['list', 'runs', '--json'])).json();
    assert.deepEqual(
      items.map(({ id }: { id: string }) => id),
      records
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    for (const [i, { parameters, steps }] of records.entries()) {
      assert.equal(parameters.n.value, i % 4);
      const blob = join(rig.home, 'content/blobs/sha256', steps[0].outputs.o.digest.slice(7));
      assert.equal(readFileSync(blob, 'utf8'), `${i % 4}\n`);
    }
    assertWhole(rig.home);
  });

  it('export to one file and to many, all of the same bytes', async () => {
    using rig = openRig();
    rig.write({ ...small, 'study/data.bin': randomBytes(1_000_000) });
    await works(rig, create);
    await works(rig, ['run', 'program', 'study:1.0']);
    const [one, each] = await Promise.all([
      all(rig, () => ['export', 'program', '-n', 'study:1.0', '-o', 'one/study.tgz']),
      all(rig, (i) => ['export', 'program', '-n', 'study:1.0', '-o', `many/${i}.tgz`]),
    ]);
    for (const { code, stderr } of [...one, ...each]) assert.equal(code, 0, stderr);
    const bytes = readFileSync(rig.path('one/study.tgz'));
    assert.deepEqual(names(rig.path('one')), ['study.tgz']);
    assert.equal(names(rig.path('many')).length, many.length);
    for (const i of many) assert.ok(bytes.equals(readFileSync(rig.path('many', `${i}.tgz`))), `${i}.tgz`);
    assertWhole(rig.home);
  });

  it('create, run, export, import, list and delete at the same time succeed or conflict cleanly', async () => {
    using rig = openRig();
    rig.write(small);
    await works(rig, create);
    await works(rig, ['run', 'program', 'study:1.0']);
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const kinds = [
      create,
      ['run', 'program', 'study:1.0'],
      ['export', 'program', '-n', 'study:1.0', '-o', 'again.tgz', '--history', 'none'],
      ['import', 'study.tgz'],
      ['list', 'runs', '--json'],
      ['run', 'program', '-f', 'study'],
    ];
    const ended = await all(rig, (i) => kinds[i % kinds.length]!);
    for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
    const { items } = (await works(rig, ['list', 'runs', '--json'])).json();
    assert.equal(items.length, 5);
    const { id } = items[0];
    const deleted = await all(rig, (i) => (i % 2 === 0 ? ['delete', 'run', id] : ['list', 'runs']));
    const outcomes = deleted.filter((_, i) => i % 2 === 0);
    assert.equal(outcomes.filter(({ code }) => code === 0).length, 1);
    for (const one of outcomes) if (one.code !== 0) assertRefused(one, 'SAME1608', 3);
    for (const [i, { code, stderr }] of deleted.entries()) if (i % 2 === 1) assert.equal(code, 0, stderr);
    assertWhole(rig.home);
  });
});

describe('a home that was copied to another place', () => {
  it('lists and shows the same, and runs and exports the same', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest("run: 'echo printed; echo out > {{outputs.o}}'\noutputs: {o: {}}"),
    });
    await works(rig, create);
    await works(rig, ['run', 'program', 'study:1.0']);
    rig.write({ 'fails/same.yaml': manifest('run: [sh, -c, "exit 3"]').replace('study', 'fails') });
    assert.equal((await rig.same(['run', 'program', '-f', 'fails'])).code, 1);
    await works(rig, ['run', 'program', 'study:1.0']);
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'here.tgz']);
    const elsewhere = rig.path('elsewhere/deep/home');
    for (const part of ['content', 'runs']) {
      cpSync(join(rig.home, part), join(elsewhere, part), { recursive: true, preserveTimestamps: false });
    }
    const env = { SAME_HOME: elsewhere };
    assert.deepEqual(await listingOf(rig, env), await listingOf(rig));
    await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'there.tgz'], { env });
    assert.deepEqual(readFileSync(rig.path('there.tgz')), readFileSync(rig.path('here.tgz')));
    const ended = await works(rig, ['run', 'program', 'study:1.0', '--json'], { env });
    const before = (await works(rig, ['show', 'run', 'latest', '--json'])).json();
    assert.equal(ended.json().display, before.display);
  });
});
