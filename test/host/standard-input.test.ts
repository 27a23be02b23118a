import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const module = new URL('../../src/host/standard-input.ts', import.meta.url).href;
const script = `
  const { readPassword } = await import(${JSON.stringify(module)});
  try { console.log(JSON.stringify(readPassword())); } catch (error) { console.log(error.message); }
`;
const reader = [process.execPath, '--input-type=module', '-e', script];

/** What is read of some bytes. */
function read(input: string | Buffer): string {
  const [command, ...words] = reader;
  return spawnSync(command!, words, { input, encoding: 'utf8' }).stdout.trim();
}

test('a password is all of standard input but one line end', () => {
  for (const [input, password] of [
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['secret\n\n', 'secret\n'],
    [' two\nlines \n', ' two\nlines '],
    ['ünï\ufeff🔑', 'ünï\ufeff🔑'],
    ['\ufeffmark', '\ufeffmark'],
    ['x'.repeat(64 * 1024), 'x'.repeat(64 * 1024)],
  ] as const)
    assert.equal(read(input), JSON.stringify(password));
});

test('nothing, too much and what is no text are refused', () => {
  assert.match(read(''), /^SAME1902 .*no password/);
  assert.match(read('\n'), /^SAME1902 .*no password/);
  assert.match(read('x'.repeat(64 * 1024 + 1)), /^SAME1902 .*more than a password/);
  assert.match(read(Buffer.from([0xff, 0xfe])), /^SAME1902 .*UTF-8/);
});

test('a closed standard input holds nothing, and one without end too much', () => {
  const under = (shell: string) =>
    spawnSync('sh', ['-c', shell, ...reader], { encoding: 'utf8', timeout: 30_000 }).stdout.trim();
  assert.match(under('exec "$0" "$@" <&-'), /^SAME1902 .*no password/);
  assert.match(under('exec "$0" "$@" </dev/zero'), /^SAME1902 .*more than a password/);
});

test('a pipe that keeps no reader waiting is read to its end', () => {
  const telling = `
    const { wait } = Atomics;
    let told = false;
    Atomics.wait = (...words) => {
      if (!told) console.log('nothing there yet');
      told = true;
      return wait(...words);
    };
  `;
  const parent = `
import os, subprocess, sys
reading, writing = os.pipe()
os.set_blocking(reading, False)
child = subprocess.Popen(sys.argv[1:], stdin=reading, stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), end='')
os.write(writing, b'secret\\n')
os.close(writing)
print(child.communicate()[0].decode())
`;
  const [command, ...words] = reader;
  const { stdout } = spawnSync(
    'python3',
    ['-c', parent, command!, ...words.slice(0, -1), `${telling}${script}`],
    { encoding: 'utf8', timeout: 30_000 },
  );
  assert.equal(stdout.trim(), 'nothing there yet\n"secret"');
});
