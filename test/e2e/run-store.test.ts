import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeManyRuns } from '../../bench/many-runs.ts';
import { until } from '../components/facts.ts';
import { type Ended, openRig, type Rig } from './rig.ts';

const MANIFEST = `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters: {lr: {type: number, default: 1}}
pipeline:
  steps:
    main:
      run: printf '{"acc":0.%s}' "$SAME_PARAM_LR" > "$SAME_OUT/all" && cp "$SAME_OUT/all" metrics.json && echo printed
      outputs: {all: {}}
`;

let rig: Rig;
before(async () => {
  rig = openRig();
  rig.write({ 'study/same.yaml': MANIFEST });
  await ok(['create', '-f', 'study']);
  for (const lr of [5, 7, 3]) await ok(['run', 'study:1.0', `--lr=${lr}`]);
});
after(() => rig[Symbol.dispose]());

async function ok(words: string[], env?: Record<string, string>): Promise<Ended> {
  const ended = await rig.same(words, env ? { env } : {});
  assert.equal(ended.code, 0, `same ${words.join(' ')}: ${ended.stderr}`);
  return ended;
}

const listed = async (env?: Record<string, string>) =>
  (await ok(['list', 'runs', '--json'], env)).json().items as { id: string; status: string }[];
const filesOf = (home: string) =>
  readdirSync(join(home, 'runs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

describe('the runs of a home', () => {
  test('are found by their figures, without a word of the database', async () => {
    const words = ['list', 'runs', '--where', 'metrics.acc > 0.4', '--sort', '-metrics.acc', '--json'];
    const { stdout, stderr } = await ok(words);
    assert.deepEqual(
      JSON.parse(stdout).items.map(
        ({ parameters }: { parameters: { lr: { value: number } } }) => parameters.lr.value,
      ),
      [7, 5],
    );
    assert.equal(stderr, '');
  });

  test('list the same in a copy of the home, with and without the index, and after a new one', async () => {
    const runs = await listed();
    const home = rig.path('copy');
    for (const copy of [
      ['cp', '-a', `${rig.home}/.`, home],
      ['rsync', '-a', `${rig.home}/`, `${home}/`],
    ]) {
      rmSync(home, { recursive: true, force: true });
      if (spawnSync('bash', ['-c', `command -v ${copy[0]}`]).status !== 0) continue;
      assert.equal(spawnSync(copy[0]!, copy.slice(1)).status, 0);
      const env = { SAME_HOME: home };
      assert.deepEqual(await listed(env), runs);
      assert.match((await ok(['reindex'], env)).stdout, /^3 runs in the index\n$/);
      for (const name of readdirSync(home)) if (name.startsWith('index-')) rmSync(join(home, name));
      assert.deepEqual(await listed(env), runs);
      assert.match((await ok(['check', 'store'], env)).stdout, /^3 runs, all whole\n$/);
    }
  });

  test('are interrupted in a copy when their writer was killed, and gone on with there', async () => {
    rig.write({
      'long/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: long, version: "1.0"}
pipeline:
  steps:
    first: {run: echo one > "$SAME_OUT/o", outputs: {o: {}}}
    second: {run: "[ -e ${rig.path('go')} ] || sleep 600", inputs: {o: {from: first.o}}}
`,
    });
    await ok(['create', '-f', 'long']);
    const { child, ended } = rig.start(['run', 'long:1.0']);
    await until('the second step has started', () =>
      journals().some((text) => /step-started.*"step":"second"|"step":"second".*pid/.test(text)),
    );
    child.kill('SIGKILL');
    await ended;
    const home = rig.path('moved');
    assert.equal(spawnSync('cp', ['-a', `${rig.home}/.`, home]).status, 0);
    const env = { SAME_HOME: home };
    rig.write({ go: '' });
    const [killed] = await listed(env);
    assert.equal(killed!.status, 'interrupted');
    await ok(['run', '--resume'], env);
    const { items } = (await ok(['list', 'runs', '--json'], env)).json();
    assert.deepEqual([items[0].status, items[0].resumes], ['succeeded', killed!.id]);
    await ok(['delete', 'run', killed!.id]);
  });

  test('are packed by gc once there are many, and nothing else about them changes', async () => {
    const home = rig.path('many');
    writeManyRuns(home, 100);
    const env = { SAME_HOME: home };
    unpackRuns(home);
    const before = (await ok(['list', 'runs', '--json'], env)).json();
    assert.equal(before.total, 100);
    assert.equal(filesOf(home).length, 100);
    assert.match((await ok(['gc'], env)).stderr, /runs +100 packed into 1 file/);
    assert.equal(filesOf(home).length, 1);
    assert.deepEqual((await ok(['list', 'runs', '--json'], env)).json(), before);
    const { id } = before.items[7];
    assert.equal((await ok(['show', 'run', id, '--json'], env)).json().id, id);
    await ok(['delete', 'run', id], env);
    const { total, items } = (await ok(['list', 'runs', '--json'], env)).json();
    assert.equal(total, 99);
    assert.ok(items.every((run: { id: string }) => run.id !== id));
    assert.match((await ok(['check', 'store'], env)).stdout, /^99 runs, all whole\n$/);
  });

  test('keep in their pack a log whose stored copy is torn', async () => {
    const home = rig.path('torn');
    writeManyRuns(home, 64);
    unpackRuns(home);
    const { name, parentPath } = filesOf(home).find((file) => file.name === 'run.json')!;
    const record = JSON.parse(readFileSync(join(parentPath, name), 'utf8'));
    const text = 'printed by a step\n';
    const hex = createHash('sha256').update(text).digest('hex');
    const log = { digest: `sha256:${hex}`, sizeBytes: text.length };
    const [step] = JSON.parse(
      readFileSync(pathOf(rig.home, (await listed())[0]!.id, 'run.json'), 'utf8'),
    ).steps;
    record.steps = [{ ...step, logs: { stdout: log, stderr: log } }];
    writeFileSync(join(parentPath, name), JSON.stringify(record));
    mkdirSync(join(parentPath, 'logs'));
    writeFileSync(join(parentPath, `logs/${step.name}.1.stdout`), text);
    mkdirSync(join(home, 'content/blobs/sha256'), { recursive: true });
    writeFileSync(join(home, 'content/blobs/sha256', hex), text.slice(0, 7));
    const env = { SAME_HOME: home };
    assert.match((await ok(['gc'], env)).stderr, /runs +64 packed into 1 file/);
    assert.match((await ok(['logs', record.id], env)).stdout, /printed by a step/);
  });

  test('are told of when they are damaged, in a pack or out of it, and when the index is', async () => {
    const home = rig.path('damaged');
    assert.equal(spawnSync('cp', ['-a', `${rig.home}/.`, home]).status, 0);
    const env = { SAME_HOME: home };
    const [first, second] = await listed(env);
    const journal = pathOf(home, first!.id, 'journal.jsonl');
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('run-begun', 'run-begin'));
    const record = pathOf(home, second!.id, 'run.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace('"exitCode":0', '"exitCode":9'));
    const checked = await rig.same(['check', 'store', '--json'], { env });
    assert.equal(checked.code, 7);
    const { findings } = checked.json();
    assert.deepEqual(
      findings.map(({ code, clause }: { code: string; clause: string }) => `${code} ${clause}`).sort(),
      ['SAME1612 SAME-RUN-015', 'SAME1612 SAME-RUN-094'],
    );
    const verified = await rig.same(['verify', 'integrity', '--json'], { env });
    assert.equal(verified.code, 7);
    assert.deepEqual(verified.json().findings, findings);
  });
});

function journals(): string[] {
  return filesOf(rig.home)
    .filter(({ name }) => name === 'journal.jsonl')
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
}

function pathOf(home: string, id: string, name: string): string {
  const found = filesOf(home).find((file) => file.name === name && file.parentPath.endsWith(id));
  assert.ok(found, `${name} of ${id}`);
  return join(found.parentPath, name);
}

/** Gives each run of a pack a directory of its own again. */
function unpackRuns(home: string): void {
  for (const { name, parentPath } of filesOf(home)) {
    if (!name.startsWith('pack-')) continue;
    assert.equal(spawnSync('tar', ['xf', join(parentPath, name), '-C', parentPath]).status, 0);
    for (const gone of [name, 'pack.json']) rmSync(join(parentPath, gone));
  }
}
