import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { writeManyRuns } from '../../bench/many-runs.ts';
import { minor } from '../environments/wheels.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const NOW = ['--older-than', '0s'];

let rig: Rig;
beforeEach(() => {
  rig = openRig();
});
afterEach(() => rig[Symbol.dispose]());

const blobs = () => join(rig.home, 'content/blobs/sha256');
const packs = () =>
  readdirSync(join(rig.home, 'runs'), { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.startsWith('pack-'))
    .map(({ parentPath, name }) => join(parentPath, name));
const stored = () => readdirSync(blobs()).sort();
const hexOf = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Puts a blob into the store that nothing names, as a program leaves it that was deleted. */
function orphan(bytes: string): string {
  const hex = hexOf(bytes);
  mkdirSync(blobs(), { recursive: true });
  writeFileSync(join(blobs(), hex), bytes, { mode: 0o444 });
  return hex;
}

async function ok(words: string[], env?: Record<string, string>) {
  const ended = await rig.same(words, env ? { env } : {});
  assert.equal(ended.code, 0, `same ${words.join(' ')}: ${ended.stderr}`);
  return ended;
}

/** A stored program of two steps, and a run of it. */
async function study(version = '1.0'): Promise<void> {
  rig.write({
    'study/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "${version}"}
data: {table: {uri: table.txt}}
pipeline:
  steps:
    make:
      run: mkdir -p "$SAME_OUT/tree/sub" && cp "$SAME_IN/table" "$SAME_OUT/tree/sub/a" && echo ${version} > "$SAME_OUT/tree/b"
      inputs: {table: {data: table}}
      outputs: {tree: {kind: dataset}}
    read:
      run: cat "$SAME_IN/tree/sub/a" "$SAME_IN/tree/b" > "$SAME_OUT/all"
      inputs: {tree: {from: make.tree}}
      outputs: {all: {}}
`,
    'study/table.txt': '1 2 3\n',
    'study/code.sh': 'echo\n',
  });
  await ok(['create', '-f', 'study']);
}

describe('same gc', () => {
  test('says by which words what it would remove goes, and by these it does', async () => {
    orphan('nobody names this, and it is young');
    const dry = await ok(['gc', '--dry-run', ...NOW, '--unused-for', '7d']);
    const [, words] = /^remove it with: same (.+)$/m.exec(dry.stderr) ?? [];
    assert.equal(words, 'gc --older-than 0s --unused-for 7d');
    const gone = await ok(words!.split(' '));
    assert.equal(gone.stdout.replace('removed', 'would go'), dry.stdout);
    assert.deepEqual(stored(), []);
  });

  test('keeps everything that a pin, a run and its record lead to, and removes what nothing names', async () => {
    await study();
    await ok(['run', 'study:1.0']);
    const before = stored();
    const waste = orphan('nobody names this');
    const { dryRun, blobs: gone, kept } = (await ok(['gc', ...NOW, '--dry-run', '--json'])).json();
    assert.deepEqual([dryRun, gone, kept.count], [true, { count: 1, sizeBytes: 17 }, before.length]);
    assert.ok(stored().includes(waste));
    assert.equal((await ok(['gc', ...NOW])).stdout, '17 B removed\n');
    assert.deepEqual(stored(), before);
    assert.equal((await ok(['verify', 'integrity'])).stdout, 'the home is whole\n');
    assert.equal((await ok(['gc', ...NOW])).stdout, '0 B removed\n');
  });

  test('leaves content alone that is young', async () => {
    const waste = orphan('just stored');
    await ok(['gc']);
    assert.ok(stored().includes(waste));
  });

  test('removes a program that was deleted, with its history, and not what a run of it still names', async () => {
    await study('1.0');
    await ok(['run', 'study:1.0']);
    const named = stored();
    await study('2.0');
    await ok(['delete', 'study:2.0']);
    await ok(['gc', ...NOW]);
    assert.deepEqual(stored(), named);
    await ok(['delete', 'study:1.0']);
    await ok(['gc', ...NOW]);
    assert.deepEqual(stored(), named);
    const { items } = (await ok(['list', 'runs', '--json'])).json();
    await ok(['delete', 'run', items[0].id]);
    await ok(['gc', ...NOW]);
    assert.deepEqual(stored(), []);
  });

  test('forgets results of steps whose content it removed, and the steps run again', async () => {
    await study();
    const first = (await ok(['run', 'study:1.0', '--json'])).json();
    await ok(['delete', 'run', first.id]);
    const { results } = (await ok(['gc', ...NOW, '--json'])).json();
    assert.equal(results, 2);
    const again = (await ok(['run', 'study:1.0', '--json'])).json();
    assert.deepEqual(
      again.steps.map((step: { cached: boolean }) => step.cached),
      [false, false],
    );
  });

  test('removes what nothing names although runs cannot be packed, and says so', async () => {
    await study();
    const waste = orphan('nobody names this');
    const pack = `pack-${'0'.repeat(12)}-${'f'.repeat(12)}-${'0'.repeat(32)}.tar`;
    mkdirSync(join(rig.home, 'runs/2025/09', pack), { recursive: true });
    const { stdout, stderr } = await ok(['gc', ...NOW]);
    assert.equal(stdout, '17 B removed\n');
    assert.equal(
      stderr.match(/not all runs could be packed, they stay as they are: EISDIR/g)?.length,
      1,
      stderr,
    );
    assert.ok(!stored().includes(waste));
  });

  test('packs runs in the end that could not be packed at first', async () => {
    writeManyRuns(rig.home, 64);
    const [pack] = packs();
    assert.equal(spawnSync('tar', ['xf', pack!, '-C', join(pack!, '..')]).status, 0);
    rmSync(pack!);
    const id = readdirSync(join(pack!, '..')).sort()[0];
    // In the way of the first run that is taken, until leftovers are removed.
    mkdirSync(join(rig.home, `runs/.deleted-${id}/x`), { recursive: true });
    const { stderr } = await ok(['gc']);
    assert.match(stderr, /runs +64 packed into 0 files/);
    assert.doesNotMatch(stderr, /could be packed/);
    assert.equal(packs().length, 1);
    assert.equal((await ok(['list', 'runs', '--json'])).json().total, 64);
  });

  test('leaves results alone whose content stays', async () => {
    await study();
    await ok(['run', 'study:1.0']);
    await ok(['gc', ...NOW]);
    const again = (await ok(['run', 'study:1.0', '--json'])).json();
    assert.deepEqual(
      again.steps.map((step: { cached: boolean }) => step.cached),
      [true, true],
    );
  });

  test('takes nothing that was used since a command began that is still at work', async () => {
    rig.write({
      'slow/same.yaml': manifest(
        'run: touch "$HERE/up"; while [ ! -e "$HERE/on" ]; do sleep 0.05; done',
        `environments: {default: {system: true, variables: {HERE: "${rig.root}"}}}`,
      ),
    });
    const { ended } = rig.start(['run', '-f', 'slow']);
    while (!existsSync(rig.path('up'))) await new Promise((done) => setImmediate(done));
    const waste = orphan('stored while a run goes on');
    const before = stored();
    await ok(['gc', ...NOW]);
    assert.deepEqual(stored(), before);
    writeFileSync(rig.path('on'), '');
    assert.equal((await ended).code, 0);
    await ok(['gc', ...NOW]);
    assert.ok(!stored().includes(waste));
    assert.equal((await ok(['verify', 'integrity'])).stdout, 'the home is whole\n');
  });

  test('takes up what an earlier collection was killed at, and commands find what that had put aside', async () => {
    await study();
    const aside = join(rig.home, 'content/leaving');
    mkdirSync(aside);
    const all = stored();
    for (const hex of all) renameSync(join(blobs(), hex), join(aside, hex));
    await ok(['run', 'study:1.0']);
    rig.write({ 'home/content/leaving/x': '' });
    const lock = join(rig.home, 'content/collecting.json');
    writeFileSync(lock, 'no owner');
    await ok(['gc', ...NOW]);
    assert.deepEqual(readdirSync(aside), []);
    assert.ok(all.every((hex) => existsSync(join(blobs(), hex))));
    assert.ok(!existsSync(lock));
  });

  test('lets nobody collect beside another that lives', async () => {
    const script = `import { thisProcess } from '${new URL('../../src/host/process-identity.ts', import.meta.url)}';
      process.stdout.write(JSON.stringify(thisProcess())); process.stdin.resume();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const owner = await new Promise<Buffer>((done) => child.stdout.once('data', done));
    mkdirSync(join(rig.home, 'content'), { recursive: true });
    writeFileSync(join(rig.home, 'content/collecting.json'), owner);
    const refused = await rig.same(['gc']);
    child.kill();
    assert.match(refused.stderr, /SAME1405 another same gc is at work in this home/);
    assert.equal(refused.code, 4);
  });

  test('removes what commands left that were killed', async () => {
    await study();
    const { child, ended } = rig.start(['run', 'study:1.0']);
    while (!existsSync(join(rig.home, 'work')) || readdirSync(join(rig.home, 'work')).length === 0)
      await new Promise((done) => setImmediate(done));
    child.kill('SIGKILL');
    await ended;
    mkdirSync(join(rig.home, 'runs/.deleted-x'), { recursive: true });
    mkdirSync(join(rig.home, 'environments/.leaving-x'), { recursive: true });
    const { leftovers } = (await ok(['gc', '--json'])).json();
    assert.ok(leftovers.count >= 1, JSON.stringify(leftovers));
    assert.deepEqual(readdirSync(join(rig.home, 'work')), []);
    assert.ok(!existsSync(join(rig.home, 'runs/.deleted-x')));
    assert.ok(!existsSync(join(rig.home, 'environments/.leaving-x')));
  });

  test('removes an environment that was not used for long, and the next run makes it again', async () => {
    rig.write({
      'python/same.yaml': manifest(
        'run: [python, -c, "print(1)"]',
        `environments: {default: {python: {version: "${minor}"}}}`,
      ),
    });
    await ok(['create', '-f', 'python']);
    assert.match(
      (await ok(['build', 'environment', 'study:1.0'])).stdout,
      /^default is ready: python \(lock:sha256:/,
    );
    const [built] = (await ok(['list', 'environments', '--json'])).json().items;
    assert.deepEqual([built.kind, built.programs], ['python', ['study:1.0 default']]);
    assert.ok(built.sizeBytes > 0);
    await ok(['gc']);
    assert.equal((await ok(['list', 'environments', '--json'])).json().items.length, 1);
    const { environments } = (await ok(['gc', '--unused-for', '0s', '--json'])).json();
    assert.deepEqual(
      environments.map(({ name }: { name: string }) => name),
      [built.name],
    );
    assert.equal((await ok(['list', 'environments', '--json'])).json().items.length, 0);
    await ok(['run', 'study:1.0']);
    assert.equal((await ok(['list', 'environments', '--json'])).json().items.length, 1);
  });

  test('loses nothing of programs and runs that are made, deleted and collected all at once', async () => {
    await study();
    const work = async (number: number) => {
      const name = `p${number}`;
      for (let round = 0; round < 3; round++) {
        rig.write({
          [`${name}/same.yaml`]: manifest('run: cat table.txt > "$SAME_OUT/all"\noutputs: {all: {}}').replace(
            'name: study',
            `name: ${name}`,
          ),
          [`${name}/table.txt`]: '1 2 3\n',
        });
        await ok(['create', '-f', name]);
        const { id } = (await ok(['run', name, '--json'])).json();
        if (round === 2) return;
        await ok(['delete', 'run', id]);
        await ok(['delete', `${name}:1.0`]);
      }
    };
    let busy = true;
    const collecting = (async () => {
      while (busy) await ok(['gc', ...NOW]);
    })();
    await Promise.all([work(1), work(2)]);
    busy = false;
    await collecting;
    assert.equal((await ok(['verify', 'integrity'])).stdout, 'the home is whole\n');
    await ok(['gc', ...NOW]);
    assert.equal((await ok(['verify', 'integrity'])).stdout, 'the home is whole\n');
    assert.equal((await ok(['list', 'programs', '--json'])).json().items.length, 3);
  });

  test('refuses durations that are none', async () => {
    const refused = await rig.same(['gc', '--unused-for', 'long']);
    assert.match(refused.stderr, /SAME1902 --unused-for takes a duration, got "long"/);
  });
});
