import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type GitHttps, startGitHttps, unavailable } from '../components/git-https.ts';
import { type Ended, openRig, type RunOptions } from './rig.ts';

// The step tells what reached it on each of its three ways, and "trains" a figure that depends on the parameter.
const study = {
  'papers/arXiv.5778v1/same.yaml': `apiVersion: same/v1
kind: Program
metadata:
  name: arXiv.1303.5778v1
  version: "1.0"
  title: Speech recognition with deep recurrent neural networks
  paper: {arxiv: "1303.5778v1"}
parameters:
  epochs: {type: integer, default: 100, minimum: 1, maximum: 100000, description: Training epochs}
  lr: {type: number, default: 0.001, exclusiveMinimum: 0}
pipeline:
  steps:
    train:
      run: ./train.sh {{flags}}
      outputs: {scores: {path: scores.json, kind: metrics}}
outputs: {scores: {from: train.scores}}
metrics:
  test_per: {from: train.scores, json: /test/per, unit: "%", direction: lower}
claims:
  - {id: table1-row5, text: PER 17.7 % on the core test set, metric: test_per, expect: 17.7, tolerance: {abs: 0.5}, cite: "Table 1, row 5"}
`,
  'papers/arXiv.5778v1/train.sh!': `#!/bin/sh
set -eu
for word; do echo "word $word"; done
echo "variable $SAME_PARAM_EPOCHS"
echo "document $(tr -d ' \\n' < "$SAME_PARAMS")"
awk -v epochs="$SAME_PARAM_EPOCHS" 'BEGIN {
  per = 100
  for (i = 0; i < epochs; i++) per -= (per - 17.5) * 0.01
  printf "{\\"test\\": {\\"per\\": %.12f}}\\n", per
}' > scores.json
`,
  'papers/README.md': 'Papers of the group.\n',
};

