import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { startGitHttps, unavailable } from '../components/git-https.ts';
import { openRig, type Rig, type RunOptions } from './rig.ts';

// Published source distributions, pinned: what their authors released becomes the single commit of a repository.
const published = {
  apyori: '1.1.2 --hash=sha256:e2e6ffcf14732b1b1432608cf83b81ac538243387b0458eb7d9296e770d462ec',
  readability: '0.3.1 --hash=sha256:f9030df8bc31aad45baffa9a2d9ce1fdd8051833e5b5bda3027df32fdec00fad',
};

const place = mkdtempSync(join(tmpdir(), 'same-upstream-'));
after(() => rmSync(place, { recursive: true, force: true }));
const DOWNLOAD_TIMEOUT_MS = 240_000;
const unreachable = download();

describe('a published repository of others, untouched, is a program of at most 20 lines', {
  skip: unreachable ?? false,
}, () => {
  test('argparse flags, a file at a fixed path, figures printed as JSON: Apriori, served over HTTPS', {
    skip: process.env.CI ? false : (unavailable() ?? false),
  }, async (t) => {
    using rig = openRig();
    const server = await startGitHttps();
    t.after(() => server.dispose());
    const theirs = join(place, 'apyori');
    execFileSync('git', [
      'clone',
      '--quiet',
      '--bare',
      theirs,
      join(server.repositories, 'group/apyori.git'),
    ]);
    const manifest = `apiVersion: same/v1
kind: Program
metadata: {name: apriori, version: "1.0", paper: {url: "https://www.vldb.org/conf/1994/P487.PDF"}}
upstream: {git: "${server.url}/group/apyori", revision: ${revision(theirs)}, to: src}
parameters:
  min-support: {type: number, default: 0.1, exclusiveMinimum: 0, maximum: 1}
  max-length: {type: [integer, "null"], default: null, minimum: 1}
environments: {default: {system: true, requires: {commands: [python3]}}}
data: {baskets: {uri: baskets.tsv, carry: embed}}
pipeline:
  steps:
    mine:
      workdir: src
      inputs: {baskets: {data: baskets, at: transactions/baskets.tsv}}
      run: python3 apyori.py --min-confidence=0.6 {{flags}} {{inputs.baskets}}
metrics:
  support: {from: mine.stdout, regex: '"items": \\["beer", "nuts"\\], "support": ([0-9.]+)', take: last}
  lift: {from: mine.stdout, regex: '"items_base": \\["nuts"\\], "items_add": \\["beer"\\],.*?"lift": ([0-9.]+)', take: last}
`;
    atMost20Lines(manifest);
    rig.write({
      'program/same.yaml': manifest,
      'program/baskets.tsv': 'beer\tnuts\nbeer\tcheese\nbeer\tnuts\ncheese\tnuts\tbeer\ncheese\n',
      'user/.gitconfig': `[http]\n\tsslCAInfo = ${server.caFile}\n`,
    });
    const options = { env: { GIT_SSL_CAINFO: undefined, GIT_SSL_CAPATH: undefined } };
    await succeeded(rig, ['create', 'program', '-f', 'program'], options);
    await server.dispose();

    // beer and nuts are together in 3 of 5 baskets; nuts never come without beer, which is in 4 of 5.
    await succeeded(rig, ['run', 'program', 'apriori:1.0', '--min-support=0.5', '--max-length=2']);
    assert.deepEqual(await figures(rig), { support: 0.6, lift: 1.25 });
    const { stdout } = await succeeded(rig, ['logs', 'latest']);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).items),
      [['beer'], ['cheese'], ['nuts'], ['beer', 'nuts']],
    );
    // A flag that argparse alone would have refused is refused before the code is reached.
    const refused = await rig.same(['run', 'program', 'apriori:1.0', '--min-support=2']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^SAME1103 .*"min-support".*maximum 1/m);
    await storedEquals(rig, 'apriori:1.0', theirs, ['baskets.tsv']);
  });

  test('a positional argument and a printed table: readability measures, from a file URL', async () => {
    using rig = openRig();
    const theirs = join(place, 'readability');
    const manifest = readabilityManifest(theirs, '');
    atMost20Lines(manifest);
    rig.write({ 'program/same.yaml': manifest, 'program/sample.txt': sample });
    await succeeded(rig, ['create', 'program', '-f', 'program']);
    await succeeded(rig, ['run', 'program', 'readability:1.0']);
    // 55.95250000000002 in the authors' own README, printed with two digits.
    assert.deepEqual(await figures(rig), { flesch: 55.95, words: 16 });
    const { stdout } = await succeeded(rig, ['show', 'run', 'latest']);
    assert.match(stdout, /^ *agrees +readme /m);
    await succeeded(rig, ['run', 'program', 'readability:1.0', '--lang', 'nl']);
    assert.notEqual((await figures(rig)).flesch, 55.95);
    await storedEquals(rig, 'readability:1.0', theirs, ['sample.txt']);
  });

  test('with a patch, which is applied once and leaves every other file as it was', async () => {
    using rig = openRig();
    const theirs = join(place, 'readability');
    const patched = rig.path('patched');
    execFileSync('git', ['clone', '--quiet', theirs, patched]);
    const module = join(patched, 'readability/__init__.py');
    const more = readFileSync(module, 'utf8').replace('%12.2f', '%12.4f');
    writeFileSync(module, more);
    const patch = execFileSync('git', ['diff'], { cwd: patched });
    const manifest = readabilityManifest(theirs, ', patches: [digits.patch]');
    atMost20Lines(manifest);
    rig.write({ 'program/same.yaml': manifest, 'program/sample.txt': sample, 'program/digits.patch': patch });
    await succeeded(rig, ['create', 'program', '-f', 'program']);
    await succeeded(rig, ['run', 'program', 'readability:1.0']);
    assert.deepEqual(await figures(rig), { flesch: 55.9525, words: 16 });
    await storedEquals(rig, 'readability:1.0', patched, ['digits.patch', 'sample.txt']);

    rig.write({ 'program/digits.patch': patch.toString().replace('%12.2f', '%12.9f') });
    const refused = await rig.same(['create', 'program', '-f', 'program'], {
      env: { SAME_HOME: rig.path('other') },
    });
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /^SAME1212 the patch digits\.patch does not apply/m);
  });
});

