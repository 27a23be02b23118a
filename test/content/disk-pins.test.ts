import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Pin } from '../../src/content/content-store.ts';
import { openDiskPins } from '../../src/content/disk-pins.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'same-pins-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

const fresh = (): string => join(fs.mkdtempSync(join(root, 'home-')), 'content');
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const pin = (name: string, version: string, digit: string, kind: Pin['pin'] = 'soft'): Pin => ({
  name,
  version,
  digest: digest(digit),
  pin: kind,
  pinnedAt: '2026-01-01T00:00:00Z',
});

test('an empty home has no pins and looking makes no directories', () => {
  const directory = fresh();
  const pins = openDiskPins(directory);
  assert.deepEqual(pins.list(), []);
  assert.deepEqual(pins.versions('a'), []);
  assert.equal(pins.get('a', '1.0'), undefined);
  assert.equal(pins.remove('a', '1.0'), false);
  pins.harden('a', '1.0');
  assert.equal(fs.existsSync(directory), false);
});

test('a pin is one readable file, found by its name in any case', () => {
  const directory = fresh();
  const pins = openDiskPins(directory);
  pins.pin(pin('Lab/arXiv.1303.5778v1', '1.0', 'a'));
  assert.equal(fs.existsSync(join(directory, 'refs', 'lab~arxiv.1303.5778v1', '1.0')), true);
  assert.equal(pins.versions('lab/ARXIV.1303.5778v1').length, 1);
  assert.equal(pins.get('lab/arxiv.1303.5778V1', '1.0')?.digest, digest('a'));
});

test('versions are in version order, names in folded order', () => {
  const pins = openDiskPins(fresh());
  for (const version of ['1.10', '1.9', '2.0-rc1', '2.0']) pins.pin(pin('b', version, 'a'));
  pins.pin(pin('A', '1.0', 'a'));
  assert.deepEqual(
    pins.list().map(({ name, version }) => `${name}:${version}`),
    ['A:1.0', 'b:1.9', 'b:1.10', 'b:2.0-rc1', 'b:2.0'],
  );
});

test('a soft pin is replaced and the old one told, a hard one is a conflict that shows both digests', () => {
  const pins = openDiskPins(fresh());
  assert.equal(pins.pin(pin('a', '1.0', '1')), undefined);
  assert.equal(pins.pin(pin('a', '1.0', '1')), undefined);
  assert.equal(pins.pin(pin('a', '1.0', '2'))?.digest, digest('1'));
  pins.harden('a', '1.0');
  assert.equal(pins.pin(pin('a', '1.0', '2')), undefined);
  assert.equal(pins.get('a', '1.0')?.pin, 'hard');
  assert.throws(
    () => pins.pin(pin('a', '1.0', '3', 'hard')),
    (error: { code: string; message: string }) =>
      error.code === 'SAME1206' && error.message.includes(digest('2')) && error.message.includes(digest('3')),
  );
  assert.equal(pins.remove('a', '1.0'), true);
  assert.equal(pins.pin(pin('a', '1.0', '3', 'hard')), undefined);
});

test('a pin that replaces none conflicts with a soft one too, and the check says so before', () => {
  const pins = openDiskPins(fresh());
  pins.pin(pin('a', '1.0', '1'), 'none');
  for (const wish of [pin('a', '1.0', '2'), pin('a', '1.0', '2', 'hard')]) {
    assert.throws(() => pins.check(wish, 'none'), { code: 'SAME1206' });
    assert.throws(() => pins.pin(wish, 'none'), { code: 'SAME1206' });
  }
  assert.equal(pins.pin(pin('a', '1.0', '1', 'hard'), 'none'), undefined);
  assert.deepEqual([pins.get('a', '1.0')?.digest, pins.get('a', '1.0')?.pin], [digest('1'), 'hard']);
});