describe('the three headline sentences, word for word', { skip: missing() }, () => {
  for (const tag of ['1.0', 'arXiv.5778v1/1.0']) {
    test(`against a repository over HTTPS, tagged ${tag}`, async (t) => {
      using rig = openRig();
      const server = await startGitHttps();
      t.after(() => server.dispose());
      rig.write(study);
      serve(server, rig.path('papers'), tag);
      const user = rig.path('user');
      const temporary = rig.path('temporary');
      const cwd = rig.path('cwd');
      for (const directory of [user, temporary, cwd]) mkdirSync(directory);
      rig.write({ 'user/.gitconfig': `[http]\n\tsslCAInfo = ${server.caFile}\n` });
      const options: RunOptions = {
        cwd,
        env: { TMPDIR: temporary, GIT_SSL_CAINFO: undefined, GIT_SSL_CAPATH: undefined },
      };
      const userBefore = listing(user);
      const same = async (line: string, more: RunOptions = {}) =>
        succeeded(await rig.same(line.split(' '), { ...options, ...more }));

      const source = `${server.url}/uoftoronto/papers/arXiv.5778v1`;
      const created = await same(`create program -f ${source}:1.0`);
      const [, digest, from, ref] =
        /^created arXiv\.1303\.5778v1:1\.0 \((sha256:[0-9a-f]{64})\) from (\S+) \(revision [0-9a-f]{12}, ref (\S+)\)\n$/.exec(
          created.stdout,
        ) ?? [];
      assert.deepEqual([from, ref], [source, tag], created.stdout);

      await same('run program arXiv.1303.5778v1:1.0 --epochs=1000');
      const logs = await same('logs latest');
      assert.match(logs.stdout, /word --epochs=1000$/m);
      assert.match(logs.stdout, /variable 1000$/m);
      const reached = JSON.parse(/document (\{.*\})$/m.exec(logs.stdout)?.[1] ?? 'null');
      assert.strictEqual(reached.epochs, 1000);
      assert.strictEqual(reached.lr, 0.001);
      const shown = await same('show run latest');
      assert.match(shown.stdout, /^ *epochs: 1000 \(--epochs; default 100\)$/m);
      assert.match(shown.stdout, /^ *agrees +table1-row5 /m);
      const first = (await same('show run latest --json')).json();
      assert.equal(first.program.digest, digest);
      assert.deepEqual(first.parameters.epochs, { value: 1000, source: '--epochs', default: 100 });

      assert.deepEqual(readdirSync(cwd), []);
      const exported = await same('export program -n arXiv.1303.5778v1:1.1');
      assert.deepEqual(readdirSync(cwd), ['arXiv.1303.5778v1:1.1.tgz']);
      assert.equal(exported.stdout, 'exported arXiv.1303.5778v1:1.1 to ./arXiv.1303.5778v1:1.1.tgz\n');
      assert.match(exported.stderr, /1\.1 from arXiv\.1303\.5778v1:1\.0 and its run .*default epochs=1000/);
      const authors = (await same('show program arXiv.1303.5778v1:1.1 --json')).json();

      // An empty home elsewhere, the server gone, with no network at all where this user may take it away.
      await server.dispose();
      const elsewhere: RunOptions = {
        ...options,
        env: { ...options.env, SAME_HOME: rig.path('elsewhere'), GIT_CONFIG_GLOBAL: '/dev/null' },
        under: withoutNetwork(),
      };
      if (elsewhere.under?.length === 0) t.diagnostic('this user may not take the network away');
      await same('import ./arXiv.1303.5778v1:1.1.tgz', elsewhere);
      const listed = (await same('list runs', elsewhere)).stdout.split('\n');
      assert.match(listed[1] ?? '', /arXiv\.1303\.5778v1:1\.0 +succeeded \(not yours\) /);
      await same('run program arXiv.1303.5778v1:1.1', elsewhere);
      const second = (await same('show run latest --json', elsewhere)).json();
      assert.equal(second.program.digest, authors.digests.program);
      assert.deepEqual(second.parameters.epochs, { value: 1000, source: 'default', default: 1000 });
      assert.deepEqual(second.metrics, first.metrics);
      assert.deepEqual(second.outputs, first.outputs);
      assert.deepEqual(
        second.claims.map((claim: { outcome: string }) => claim.outcome),
        ['within'],
      );
      const both = (await same('list runs --json', elsewhere)).json().items;
      assert.deepEqual(
        both.map((run: { own: boolean }) => run.own),
        [true, false],
      );

      assert.deepEqual(listing(user), userBefore);
      assert.deepEqual(readdirSync(temporary), []);
      assert.deepEqual(readdirSync(cwd), ['arXiv.1303.5778v1:1.1.tgz']);
      assert.ok(statSync(join(cwd, 'arXiv.1303.5778v1:1.1.tgz')).size < 100_000);
      assert.deepEqual(readdirSync(rig.root).sort(), [
        'cwd',
        'elsewhere',
        'home',
        'papers',
        'temporary',
        'user',
      ]);
    });
  }

  test('a version that no ref has is refused with what was tried and which versions there are', async (t) => {
    using rig = openRig();
    const server = await startGitHttps();
    t.after(() => server.dispose());
    rig.write(study);
    serve(server, rig.path('papers'), '1.0');
    rig.write({ 'user/.gitconfig': `[http]\n\tsslCAInfo = ${server.caFile}\n` });
    const { code, stderr, stdout } = await rig.same(
      ['create', 'program', '-f', `${server.url}/uoftoronto/papers/arXiv.5778v1:2.7`],
      { env: { GIT_SSL_CAINFO: undefined, GIT_SSL_CAPATH: undefined } },
    );
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /^SAME\d{4} .*arXiv\.5778v1\/2\.7.*v2\.7/m);
    assert.match(stderr, /1\.0/);
  });

  test('a server whose certificate nobody vouches for is refused', async (t) => {
    using rig = openRig();
    const server = await startGitHttps();
    t.after(() => server.dispose());
    rig.write(study);
    serve(server, rig.path('papers'), '1.0');
    const { code, stderr } = await rig.same(
      ['create', 'program', '-f', `${server.url}/uoftoronto/papers/arXiv.5778v1:1.0`],
      { env: { GIT_SSL_CAINFO: undefined, GIT_SSL_CAPATH: undefined } },
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /^SAME\d{4} .*certificate/m);
  });
});

/** Makes the folder a repository of one commit and serves a bare copy of it as `/uoftoronto/papers`. */
function serve(server: GitHttps, folder: string, tag: string): void {
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...words], {
      cwd: folder,
      stdio: 'pipe',
    });
  git('init', '--quiet', '-b', 'main');
  git('add', '--all');
  git('commit', '--quiet', '-m', 'first');
  git('tag', tag);
  git('clone', '--quiet', '--bare', folder, join(server.repositories, 'uoftoronto/papers.git'));
}

function succeeded(ended: Ended): Ended {
  assert.equal(ended.code, 0, `${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Every file below a directory with its content. */
function listing(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => [name, join(directory, name)])
      .map(([name, path]) => [name!, statSync(path!).isFile() ? readFileSync(path!, 'utf8') : '']),
  );
}

/** The command that takes the network away from another, where this user may. */
function withoutNetwork(): string[] {
  return (
    [
      ['unshare', '-n'],
      ['unshare', '-r', '-n'],
    ].find(([command, ...words]) => spawnSync(command!, [...words, 'true']).status === 0) ?? []
  );
}

/** Why this cannot run here: never a reason under CI. */
function missing(): string | false {
  return process.env.CI ? false : (unavailable() ?? false);
}
