import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { environmentVariables, findCommand, runProcess } from '../../src/host/processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'processes-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const script = (text: string): string[] => [process.execPath, '-e', text];

test('a command gets its words, input and environment, and its end is a value', async () => {
  const text =
    'process.stdin.pipe(process.stdout); process.stderr.write(process.env.A + process.argv[1]); process.exitCode = 3';
  const result = await runProcess([...script(text), 'x y'], { input: 'in', env: { A: 'a' }, cwd: directory });
  assert.equal(result.exitCode, 3);
  assert.equal(result.stdout.toString(), 'in');
  assert.equal(result.stderr.toString(), 'ax y');
});

test('a command that is not there rejects', async () => {
  await assert.rejects(runProcess([join(directory, 'nothing')]), { code: 'ENOENT' });
});

test('a command that takes too long, writes too much or is interrupted is killed and says why', async () => {
  const forever = script('setInterval(() => {}, 1000)');
  assert.equal((await runProcess(forever, { timeoutMs: 50 })).killed, 'timeout');
  assert.equal((await runProcess(forever, { signal: AbortSignal.abort() })).killed, 'abort');
  const noisy = script('setInterval(() => process.stdout.write("x".repeat(1000)), 1)');
  const result = await runProcess(noisy, { maxOutputBytes: 5000 });
  assert.equal(result.killed, 'output');
  assert.equal(result.signal, 'SIGKILL');
  assert.ok(result.stdout.length <= 5000);
});

test('a command that ends without reading its input is no error', async () => {
  const result = await runProcess(script(''), { input: Buffer.alloc(1024 * 1024) });
  assert.equal(result.exitCode, 0);
});

test('output can go straight into a new file', async () => {
  const outputFile = join(directory, 'output');
  const result = await runProcess(script('process.stdout.write("x")'), { outputFile });
  assert.equal(result.stdout.length, 0);
  assert.equal(readFileSync(outputFile, 'utf8'), 'x');
  await assert.rejects(runProcess(script(''), { outputFile }), { code: 'EEXIST' });
});

test('commands are found in absolute directories of PATH only, and must be executable', () => {
  writeFileSync(join(directory, 'yes'), '', { mode: 0o755 });
  writeFileSync(join(directory, 'no'), '', { mode: 0o644 });
  assert.equal(findCommand('yes', `/nowhere:${directory}`), join(directory, 'yes'));
  assert.equal(findCommand('no', directory), undefined);
  assert.equal(findCommand('', directory), undefined);
  assert.equal(findCommand('processes.test.ts', '.:test/host'), undefined);
  assert.equal(findCommand(join(directory, 'yes')), join(directory, 'yes'));
});

test('the environment is a copy', () => {
  environmentVariables().SAME_TEST = 'x';
  assert.equal(process.env.SAME_TEST, undefined);
});
