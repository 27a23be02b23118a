import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPRODUCING } from '../../src/bundle/reproducing.ts';
import { missing } from '../components/registry.ts';
import { checkout, openRig } from './rig.ts';

const skip = process.env.CI ? false : (missing('tar', 'gzip', 'jq', 'sha256sum') ?? false);

/** The commands of each numbered point: what is indented by more than the text. */
const commands = REPRODUCING.split(/^(?=\d+\. )/m)
  .slice(1)
  .map((point) => (point.match(/^ {7}.*$/gm) ?? []).map((line) => line.slice(7)).join('\n'));

const rig = openRig();
const study = join(checkout, 'examples/challenger-o-rings');
let exported: { file: string; digests: Record<string, string> };
let record: Record<string, unknown>;
let step: ReturnType<typeof follow>;

before(async () => {
  if (skip) return;
  const works = async (words: string[]) => {
    const ended = await rig.same(words);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  await works(['create', '-f', study]);
  await works(['run', 'challenger-o-rings:1.0']);
  record = (await works(['show', 'run', 'latest', '--json'])).json();
  // The name has a colon, as export gives it.
  exported = (await works(['export', '-n', 'challenger-o-rings:1.0', '--json'])).json();
  step = follow(exported.file.replace(/^\.\//, ''), rig.root);
});
after(() => rig[Symbol.dispose]());

/** Runs all points on a file as one shell would, one after the other, and gives what each printed. */
function follow(file: string, cwd: string): { stdout: string; stderr: string }[] {
  const bin = rig.path('bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['sh', 'tar', 'gzip', 'jq', 'sha256sum', 'mkdir', 'cp']) {
    const { stdout } = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
    if (!existsSync(join(bin, name))) symlinkSync(stdout.trim(), join(bin, name));
  }
  const script = commands
    .map((text) => text.replace('./FILE', isAbsolute(file) ? file : `./${file}`))
    .map((text, index) => `${text}\necho "=== ${index + 1}"; echo "=== ${index + 1}" >&2`)
    .join('\n');
  const { status, stdout, stderr } = spawnSync('sh', ['-eu', '-c', script], {
    cwd,
    env: { PATH: bin },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const told = (text: string) => text.split(/^=== \d+\n/m);
  const errors = told(stderr);
  return told(stdout)
    .slice(0, -1)
    .map((text, index) => ({ stdout: text, stderr: errors[index]! }));
}

describe('the commands of REPRODUCING.md, word for word, with tar, gzip, sha256sum and jq alone', {
  skip,
}, () => {
  test('the bundle holds the very text that is followed', () => {
    assert.equal(commands.length, 6);
    for (const text of commands) assert.notEqual(text, '');
    assert.equal(readFileSync(rig.path('study/REPRODUCING.md'), 'utf8'), REPRODUCING);
    const constant = readFileSync(join(checkout, 'spec/v1/constants/REPRODUCING.txt'), 'utf8');
    assert.equal(constant, REPRODUCING);
  });

  test('point 1 unpacks the file, without a word', () => {
    assert.deepEqual(step[0], { stdout: '', stderr: '' });
    assert.ok(readdirSync(rig.path('study')).includes('index.json'));
  });

  test('point 2 checks every blob, and silence is good', () => {
    assert.deepEqual(step[1], { stdout: '', stderr: '' });
  });

  test('point 2 is not silent when one byte of one blob is another', () => {
    spawnSync('cp', ['-r', rig.path('study'), rig.path('damaged')]);
    const blobs = rig.path('damaged/blobs/sha256');
    const [name] = readdirSync(blobs);
    const bytes = readFileSync(join(blobs, name!));
    bytes[0]! ^= 1;
    rig.write({ [`damaged/blobs/sha256/${name}`]: bytes });
    const { status, stdout } = spawnSync('sh', ['-c', commands[1]!], {
      cwd: rig.path('damaged'),
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stdout, new RegExp(`^${name}: FAILED$`, 'm'));
  });

  test('point 3 prints the digest that same calls the program digest', () => {
    assert.deepEqual(step[2], { stdout: `${exported.digests.program}\n`, stderr: '' });
  });

  test('the same commands do the same with the bare archive', async () => {
    const words = [
      'export',
      '-n',
      'challenger-o-rings:1.0',
      '--format',
      'oci-tar',
      '-o',
      'tar/bare',
      '--json',
    ];
    mkdirSync(rig.path('tar'));
    const bare = await rig.same(words);
    assert.equal(bare.code, 0, bare.stderr);
    assert.notEqual(bare.json().digests.file, exported.digests.file);
    assert.deepEqual(follow('bare', rig.path('tar')), step);
    assert.deepEqual(tree(rig.path('tar/study')), tree(rig.path('study')));
  });

  test("point 4 makes a folder that is the study's, file for file", () => {
    assert.deepEqual(step[3], { stdout: '', stderr: '' });
    assert.deepEqual(tree(rig.path('study/program')), tree(study));
  });

  test('point 4 takes same.yaml and same.lock from their layers, whatever copies lie beside the blobs', () => {
    spawnSync('cp', ['-r', rig.path('study'), rig.path('tampered')]);
    rmSync(rig.path('tampered/program'), { recursive: true });
    rig.write({ 'tampered/same.yaml': 'apiVersion: other/v1\n', 'tampered/same.lock': '{}' });
    const pieces = [commands[1]!, commands[2]!, commands[3]!].join('\n');
    const { status, stdout, stderr } = spawnSync('sh', ['-euc', pieces], {
      cwd: rig.path('tampered'),
      encoding: 'utf8',
    });
    assert.deepEqual(
      { status, stdout, stderr },
      { status: 0, stdout: `${exported.digests.program}\n`, stderr: '' },
    );
    assert.deepEqual(tree(rig.path('tampered/program')), tree(study));
  });

  test('point 4 takes a lock out of its layer in canonical form', () => {
    mkdirSync(rig.path('lock'));
    follow(join(checkout, 'conformance/v1/golden/locked.tgz'), rig.path('lock'));
    const program = JSON.parse(readFileSync(rig.path('lock/study/index.json'), 'utf8')).manifests[0].digest;
    const blob = (digest: string) => readFileSync(rig.path(`lock/study/blobs/sha256/${digest.slice(7)}`));
    const lock = JSON.parse(blob(program).toString()).layers.find(
      ({ mediaType }: { mediaType: string }) => mediaType === 'application/vnd.same.lock.v1+json',
    );
    assert.ok(readFileSync(rig.path('lock/study/program/same.lock')).equals(blob(lock.digest)));
  });

  test('point 5 prints parameters, environments, data, pipeline and claims', () => {
    const printed = JSON.parse(step[4]!.stdout);
    assert.deepEqual(Object.keys(printed), ['parameters', 'environments', 'data', 'pipeline', 'claims']);
    assert.equal(printed.parameters.epochs.default, 200);
    assert.deepEqual(printed.environments.default.requires.commands, ['sh', 'awk']);
    assert.deepEqual(Object.keys(printed.pipeline.steps).sort(), ['predict', 'prepare', 'train']);
    assert.ok(printed.claims.length >= 5);
  });

  test("point 6 prints the authors' run with its parameters, figures and claims", () => {
    const run = JSON.parse(step[5]!.stdout);
    const { id, status, parameters, metrics, claims } = record;
    assert.deepEqual(run, { id, status, parameters, metrics, claims });
    assert.equal(status, 'succeeded');
    assert.ok((metrics as unknown[]).length > 0);
  });
});

/** Every file below a directory: path, whether it is executable, content. */
function tree(directory: string): [string, number, string][] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [
      path.slice(directory.length + 1),
      statSync(path).mode & 0o100,
      readFileSync(path, 'base64'),
    ]);
}