test('a symbolic link of theirs is refused by its path, and left out or followed when that is asked for', async () => {
  using rig = openRig();
  rig.write({ 'theirs/tool.sh!': '#!/bin/sh\necho figure 7\n' });
  symlinkSync('tool.sh', rig.path('theirs/tool'));
  commit(rig.path('theirs'), 'first');
  const manifest = (version: string, rest: string) => `apiVersion: same/v1
kind: Program
metadata: {name: linked, version: "${version}"}
upstream: {git: "file://${rig.path('theirs')}", revision: ${revision(rig.path('theirs'))}}
pipeline: {steps: {main: {workdir: src, run: ./tool${version === '1.0' ? '' : '.sh'}}}}
metrics: {figure: {from: main.stdout, regex: 'figure ([0-9]+)'}}
${rest}
`;
  rig.write({ 'program/same.yaml': manifest('1.0', '') });
  const refused = await rig.same(['create', 'program', '-f', 'program']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^SAME1210 src\/tool is a symbolic link .*--dereference.*files\.exclude/m);
  await succeeded(rig, ['create', 'program', '-f', 'program', '--dereference']);
  await succeeded(rig, ['run', 'program', 'linked:1.0']);
  assert.deepEqual(await figures(rig), { figure: 7 });
  rig.write({ 'program/same.yaml': manifest('1.1', 'files: {exclude: [src/tool]}') });
  await succeeded(rig, ['create', 'program', '-f', 'program']);
  await succeeded(rig, ['run', 'program', 'linked:1.1']);
  assert.deepEqual(await figures(rig), { figure: 7 });
});

const sample =
  'This is an example sentence .\nNote that tokens are separated by spaces and sentences by newlines .\n';

