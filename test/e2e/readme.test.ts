import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { startRegistry, unavailable } from '../components/registry.ts';
import { checkout, openRig, type Rig, same } from './rig.ts';

const COMMAND_TIMEOUT_MS = 240_000;

test('every command of README.md works, in order, in one directory and an empty home', () => {
  const blocks = fenced(readme('.'), 'sh');
  assert.ok(blocks.length >= 3, 'README.md has lost its commands');
  using rig = openReader();
  for (const block of blocks) succeeds(rig, block);
  const said = succeeds(rig, 'same list runs');
  assert.match(said, /challenger-o-rings:1\.0 +succeeded/);
  assert.match(said, /challenger-o-rings:1\.1 +succeeded/);
  assert.match(succeeds(rig, 'same show run latest'), /^ *epochs: 1000 \(default\)$/m);
  assert.deepEqual(readdirSync(rig.root).sort(), [
    'bin',
    'challenger-o-rings:1.1.tgz',
    'examples',
    'home',
    'results',
    'study',
  ]);
  assert.deepEqual(readdirSync(rig.home), ['.same']);
});

test('only commands that other tests cover are left out of that', () => {
  const others = [...readme('.').matchAll(/^```(\S+) (\S+)$/gm)].map(
    ([, language, word]) => `${language} ${word}`,
  );
  assert.deepEqual(others, [
    'sh install',
    'sh kubernetes',
    'sh registry',
    'sh registry',
    'yaml program',
    'yaml steps',
  ]);
  const [install] = fenced(readme('.'), 'sh install');
  assert.equal(install, 'sh install.sh\nsame version\n');
});

test('a program goes through a registry as README.md says, from one home to another', {
  skip: unavailable() ?? false,
}, async () => {
  const registry = await startRegistry();
  try {
    const [author, other] = fenced(readme('.'), 'sh registry').map((block) =>
      block.replaceAll('registry.example.org', registry.host),
    );
    const trusting = { NODE_EXTRA_CA_CERTS: registry.caFile };
    using rig = openReader();
    succeeds(rig, 'same create program -f examples/challenger-o-rings');
    rig.write({ 'password.txt': `${registry.password}\n` });
    succeeds(rig, author!, { env: trusting });
    using second = openReader();
    second.write({ 'password.txt': `${registry.password}\n` });
    const said = succeeds(second, other!, { env: trusting });
    assert.match(said, /^ *1\.0$/m);
    assert.match(said, /challenger-o-rings:1\.0 +succeeded/);
  } finally {
    await registry.dispose();
  }
});

test('the program that README.md shows runs as it says', () => {
  const [program] = fenced(readme('.'), 'yaml program');
  using rig = openReader();
  rig.write({ 'hello/same.yaml': program! });
  const cwd = rig.path('hello');
  for (const command of ['same run --who=you', 'same create program -f .']) {
    assert.ok(readme('.').includes(`\`${command}\``), command);
    succeeds(rig, command, { cwd });
  }
  assert.match(succeeds(rig, 'same show run latest', { cwd }), /^ *who: "you" \(--who; default "world"\)$/m);
  assert.deepEqual(readdirSync(cwd), ['same.yaml']);
  succeeds(rig, 'same run hello:1.0', { cwd });
});

test('the program with several steps that README.md shows takes from before what nothing changed', () => {
  const [program] = fenced(readme('.'), 'yaml steps');
  using rig = openReader();
  rig.write({ 'parts/same.yaml': program! });
  const cwd = rig.path('parts');
  for (const command of ['same run', 'same run --digit=7'])
    assert.ok(readme('.').includes(`\`${command}\``), command);
  assert.match(succeeds(rig, 'same run', { cwd }), /^ *2 steps: 2 ran$/m);
  assert.match(succeeds(rig, 'same run --digit=7', { cwd }), /^ *2 steps: 1 reused, 1 ran$/m);
  assert.ok(readme('.').includes('`code: [split.py]`'));
  const code = program!.replace('[lines]\n', '[lines]\n      code: [split.py]\n');
  rig.write({ 'parts/split.py': '', 'parts/notes.txt': '', 'parts/same.yaml': code });
  succeeds(rig, 'same run', { cwd });
  rig.write({ 'parts/notes.txt': 'changed' });
  assert.match(succeeds(rig, 'same run', { cwd }), /^ *2 steps: 1 reused, 1 ran$/m);
});

for (const [study, needs] of Object.entries({
  'challenger-o-rings': 'awk',
  'longley-1967': 'Rscript',
})) {
  test(`every command of examples/${study}/README.md works, in order`, { skip: missing(needs) }, () => {
    using rig = openReader();
    const commands = indented(readme(`examples/${study}`));
    assert.ok(commands.length >= 3, `examples/${study}/README.md has lost its commands`);
    for (const command of commands) succeeds(rig, command);
  });
}

test('every command of examples/gorman-sejnowski-1988/README.md names what there is', {
  skip: missing('python3.11'),
}, () => {
  using rig = openReader();
  const commands = indented(readme('examples/gorman-sejnowski-1988'));
  assert.ok(commands.length >= 3);
  // They train for minutes: planning them shows that every word is right.
  for (const command of commands)
    succeeds(rig, command.startsWith('same run ') ? `${command} --plan` : command);
});

/** A rig as somebody has who reads the README: the examples in this directory, and `same` among the commands. */
function openReader(): Rig {
  const rig = openRig();
  cpSync(join(checkout, 'examples'), rig.path('examples'), { recursive: true });
  mkdirSync(rig.home);
  rig.write({ 'bin/same!': `#!/bin/sh\nexec '${process.execPath}' '${same}' "$@"\n` });
  return rig;
}

/** Runs lines of shell as the reader would; the first that fails ends them. @returns stdout */
function succeeds(
  rig: Rig,
  lines: string,
  { cwd = rig.root, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): string {
  const {
    SAME_HOME: _,
    SAME_ENVIRONMENT: __,
    DOCKER_CONFIG: ___,
    REGISTRY_AUTH_FILE: ____,
    ...inherited
  } = process.env;
  const { status, stdout, stderr } = spawnSync('sh', ['-eu', '-c', lines], {
    cwd,
    env: { ...inherited, ...env, HOME: rig.home, PATH: `${rig.path('bin')}${delimiter}${process.env.PATH}` },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_TIMEOUT_MS,
  });
  assert.equal(status, 0, `${lines}\n${stdout}${stderr}`);
  return stdout;
}

function readme(directory: string): string {
  return readFileSync(join(checkout, directory, 'README.md'), 'utf8');
}

/** Blocks with exactly this info string. */
function fenced(text: string, info: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${info}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block]) => block!,
  );
}

/** Commands in indented blocks, without their comments. */
function indented(text: string): string[] {
  return [...text.matchAll(/^ {4}(same .*)$/gm)].map(([, line]) => line!.replace(/ +#.*$/, ''));
}

/** Why a study cannot run here: never a reason under CI. */
function missing(command: string): string | false {
  if (process.env.CI) return false;
  const words = command === 'awk' ? ['1'] : ['--version'];
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0
    ? false
    : `not on this machine: ${command}`;
}
