import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import { thisProcess } from '../../src/host/process-identity.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { frame } from '../../src/runs/journal.ts';
import { RunFiles } from '../../src/runs/run-files.ts';
import { monthOf, newRunId } from '../../src/runs/run-id.ts';
import { notePlace } from '../../src/runs/run-place.ts';
import { type SealOptions, sealRuns } from '../../src/runs/run-sealer.ts';
import { begun, finished } from './record.ts';

const root = mkdtempSync(join(tmpdir(), 'same-packs-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const all = { isDue: () => true, isStored: () => false, isOver: () => false, least: 1 } satisfies SealOptions;

/** A home's runs, each with a record, a journal and logs. */
function openRuns(number: number) {
  const directory = join(root, String(++count), 'runs');
  const ids = Array.from({ length: number }, () => newRunId()).sort();
  for (const id of ids) add(directory, id);
  return {
    directory,
    ids,
    seal: (options: Partial<SealOptions> = {}) => sealRuns(new RunFiles(directory), { ...all, ...options }),
  };
}

function add(directory: string, id: string): void {
  const { year, month } = monthOf(id);
  const path = join(directory, year, month, id);
  mkdirSync(join(path, 'logs'), { recursive: true });
  const record = begun({ id, status: 'succeeded', finishedAt: '2026-01-31T10:00:00.000Z' });
  const event = { type: 'run-begun', record: begun({ id }), owner: thisProcess() };
  writeFileSync(join(path, 'journal.jsonl'), frame(event) + frame(finished('one')));
  notePlace(path, { volume: `volume of ${id}`, called: 'namespace studies of context lab' });
  writeFileSync(join(path, 'logs/one.1.stdout'), `printed by ${id}`);
  writeFileSync(join(path, 'logs/one.1.stderr'), '');
  writeFileSync(join(path, 'run.json'), `${canonicalJson(record as never)}\n`);
}

/** All that a store tells of every run. */
function told(directory: string) {
  const findings: string[] = [];
  const store = openDiskRunStore(directory, ({ message }) => findings.push(message));
  const runs = store.list().map(({ record }) => ({
    record,
    results: store.results(record.id),
    place: store.placeOf(record.id),
    logs: store
      .logs(record.id)
      .map(({ path, bytes, ...log }) => ({ ...log, text: (bytes ?? readFileSync(path!)).toString('utf8') })),
  }));
  return { runs, findings };
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

describe('sealing runs', () => {
  it('makes one file of many, and nothing that is told of them changes', () => {
    const { directory, ids, seal } = openRuns(5);
    const before = told(directory);
    assert.equal(before.runs.length, 5);
    assert.deepEqual(seal(), { runs: 5, packs: 1 });
    assert.equal(filesBelow(directory).length, 1);
    assert.deepEqual(told(directory), before);
    const store = openDiskRunStore(directory);
    assert.equal(store.get(ids[2]!.slice(-12)).record.id, ids[2]);
    assert.deepEqual(seal(), { runs: 0, packs: 0 });
  });

  it('leaves what tar reads', () => {
    const { directory, ids, seal } = openRuns(2);
    seal();
    const { year, month } = monthOf(ids[0]!);
    const [pack] = readdirSync(join(directory, year, month));
    const out = join(directory, 'out');
    mkdirSync(out);
    const { status, stderr } = spawnSync('tar', ['xf', join(directory, year, month, pack!), '-C', out], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.equal(readFileSync(join(out, ids[1]!, 'logs/one.1.stdout'), 'utf8'), `printed by ${ids[1]}`);
  });

  it('leaves runs that go on, that are damaged, that are not due, and few ones', () => {
    const { directory, ids, seal } = openRuns(3);
    const store = openDiskRunStore(directory);
    const going = begun();
    store.begin(going);
    const { year, month } = monthOf(ids[0]!);
    writeFileSync(join(directory, year, month, ids[0]!, 'run.json'), '{');
    assert.deepEqual(seal({ least: 3 }), { runs: 0, packs: 0 });
    assert.deepEqual(seal({ isDue: ({ id }) => id === ids[1] }), { runs: 1, packs: 1 });
    assert.equal(existsSync(join(directory, year, month, ids[0]!)), true);
    assert.equal(existsSync(join(directory, year, month, ids[2]!)), true);
    assert.equal(store.get(going.id).record.status, 'running');
  });

  it('puts no more into a pack than it may hold', () => {
    const { directory, seal } = openRuns(5);
    const before = told(directory);
    assert.deepEqual(seal({ mostRuns: 2 }), { runs: 5, packs: 3 });
    assert.deepEqual(told(directory), before);
  });

  it('leaves out logs that the record names and the content has', () => {
    const { directory, ids, seal } = openRuns(2);
    const { year, month } = monthOf(ids[0]!);
    const path = join(directory, year, month, ids[0]!, 'run.json');
    const record = JSON.parse(readFileSync(path, 'utf8'));
    const bytes = readFileSync(join(directory, year, month, ids[0]!, 'logs/one.1.stdout'));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const artifact = { digest, sizeBytes: bytes.length };
    record.steps[0].logs = { stdout: artifact, stderr: artifact };
    writeFileSync(path, `${canonicalJson(record)}\n`);
    seal({ isStored: (asked, body) => asked === digest && body.equals(bytes) });
    const logs = openDiskRunStore(directory).logs(ids[0]!);
    assert.deepEqual(
      logs.find(({ stream }) => stream === 'stdout'),
      { step: 'one', attempt: 1, stream: 'stdout', stored: artifact },
    );
    assert.equal(logs.find(({ stream }) => stream === 'stderr')!.bytes!.length, 0);
    assert.equal(openDiskRunStore(directory).logs(ids[1]!).length, 2);
  });

  it('lets packed runs be deleted, at once and out of the pack at the next sealing', () => {
    const { directory, ids, seal } = openRuns(3);
    seal();
    const [store, late] = [openDiskRunStore(directory), openDiskRunStore(directory)];
    assert.equal(late.get(ids[1]!).record.id, ids[1]);
    store.remove(ids[1]!);
    assert.throws(() => late.remove(ids[1]!), { code: 'SAME1608' });
    assert.deepEqual(
      told(directory).runs.map(({ record }) => record.id),
      [ids[2], ids[0]],
    );
    assert.throws(() => store.get(ids[1]!), { code: 'SAME1608' });
    const before = told(directory);
    seal();
    assert.deepEqual(told(directory), before);
    const [left, ...others] = filesBelow(directory);
    assert.deepEqual(others, []);
    const { year, month } = monthOf(ids[0]!);
    assert.doesNotMatch(readFileSync(join(directory, year, month, left!), 'latin1'), new RegExp(ids[1]!));
  });

  it('keeps a run deleted that was deleted while it was packed, even when the sealing ends before it notices', () => {
    const { directory, ids, seal } = openRuns(3);
    let asked = 0;
    const isOver = () => {
      // Asked before each run: the second has been read.
      if (++asked === 4) {
        openDiskRunStore(directory).remove(ids[1]!);
        // Ends the sealing once the pack has its name.
        mkdirSync(join(directory, `.deleted-${ids[0]}`, 'x'), { recursive: true });
      }
      return false;
    };
    assert.throws(() => seal({ isOver }), { code: 'ENOTEMPTY' });
    assert.equal(filesBelow(directory).filter((name) => name.startsWith('pack-')).length, 1);
    const left = () => told(directory).runs.map(({ record }) => record.id);
    assert.deepEqual(left(), [ids[2], ids[0]]);
    rmSync(join(directory, `.deleted-${ids[0]}`), { recursive: true });
    for (let round = 0; round < 2; round++) {
      seal();
      assert.deepEqual(left(), [ids[2], ids[0]]);
    }
    assert.equal(filesBelow(directory).length, 1);
  });

  it('keeps a run deleted that was deleted just before its pack got its name', () => {
    const { directory, ids, seal } = openRuns(2);
    const copy = join(root, `named-${count}`, 'runs');
    cpSync(directory, copy, { recursive: true });
    seal();
    const { year, month } = monthOf(ids[0]!);
    const [pack] = filesBelow(directory);
    const sealing = join(copy, year, month, '.sealing-x');
    linkSync(join(directory, year, month, pack!), sealing);
    openDiskRunStore(copy).remove(ids[0]!);
    renameSync(sealing, join(copy, year, month, pack!));
    assert.deepEqual(
      told(copy).runs.map(({ record }) => record.id),
      [ids[1]],
    );
  });

  it('goes on with the others when a run is deleted before it was read', () => {
    const { directory, ids, seal } = openRuns(3);
    let asked = 0;
    const isOver = () => {
      if (++asked === 3) openDiskRunStore(directory).remove(ids[1]!);
      return false;
    };
    assert.deepEqual(seal({ isOver }), { runs: 2, packs: 1 });
    assert.deepEqual(
      told(directory).runs.map(({ record }) => record.id),
      [ids[2], ids[0]],
    );
  });

  it('lets a run be deleted whose directory another process takes away at that moment', () => {
    const { directory, ids, seal } = openRuns(2);
    const store = openDiskRunStore(directory);
    const real = RunFiles.prototype.load;
    try {
      RunFiles.prototype.load = function (id) {
        const run = real.call(this, id);
        RunFiles.prototype.load = real;
        seal();
        return run;
      };
      store.remove(ids[0]!);
    } finally {
      RunFiles.prototype.load = real;
    }
    assert.deepEqual(
      told(directory).runs.map(({ record }) => record.id),
      [ids[1]],
    );
  });

  it('hides no run from who lists or looks for it while its pack is written anew', () => {
    const { directory, ids, seal } = openRuns(3);
    seal();
    const rewrite = (id: string) => {
      openDiskRunStore(directory).remove(id);
      seal();
    };
    const listing = new RunFiles(directory);
    listing.month = (name) => {
      const seen = RunFiles.prototype.month.call(listing, name);
      listing.month = RunFiles.prototype.month;
      rewrite(ids[0]!);
      return seen;
    };
    const fail = (error: Error) => {
      throw error;
    };
    assert.deepEqual([...listing.ids(fail)], [ids[2], ids[1]]);
    const looking = new RunFiles(directory);
    const { list } = looking.packs;
    looking.packs.list = (path) => {
      looking.packs.list = list;
      rewrite(ids[1]!);
      return looking.packs.list(path);
    };
    assert.equal(looking.load(ids[2]!)?.record.id, ids[2]);
    // A link to nowhere is no reason to look for ever.
    const { year, month } = monthOf(ids[0]!);
    const name = `pack-${'0'.repeat(12)}-${'f'.repeat(12)}-${'0'.repeat(32)}.tar`;
    symlinkSync('nowhere', join(directory, year, month, name));
    assert.deepEqual([...new RunFiles(directory).ids(fail)], [ids[2]]);
    assert.equal(new RunFiles(directory).load(ids[1]!), undefined);
  });

  it('says which run of a pack is damaged, and tells of the others', () => {
    const { directory, ids, seal } = openRuns(3);
    seal();
    const [pack] = filesBelow(directory);
    const { year, month } = monthOf(ids[0]!);
    const path = join(directory, year, month, pack!);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf(`printed by ${ids[1]}`)]! ^= 1;
    writeFileSync(path, bytes);
    const { runs, findings } = told(directory);
    assert.deepEqual(
      runs.map(({ record }) => record.id),
      [ids[2], ids[0]],
    );
    assert.match(findings[0]!, new RegExp(`${ids[1]} in it does not have its checksum`));
    const list = readFileSync(path);
    list[600]! ^= 1;
    writeFileSync(path, list);
    assert.match(told(directory).findings[0]!, /its list of runs is not what its name says/);
  });

  it('says of a pack with a damaged list how to take its runs out of it again', () => {
    const { directory, ids, seal } = openRuns(3);
    const before = told(directory);
    seal();
    const { year, month } = monthOf(ids[0]!);
    const path = join(directory, year, month, filesBelow(directory)[0]!);
    openDiskRunStore(directory).remove(ids[1]!);
    const bytes = readFileSync(path);
    bytes[600]! ^= 1;
    writeFileSync(path, bytes);
    const hints: string[] = [];
    openDiskRunStore(directory, ({ hint }) => hints.push(hint ?? '')).list();
    const [, line] = /; or take the runs out of it: (.*)$/.exec(hints[0]!.replace(', or', '; or'))!;
    assert.equal(spawnSync('sh', ['-euc', line!]).status, 0, line);
    const after = told(directory);
    assert.deepEqual(after.findings, []);
    assert.deepEqual(
      after.runs,
      before.runs.filter(({ record }) => record.id !== ids[1]),
    );
  });

  it('is the same home after a copy, whatever was sealed where', () => {
    const { directory, seal } = openRuns(4);
    const before = told(directory);
    const copy = join(root, `copy-${count}`, 'runs');
    cpSync(directory, copy, { recursive: true });
    seal();
    assert.deepEqual(told(copy), before);
    // Packs come to where the runs still have directories of their own: those are the same runs.
    cpSync(directory, copy, { recursive: true });
    assert.deepEqual(told(copy), before);
    assert.deepEqual(sealRuns(new RunFiles(copy), all), { runs: 4, packs: 0 });
    assert.deepEqual(told(copy), before);
    assert.equal(filesBelow(copy).length, 1);
  });

  it('loses nothing and doubles nothing, killed at whatever moment', async () => {
    const { directory } = openRuns(40);
    const before = told(directory);
    const script = `
      import { sealRuns } from ${JSON.stringify(join(import.meta.dirname, '../../src/runs/run-sealer.ts'))};
      import { RunFiles } from ${JSON.stringify(join(import.meta.dirname, '../../src/runs/run-files.ts'))};
      process.stdout.write('.');
      sealRuns(new RunFiles(${JSON.stringify(directory)}), { isDue: () => true, isStored: () => false, isOver: () => false, least: 1, mostRuns: 3 });
    `;
    let killed = 0;
    for (let delay = 0; delay < 24; delay += 2) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise<NodeJS.Signals | null>((done) =>
        child.on('exit', (_, signal) => done(signal)),
      );
      await new Promise((done) => child.stdout.once('data', done));
      setTimeout(() => child.kill('SIGKILL'), delay);
      if ((await ended) === 'SIGKILL') killed++;
      assert.deepEqual(told(directory), before);
    }
    assert.ok(killed > 0);
    sealRuns(new RunFiles(directory), all);
    assert.deepEqual(told(directory), before);
    assert.equal(filesBelow(directory).filter((name) => !name.startsWith('pack-')).length, 0);
  });
});