test('the same digest pinned hard, or with an origin, completes a soft pin', () => {
  const pins = openDiskPins(fresh());
  pins.pin(pin('a', '1.0', '1'));
  pins.pin({ ...pin('a', '1.0', '1', 'hard'), origin: digest('9') });
  assert.equal(pins.get('a', '1.0')?.pin, 'hard');
  assert.equal(pins.get('a', '1.0')?.origin, digest('9'));
});

test('a name or version that differs only in spelling is SAME1207', () => {
  const pins = openDiskPins(fresh());
  pins.pin(pin('Speech', '1.0', '1'));
  assert.throws(() => pins.pin(pin('speech', '2.0', '1')), { code: 'SAME1207' });
  assert.throws(() => pins.pin(pin('Speech', '1', '1')), { code: 'SAME1207' });
  assert.throws(() => pins.pin(pin('Speech', '1.0.0', '1')), { code: 'SAME1207' });
  assert.throws(() => pins.pin(pin('Speech', '1.0+build', '1')), { code: 'SAME1207' });
});

test('a name that could leave the directory is refused', () => {
  const pins = openDiskPins(fresh());
  assert.throws(() => pins.pin(pin('../x', '1.0', '1')), { code: 'SAME1201' });
  assert.throws(() => pins.pin(pin('x', '../1', '1')), { code: 'SAME1202' });
  assert.equal(pins.get('x', '../../etc/passwd'), undefined);
});

test('a damaged pin file is named', () => {
  const directory = fresh();
  const pins = openDiskPins(directory);
  pins.pin(pin('a', '1.0', '1'));
  fs.writeFileSync(join(directory, 'refs', 'a', '1.0'), '{"name":');
  assert.throws(() => pins.list(), { code: 'SAME1302' });
});

test('a lock left by a process that died is broken', () => {
  const directory = fresh();
  fs.mkdirSync(join(directory, 'refs', 'a'), { recursive: true });
  const lock = join(directory, 'refs', 'a', '.lock');
  fs.writeFileSync(lock, 'dead');
  fs.utimesSync(lock, 1, 1);
  const pins = openDiskPins(directory);
  pins.pin(pin('a', '1.0', '1'));
  assert.deepEqual(fs.readdirSync(join(directory, 'refs', 'a')), ['1.0']);
});

test('of processes that pin different digests hard, exactly one wins and the others see it', async () => {
  const script = `
    const { openDiskPins } = await import(${JSON.stringify(new URL('../../src/content/disk-pins.ts', import.meta.url).href)});
    const [directory, digit] = process.argv.slice(1);
    const pins = openDiskPins(directory);
    process.stdout.write('ready');
    await new Promise((go) => process.stdin.once('data', go));
    const won = [];
    for (let i = 0; i < 100; i++) {
      // Half of them spell the version differently, which must not slip through either.
      const version = digit === '1' ? '1.' + i : '1.' + i + '.0';
      try {
        pins.pin({ name: 'a', version, digest: 'sha256:' + digit.repeat(64), pin: 'hard', pinnedAt: 'now' });
        won.push(i);
      } catch (error) {
        if (error.code !== 'SAME1207' && error.code !== 'SAME1206') throw error;
      }
    }
    console.log(JSON.stringify(won));
    process.exit(0);`;
  const directory = fresh();
  const racers = ['1', '2'].map((digit) =>
    spawn(process.execPath, ['--input-type=module', '-e', script, directory, digit], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  await Promise.all(racers.map(({ stdout }) => once(stdout, 'data')));
  const output = racers.map(() => '');
  for (const [at, racer] of racers.entries()) racer.stdout.on('data', (text) => (output[at] += text));
  for (const { stdin } of racers) stdin.write('go');
  await Promise.all(racers.map((racer) => once(racer, 'close')));
  const [first, second] = output.map((text) => JSON.parse(text) as number[]);
  assert.deepEqual(
    [...first!, ...second!].sort((a, b) => a - b),
    [...Array(100).keys()],
  );
  assert.equal(openDiskPins(directory).versions('a').length, 100);
  assert.equal(fs.readdirSync(join(directory, 'refs', 'a')).length, 100);
});
