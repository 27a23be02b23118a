import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { isAlive, until } from '../components/facts.ts';
import { minor } from '../environments/wheels.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

/** Names below a directory, or none when it is not there; a directory may change while it is read. */
function below(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

const names = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

/** Nothing half-written, nothing left over. */
function assertClean(rig: Rig): void {
  assert.deepEqual(names(join(rig.home, 'work')), [], 'work directories are gone');
  assert.deepEqual(names(join(rig.home, 'content/ingest')), [], 'no blob is half stored');
  const leftovers = below(rig.root).filter((path) => /\.tmp-|\.lock$|\.deleted-/.test(path));
  assert.deepEqual(leftovers, []);
  for (const path of below(join(rig.home, 'content/refs'))) {
    const file = join(rig.home, 'content/refs', path);
    if (path.includes('/')) assert.equal(JSON.parse(readFileSync(file, 'utf8')).name, 'study');
  }
}

function assertInterrupted({ code, signal, stderr }: Ended): void {
  // Before it has its handlers, the signal ends it as it ends any process; a shell then says 130 too.
  if (signal !== null) assert.ok(signal === 'SIGINT' || signal === 'SIGTERM');
  else assert.equal(code, 130, stderr);
}

/** Starts a command, waits for a fact, interrupts it, and says how it ended; `undefined` when it ended too early. */
async function interrupt(
  rig: Rig,
  words: string[],
  what: string,
  fact: () => boolean,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Ended & { interrupted: boolean }> {
  const { child, ended } = rig.start(words);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await until(what, () => over || fact());
  const interrupted = !over && child.kill(signal);
  return { ...(await ended), interrupted };
}

function said(child: ChildProcess, text: string): () => boolean {
  let all = '';
  child.stderr!.on('data', (part) => {
    all += part;
  });
  return () => all.includes(text);
}

async function runsOf(rig: Rig): Promise<RunRecord[]> {
  const ended = await rig.same(['list', 'runs', '--json']);
  assert.equal(ended.code, 0, ended.stderr);
  return ended.json().items;
}

async function works(rig: Rig, words: string[]): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

/** A step that says it is there by a file, with the numbers of its processes, and then stays. */
const staying = (ready: string, before = ''): Record<string, string> => ({
  'same.yaml': manifest(
    'run: [sh, stay.sh, "{{parameters.stay}}"]',
    'parameters: {stay: {type: boolean, default: true}}',
  ),
  'stay.sh': `test "$1" = true || exit 0
${before}
sleep 1000 &
echo "$$ $!" > ${ready}.new
mv ${ready}.new ${ready}
while :; do sleep 0.05; done
`,
});

const pidsIn = (file: string): number[] => readFileSync(file, 'utf8').trim().split(' ').map(Number);

async function assertGone(pids: number[]): Promise<void> {
  assert.ok(pids.length > 0 && pids.every((pid) => pid > 1));
  for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
}

/** A rig with a stored program that stays; `ready` appears once its step does. */
async function openStaying(before = ''): Promise<Rig & { ready: string }> {
  const rig = openRig();
  const ready = rig.path('ready');
  rig.write(
    Object.fromEntries(Object.entries(staying(ready, before)).map(([name, text]) => [`study/${name}`, text])),
  );
  await works(rig, ['create', 'program', '-f', 'study']);
  return Object.assign(rig, { ready });
}

describe('Ctrl-C', () => {
  it('at any moment of create leaves no program or the whole one, and create works afterwards', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`study/data/${i}.bin`, randomBytes(150_000)]),
    );
    const moments: [what: string, fact: (rig: Rig) => boolean][] = [
      ['it was started', () => true],
      ['there is a home', (rig) => existsSync(rig.home)],
      ['there is a work directory', (rig) => names(join(rig.home, 'work')).length > 0],
      ['there is something in the work directory', (rig) => below(join(rig.home, 'work')).length > 1],
      ['a blob is being stored', (rig) => below(rig.home).some((path) => path.includes('/ingest/'))],
      ['a blob was stored', (rig) => below(rig.home).some((path) => path.includes('/sha256/'))],
      ['the name is being pinned', (rig) => existsSync(join(rig.home, 'content/refs'))],
    ];
    for (const [what, fact] of moments) {
      using rig = openRig();
      rig.write({ 'study/same.yaml': manifest('run: [echo, done]'), ...files });
      const ended = await interrupt(rig, ['create', 'program', '-f', 'study'], what, () => fact(rig));
      const { items } = (await works(rig, ['list', '--json'])).json();
      if (ended.code === 0) assert.equal(items.length, 1);
      else assertInterrupted(ended);
      if (what !== 'the name is being pinned') assert.ok(ended.interrupted, what);
      assertClean(rig);
      await works(rig, ['create', 'program', '-f', 'study']);
      await works(rig, ['run', 'program', 'study:1.0']);
    }
  });

  it('while an environment is built stops the build, and the next run builds it', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest(
        'run: [python, -c, "print(42)"]',
        `environments: {default: {python: {version: "${minor}", packages: []}}}`,
      ),
    });
    await works(rig, ['create', 'program', '-f', 'study']);
    const building = () => below(join(rig.home, 'environments')).some((path) => path.endsWith('pyvenv.cfg'));
    const ended = await interrupt(
      rig,
      ['run', 'program', 'study:1.0'],
      'python makes an environment',
      building,
    );
    assert.ok(ended.interrupted);
    assertInterrupted(ended);
    assertClean(rig);
    const left = readdirSync('/proc')
      .filter((pid) => /^[0-9]+$/.test(pid))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(rig.home);
        } catch {
          return false;
        }
      })
      .map(Number);
    for (const pid of left) await until(`process ${pid} of the build is gone`, () => !isAlive(pid));
    assert.deepEqual(await runsOf(rig), []);
    const next = await works(rig, ['run', 'program', 'study:1.0', '--json']);
    assert.equal(next.json().status, 'succeeded');
    assert.equal((await works(rig, ['logs', 'latest'])).stdout.includes('42'), true);
  });

  it('while a step runs ends it and its children, records the run as canceled, and leaves nothing', async () => {
    using rig = await openStaying();
    const ended = await interrupt(rig, ['run', 'program', 'study:1.0', '--json'], 'the step runs', () =>
      existsSync(rig.ready),
    );
    assertInterrupted(ended);
    assert.equal(ended.code, 130);
    await assertGone(pidsIn(rig.ready));
    const record = ended.json();
    assert.equal(record.status, 'canceled');
    assert.equal(record.error.code, 'SAME1607');
    assert.deepEqual(
      (await runsOf(rig)).map(({ status }) => status),
      ['canceled'],
    );
    assertClean(rig);
    await works(rig, ['run', 'program', 'study:1.0', '--no-stay']);
    await works(rig, ['delete', 'run', record.id]);
  });

  it('at any moment of many short steps starts no further one and keeps what was done', async () => {
    using rig = openRig();
    const steps = Array.from({ length: 25 }, (_, i) => {
      const from = i === 0 ? '' : `, inputs: {i: {from: s${i - 1}.o}}`;
      return `    s${i}: {run: 'echo ${i} > {{outputs.o}}', outputs: {o: {}}${from}}`;
    });
    rig.write({
      'study/same.yaml': `apiVersion: same/v1\nkind: Program\nmetadata: {name: study, version: "1.0"}\npipeline:\n  steps:\n${steps.join('\n')}\n`,
    });
    await works(rig, ['create', 'program', '-f', 'study']);
    const seen = new Set<string>();
    for (const lines of [1, 2, 3, 5, 8, 13, 21, 34]) {
      const journal = () => {
        const path = below(join(rig.home, 'runs')).find(
          (name) => name.endsWith('journal.jsonl') && !seen.has(name),
        );
        return path === undefined
          ? 0
          : readFileSync(join(rig.home, 'runs', path), 'utf8').split('\n').length - 1;
      };
      const ended = await interrupt(
        rig,
        ['run', 'program', 'study:1.0', '--json'],
        `its journal has ${lines} lines`,
        () => journal() >= lines,
      );
      for (const name of below(join(rig.home, 'runs'))) seen.add(name);
      assert.ok(ended.interrupted);
      assert.equal(ended.code, 130, ended.stderr);
      const record = ended.json();
      assert.equal(record.status, 'canceled');
      const statuses: string[] = record.steps.map(({ status }: { status: string }) => status);
      const done = statuses.lastIndexOf('succeeded') + 1;
      assert.ok(statuses.slice(0, done).every((status) => status === 'succeeded'));
      assert.ok(
        statuses.slice(done + 1).every((status) => status === 'skipped'),
        statuses.join(' '),
      );
      assert.ok(['skipped', 'canceled'].includes(statuses[done]!), statuses[done]);
      for (const step of record.steps.slice(0, done)) {
        assert.ok(existsSync(join(rig.home, 'content/blobs/sha256', step.outputs.o.digest.slice(7))));
      }
      assertClean(rig);
    }
    assert.ok((await runsOf(rig)).every(({ status }) => status === 'canceled'));
    await works(rig, ['run', 'program', 'study:1.0']);
  });

  it('twice kills a step that ignores TERM', async () => {
    using rig = await openStaying('trap "" TERM');
    const { child, ended } = rig.start(['run', 'program', 'study:1.0', '--json']);
    const stopping = said(child, 'stopping');
    await until('the step runs', () => existsSync(rig.ready));
    const pids = pidsIn(rig.ready);
    const startedAt = performance.now();
    child.kill('SIGINT');
    await until('it says that it stops', stopping);
    assert.ok(isAlive(pids[0]!), 'the step ignores TERM');
    child.kill('SIGINT');
    const { code, json, stderr } = await ended;
    assert.equal(code, 130, stderr);
    assert.ok(performance.now() - startedAt < 9_000, 'it does not wait for the grace');
    await assertGone(pids);
    assert.equal(json().status, 'canceled');
    assert.equal(json().steps[0].signal, 'SIGKILL');
    assertClean(rig);
    await works(rig, ['run', 'program', 'study:1.0', '--no-stay']);
  });

  it('while a bundle is written leaves no file, and export works afterwards', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': manifest('run: [echo, done]'), 'study/big.bin': randomBytes(16_000_000) });
    await works(rig, ['create', 'program', '-f', 'study']);
    const bundle = rig.path('out/study.tgz');
    const words = ['export', 'program', '-n', 'study:1.0', '-o', bundle];
    const ended = await interrupt(
      rig,
      words,
      'the file is being written',
      () => names(rig.path('out')).length > 0,
    );
    assert.ok(ended.interrupted);
    assertInterrupted(ended);
    assert.deepEqual(names(rig.path('out')), []);
    assertClean(rig);
    await works(rig, words);
    assert.deepEqual(names(rig.path('out')), ['study.tgz']);
  });

  it('while a bundle is read leaves no program, and import works afterwards', async () => {
    using author = openRig();
    author.write({
      'study/same.yaml': manifest('run: [echo, done]'),
      'study/big.bin': randomBytes(16_000_000),
    });
    await works(author, ['create', 'program', '-f', 'study']);
    await works(author, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
    const bundle = author.path('study.tgz');
    const moments: [what: string, fact: (rig: Rig) => boolean][] = [
      ['there is a home', (rig) => existsSync(rig.home)],
      ['a blob is being stored', (rig) => below(rig.home).some((path) => path.includes('ingest/'))],
      ['a blob was stored', (rig) => below(rig.home).some((path) => path.includes('sha256/'))],
    ];
    for (const [what, fact] of moments) {
      using rig = openRig();
      const ended = await interrupt(rig, ['import', bundle], what, () => fact(rig));
      assert.ok(ended.interrupted, what);
      assertInterrupted(ended);
      assert.deepEqual((await works(rig, ['list', '--json'])).json().items, []);
      assertClean(rig);
      await works(rig, ['import', bundle]);
      await works(rig, ['run', 'program', 'study:1.0']);
    }
  });
});

