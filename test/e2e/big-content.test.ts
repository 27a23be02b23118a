import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

/** Seconds of hashing at least: zeros, which take no room on the disk. */
const BIG_BYTES = 3 * 2 ** 30;
/** "At once", on a machine that does other things too. */
const SOON_MS = 2500;

const files = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

const holds = (directory: string, part: string, bytes: number): boolean => {
  try {
    return files(directory).some((path) => path.includes(part) && statSync(path).size >= bytes);
  } catch {
    // It changed while it was read.
    return false;
  }
};

/** Starts a command, interrupts it when it is in the middle of something, and says how it ended. */
async function interrupt(
  rig: Rig,
  words: string[],
  what: string,
  fact: (pid: number) => boolean,
): Promise<Ended & { ms: number }> {
  const { child, ended } = rig.start(words);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await until(what, () => over || fact(child.pid!));
  assert.equal(over, false, `ended before ${what}`);
  const startedAt = performance.now();
  child.kill('SIGINT');
  return { ...(await ended), ms: performance.now() - startedAt };
}

/** Whether a process has a file open and is past so many of its bytes. */
function hasRead(pid: number, file: string, bytes: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== file) return false;
      return (
        Number(/^pos:\s*([0-9]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1]) >= bytes
      );
    });
  } catch (error) {
    // A descriptor, or the process, went away between two looks.
    if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return false;
    throw error;
  }
}

function assertInterrupted({ code, signal, stdout, stderr, ms }: Ended & { ms: number }): void {
  assert.equal(signal, null);
  assert.equal(code, 130, stderr);
  assert.ok(ms < SOON_MS, `took ${ms} ms`);
  assert.doesNotMatch(stdout, /created|imported|exported|succeeded/);
}

async function works(rig: Rig, words: string[]): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

/** A rig with a folder that holds much: zeros, or bytes that do not shrink. */
function openBig(bytes: number, zeros = true): Rig {
  const rig = openRig();
  rig.write({ 'study/same.yaml': manifest('run: "true"'), 'study/big.bin': '' });
  if (zeros) truncateSync(rig.path('study/big.bin'), bytes);
  else writeFileSync(rig.path('study/big.bin'), randomLike(bytes));
  return rig;
}

/** Bytes that no compression shrinks, made quickly. */
function randomLike(bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, bytes / 4);
  let state = 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return buffer;
}

describe('Ctrl-C in the middle of big content', () => {
  it('ends create at once, with nothing stored', async () => {
    using rig = openBig(2 ** 30);
    const ended = await interrupt(rig, ['create', '-f', 'study'], 'it is being packed', () =>
      holds(join(rig.home, 'work'), 'ingest', 2 ** 24),
    );
    assertInterrupted(ended);
    assert.deepEqual(files(join(rig.home, 'content')), []);
    assert.deepEqual(files(join(rig.home, 'work')), []);
  });

  it('ends create at once while a text is searched for secrets', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    writeFileSync(rig.path('study/big.txt'), Buffer.alloc(400 * 2 ** 20, 'some words and more words\n'));
    const { child, ended } = rig.start(['create', '-f', 'study']);
    await until('it works', () => existsSync(join(rig.home, 'work')));
    await new Promise((done) => setTimeout(done, 400));
    const startedAt = performance.now();
    child.kill('SIGINT');
    assertInterrupted({ ...(await ended), ms: performance.now() - startedAt });
    assert.deepEqual(files(join(rig.home, 'content')), []);
  });

  it('ends a run at once while its outputs are hashed, and the run is canceled', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest(`run: echo made; truncate -s ${BIG_BYTES} {{outputs.o}}\noutputs: {o: {}}`),
    });
    await works(rig, ['create', '-f', 'study']);
    const ended = await interrupt(rig, ['run', 'study:1.0'], 'the output is there', () =>
      holds(join(rig.home, 'work'), '/out/o', BIG_BYTES),
    );
    assertInterrupted(ended);
    const [run] = (await works(rig, ['list', 'runs', '--json'])).json().items;
    assert.equal(run.status, 'canceled');
    const shown = (await works(rig, ['show', 'run', run.id, '--json'])).json();
    assert.equal(JSON.stringify(shown).includes('"status":"succeeded"'), false);
    assert.match((await works(rig, ['logs', run.id])).stdout, /made/);
    assert.deepEqual(files(join(rig.home, 'work')), []);
    assert.equal(
      files(join(rig.home, 'content', 'blobs')).some((path) => statSync(path).size === BIG_BYTES),
      false,
    );
  });

  it('ends a run at once while its code is read', async () => {
    using rig = openBig(2 ** 29);
    await works(rig, ['create', '-f', 'study']);
    const ended = await interrupt(
      rig,
      ['run', 'study:1.0'],
      'it works',
      () => existsSync(join(rig.home, 'work')) && readdirSync(join(rig.home, 'work')).length > 0,
    );
    assertInterrupted(ended);
    assert.deepEqual((await works(rig, ['list', 'runs', '--json'])).json().items, []);
  });

  it('ends export and import at once, with no file and nothing stored', async () => {
    using rig = openBig(2 ** 29, false);
    await works(rig, ['create', '-f', 'study']);
    const exported = await interrupt(
      rig,
      ['export', '-n', 'study:1.0', '-o', 'out.tgz'],
      'it is written',
      () =>
        readdirSync(rig.root).some(
          (name) => name.startsWith('.tmp-') && statSync(rig.path(name)).size > 2 ** 24,
        ),
    );
    assertInterrupted(exported);
    assert.deepEqual(readdirSync(rig.root).sort(), ['home', 'study']);
    await works(rig, ['export', '-n', 'study:1.0', '-o', 'out.tgz']);
    const again = await interrupt(rig, ['export', '-n', 'study:1.0', '-o', 'out.tgz'], 'it looks', (pid) =>
      hasRead(pid, rig.path('out.tgz'), 2 ** 24),
    );
    assertInterrupted(again);
    assert.match(again.stderr, /SAME1903/);
    const other = { SAME_HOME: rig.path('other') };
    const { child, ended } = rig.start(['import', 'out.tgz'], { env: other });
    await until('it is being read', () => holds(rig.path('other/work'), 'ingest', 2 ** 24));
    const startedAt = performance.now();
    child.kill('SIGINT');
    assertInterrupted({ ...(await ended), ms: performance.now() - startedAt });
    assert.deepEqual(files(rig.path('other/content')), []);
    assert.deepEqual(files(rig.path('other/work')), []);
  });
});
