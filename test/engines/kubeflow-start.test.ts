import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { watchedStartText } from '../../src/engines/kubeflow/start.ts';
import { kubeflow } from '../../src/engines/kubeflow/system.ts';
import { compilation, compiled, RUN } from './compilations.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
type Json = any;

const home = mkdtempSync(join(tmpdir(), 'same-kubeflow-start-'));
after(() => rmSync(home, { recursive: true, force: true }));

/** A directory of an attempt with empty files, each mounted for itself. */
function mounted(): string {
  const root = mkdtempSync(join(home, 'root-'));
  for (const [number, name] of ['shim.sh', 'step.sh', 'of'].entries()) {
    mkdirSync(join(root, 'config', String(number)), { recursive: true });
    writeFileSync(join(root, 'config', String(number), name), '');
  }
  return root;
}

describe('the first command of a watched task', () => {
  it('ends at once where what it reads is gone with its run', () => {
    const root = mkdtempSync(join(home, 'gone-'));
    const ended = spawnSync(
      'sh',
      ['-c', watchedStartText([], []).replace('B=/same', `B=${root}`), 'same', 'bye', '0', '0'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    assert.equal(ended.status, 125);
    assert.match(ended.stderr, /same: the run has ended/);
  });

  it('ends at once where what it reads is that of a run which was gone on with', () => {
    const mount = (id: string) => {
      const bye = compiled('bye', { run: ['true'] });
      const watched = { id, directory: `kubeflow-${RUN}`, secret: 'same-secrets-of-it' };
      const objects: Json[] = kubeflow.compile({ ...compilation([bye]), watched }).objects;
      const { platform_spec: platform } = objects.pop().spec.pipeline_spec;
      const { configMapAsVolume } = platform.platforms.kubernetes.deploymentSpec.executors['exec-bye'];
      return { objects, volumes: configMapAsVolume as Json[] };
    };
    const [before, now] = [mount('the-run'), mount('the-run-again')];
    // What the pod of `one` finds where the objects of `other` are there.
    const begin = (one: typeof now, other: typeof now) => {
      const root = mkdtempSync(join(home, 'late-'));
      for (const { configMapName, mountPath } of one.volumes) {
        const found = other.objects.find(({ metadata }: Json) => metadata.name === configMapName);
        const directory = mountPath.replace('/same', root);
        mkdirSync(directory, { recursive: true });
        for (const [name, text] of Object.entries(found?.data ?? {}))
          writeFileSync(join(directory, name), text as string);
      }
      writeFileSync(join(root, 'config/0/shim.sh'), `echo ran >"${root}/told"`);
      const text = watchedStartText([], []).replace('B=/same', `B=${root}`);
      const { status, stderr } = spawnSync('sh', ['-c', text, 'same', 'bye', '0', '0'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return { status, stderr, hasRun: existsSync(join(root, 'told')) };
    };
    assert.deepEqual(begin(before, now), { status: 125, stderr: 'same: the run has ended\n', hasRun: false });
    assert.deepEqual(begin(now, now), { status: 0, stderr: '', hasRun: true });
    // A node goes on having what cannot be changed.
    const own = now.objects.filter(
      ({ metadata }: Json) => !before.objects.some((other: Json) => other.metadata.name === metadata.name),
    );
    assert.deepEqual(
      own.map(({ immutable, data }: Json) => [immutable, data]),
      [[undefined, { of: 'the-run-again' }]],
    );
  });

  it('runs nothing without a secret that its step needs, and runs without others', () => {
    const step = compiled('train', { run: ['true'], secrets: ['TOKEN', 'KEY'] });
    const watched = { id: 'the-run', directory: `kubeflow-${RUN}`, secret: 'same-secrets-of-it' };
    const whole = { ...compilation([step]), optionalSecrets: ['KEY'], watched };
    const run: Json = kubeflow.compile(whole).objects.at(-1);
    const { deploymentSpec } = run.spec.pipeline_spec.pipeline_spec;
    const [, , text] = deploymentSpec.executors['exec-train'].container.command;
    const begin = (env: Record<string, string>) => {
      const root = mounted();
      writeFileSync(join(root, 'config/0/shim.sh'), 'echo ran');
      const words = ['-c', text.replace('B=/same', `B=${root}`), 'same', 'train', '0', '0'];
      const { status, stdout, stderr } = spawnSync('sh', words, {
        env: { PATH: process.env.PATH, ...env },
        encoding: 'utf8',
      });
      return [status, stdout, stderr];
    };
    assert.deepEqual(begin({ SAME_SECRET_KEY: 'k' }), [125, '', 'same: no secret TOKEN\n']);
    // An empty one is one.
    assert.deepEqual(begin({ SAME_SECRET_TOKEN: '' }), [0, 'ran\n', '']);
  });

  const shells = [['sh'], ['bash', '--posix']];
  for (const shell of shells)
    it(`counts attempts by what they left, and puts accounts aside, in ${shell[0]}`, () => {
      const root = mounted();
      // What the shim is told, and an account as it leaves one.
      writeFileSync(
        join(root, 'config/0/shim.sh'),
        `mkdir -p "$SAME_KEEP/.same"; echo "$SAME_CELL $SAME_RETRIES" >>"${root}/told"; export -p >"${root}/env"
         echo "{\\"again\\":$AGAIN,}" >"$SAME_KEEP/.same/exit.json"; [ -f "$SAME_STEP_FILE" ] || exit 9`,
      );
      const attempt = (again: boolean) => {
        rmSync(join(root, 'spec'), { recursive: true, force: true });
        const ended = spawnSync(
          shell[0]!,
          [
            ...shell.slice(1),
            ...['-c', watchedStartText([], []).replace('B=/same', `B=${root}`), 'same', 'train', '4', '3'],
          ],
          {
            env: { PATH: process.env.PATH, AGAIN: String(again), KFP_POD_NAME: 'x' },
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        );
        assert.equal(ended.status, 0, ended.stderr);
      };
      for (const again of [true, true, false, true]) attempt(again);
      assert.equal(readFileSync(join(root, 'told'), 'utf8'), '4 0\n4 1\n4 2\n4 3\n');
      // The third is final: it stays where its outputs are, and the fourth says the same again.
      assert.deepEqual(readdirSync(join(root, 'keep/4')).sort(), ['.same', '.same-1', '.same-2']);
      assert.doesNotMatch(readFileSync(join(root, 'env'), 'utf8'), /KFP_POD_NAME/);
      assert.ok(existsSync(join(root, 'spec/step.sh')));
    });
});