describe('TERM', () => {
  it('does what Ctrl-C does', async () => {
    using rig = await openStaying();
    const ended = await interrupt(
      rig,
      ['run', 'program', 'study:1.0', '--json'],
      'the step runs',
      () => existsSync(rig.ready),
      'SIGTERM',
    );
    assert.equal(ended.code, 130, ended.stderr);
    assert.equal(ended.json().status, 'canceled');
    await assertGone(pidsIn(rig.ready));
    assertClean(rig);
    await works(rig, ['run', 'program', 'study:1.0', '--no-stay']);
  });
});

/** Whether a run has written down that a step of it began: the step itself may be quicker. */
function hasBegunStep({ home }: Rig): boolean {
  const runs = join(home, 'runs');
  return readdirSync(runs, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('journal.jsonl'))
    .some((path) => readFileSync(join(runs, path), 'utf8').includes('"step-started"'));
}

describe('kill -9', () => {
  it('during a step leaves a run that is shown as interrupted, and the next run works', async () => {
    using rig = await openStaying();
    const ended = await interrupt(
      rig,
      ['run', 'program', 'study:1.0'],
      'the step runs',
      () => existsSync(rig.ready) && hasBegunStep(rig),
      'SIGKILL',
    );
    assert.equal(ended.signal, 'SIGKILL');
    const pids = pidsIn(rig.ready);
    try {
      const [record] = await runsOf(rig);
      assert.equal(record?.status, 'interrupted');
      assert.equal(record.steps[0]?.attempts, 1);
      assert.match((await works(rig, ['list', 'runs'])).stdout, /interrupted/);
      assert.equal((await works(rig, ['show', 'run', 'latest', '--json'])).json().status, 'interrupted');
      await works(rig, ['run', 'program', 'study:1.0', '--no-stay']);
      assert.deepEqual(
        (await runsOf(rig)).map(({ status }) => status),
        ['succeeded', 'interrupted'],
      );
      assert.deepEqual(names(join(rig.home, 'work')), [], 'the next command removes what was left');
      await works(rig, ['export', 'program', '-n', 'study:1.0', '-o', 'study.tgz']);
      await works(rig, ['delete', 'run', record.id]);
      assert.deepEqual(
        (await runsOf(rig)).map(({ status }) => status),
        ['succeeded'],
      );
    } finally {
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  it('during create leaves no program or the whole one, and create works afterwards', async () => {
    for (const part of ['work', 'ingest/', 'sha256/']) {
      using rig = openRig();
      rig.write({
        'study/same.yaml': manifest('run: [echo, done]'),
        'study/big.bin': randomBytes(12_000_000),
      });
      const words = ['create', 'program', '-f', 'study'];
      await interrupt(
        rig,
        words,
        `there is ${part}`,
        () => below(rig.home).some((path) => path.includes(part)),
        'SIGKILL',
      );
      const { items } = (await works(rig, ['list', '--json'])).json();
      assert.ok(items.length <= 1);
      await works(rig, words);
      await works(rig, ['run', 'program', 'study:1.0']);
    }
  });
});