function readabilityManifest(repository: string, patches: string): string {
  return `apiVersion: same/v1
kind: Program
metadata: {name: readability, version: "1.0", license: Apache-2.0}
upstream: {git: "file://${repository}", revision: ${revision(repository)}, to: src${patches}}
parameters:
  lang: {type: string, enum: [en, de, nl], default: en}
environments: {default: {system: true, requires: {commands: [python3]}, variables: {PYTHONPATH: .}}}
data: {sample: {uri: sample.txt, carry: embed}}
pipeline:
  steps:
    measure:
      workdir: src
      inputs: {sample: {data: sample}}
      run: python3 bin/readability {{flags}} {{inputs.sample}}
metrics:
  flesch: {from: measure.stdout, regex: 'FleschReadingEase: +([0-9.]+)', direction: higher}
  words: {from: measure.stdout, regex: '^ +words: +([0-9]+)$'}
claims:
  - {id: readme, metric: flesch, expect: 55.9525, tolerance: {abs: 0.005}, cite: "README, Usage"}
`;
}

/** Unpacks the published archives into repositories of one commit. @returns why not, outside CI */
function download(): string | undefined {
  const requirements = join(place, 'requirements.txt');
  writeFileSync(
    requirements,
    Object.entries(published)
      .map(([name, version]) => `${name}==${version}\n`)
      .join(''),
  );
  const words = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', '--require-hashes'];
  const { status, stderr, error } = spawnSync('python3', [...words, '-r', requirements, '-d', place], {
    encoding: 'utf8',
    timeout: DOWNLOAD_TIMEOUT_MS,
  });
  if (status !== 0) {
    const reason = `pip could not download ${Object.keys(published).join(' and ')}: ${error ?? stderr}`;
    if (process.env.CI) throw new Error(reason);
    return reason;
  }
  for (const archive of readdirSync(place).filter((name) => name.endsWith('.tar.gz'))) {
    const repository = join(place, archive.slice(0, archive.lastIndexOf('-')));
    mkdirSync(repository);
    execFileSync('tar', ['-xzf', join(place, archive), '-C', repository, '--strip-components=1']);
    commit(repository, archive);
  }
  return undefined;
}

/** Makes a folder a repository of one commit, each file as it is. */
function commit(repository: string, message: string): void {
  const git = (...all: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...all], {
      cwd: repository,
      stdio: 'pipe',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    });
  git('init', '--quiet', '-b', 'main');
  git('add', '--all', '--force');
  git('commit', '--quiet', '-m', message);
}

function revision(repository: string): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: repository, encoding: 'utf8' }).trim();
}

function atMost20Lines(manifest: string): void {
  assert.ok(manifest.trimEnd().split('\n').length <= 20, manifest);
}

/** The stored program has upstream's files below src, byte for byte and bit for bit, and of its own only these. */
async function storedEquals(rig: Rig, reference: string, repository: string, own: string[]): Promise<void> {
  await succeeded(rig, ['export', 'program', '-n', reference, '-o', 'stored.tgz']);
  rig.write({ 'bundle/.keep': '', 'stored/.keep': '' });
  execFileSync('tar', ['-xzf', rig.path('stored.tgz'), '-C', rig.path('bundle')]);
  const blob = (digest: string) => rig.path('bundle/blobs/sha256', digest.replace('sha256:', ''));
  const program = (await succeeded(rig, ['show', reference, '--json'])).json().digests.program;
  for (const layer of JSON.parse(readFileSync(blob(program), 'utf8')).layers) {
    if (/tar/.test(layer.mediaType)) {
      execFileSync('tar', ['-xpf', blob(layer.digest), '-C', rig.path('stored')]);
    }
  }
  rmSync(rig.path('stored/.keep'));
  assert.deepEqual(filesOf(rig.path('stored/src')), filesOf(repository));
  assert.deepEqual(readdirSync(rig.path('stored')).sort(), [...own, 'src'].sort());
}

/** Path → content and executable bit, .git left out. */
function filesOf(root: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^\.git(\/|$)/.test(name) && statSync(join(root, name)).isFile())
      .sort()
      .map((name) => {
        const executable = (statSync(join(root, name)).mode & 0o100) !== 0;
        return [name, `${executable ? 'x' : '-'} ${readFileSync(join(root, name)).toString('base64')}`];
      }),
  );
}

/** The figures of the latest run. */
async function figures(rig: Rig): Promise<Record<string, number>> {
  const { metrics } = (await succeeded(rig, ['show', 'run', 'latest', '--json'])).json();
  return Object.fromEntries(metrics.map(({ name, value }: { name: string; value: number }) => [name, value]));
}

async function succeeded(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}
