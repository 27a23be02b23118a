import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig, study } from './rig.ts';

/** Begins two runs within its own and one in one of them, and leaves one going. */
const LOGS = `
const { MLFLOW_TRACKING_URI: uri, MLFLOW_RUN_ID: run_id } = process.env;
const post = async (path, body) => (await fetch(uri + '/api/2.0/mlflow/' + path, { method: 'POST', body: JSON.stringify(body) })).json();
const begin = async (run_name, above) => (await post('runs/create', { experiment_id: '0', run_name, start_time: 1767225600000, tags: [{ key: 'mlflow.parentRunId', value: above }] })).run.info.run_id;
for (const lr of [0.1, 0.2]) {
  const id = await begin('trial-' + lr, run_id);
  await post('runs/log-parameter', { run_id: id, key: 'lr', value: String(lr) });
  for (const step of [0, 1, 2]) await post('runs/log-metric', { run_id: id, key: 'loss', value: (3 - step) * lr, step, timestamp: 1767225600000 + step });
  if (lr === 0.1) await post('runs/update', { run_id: id, status: 'FINISHED', end_time: 1767225605000 });
  else await begin('deeper', id);
}
await post('runs/log-metric', { run_id, key: 'acc', value: 0.5, step: 1, timestamp: 1767225600000 });
`;

describe('runs that a step began within its own', () => {
  let rig: Rig;
  let id: string;
  before(async () => {
    rig = openRig();
    rig.write({
      'study/log.mjs': LOGS,
      'study/same.yaml': study(`parameters: {lr: {type: number, default: 0.5}}
environments: {default: {system: true}}
pipeline: {steps: {train: {run: ["${process.execPath}", log.mjs], parameters: []}}}`),
    });
    const { code, stderr, json } = await rig.same(['run', '-f', 'study', '--json']);
    assert.equal(code, 0, stderr);
    id = json().id;
  });
  after(() => rig[Symbol.dispose]());

  it('are shown with the run, and each like a run by RUN/NAME or RUN/ID', async () => {
    const { stdout } = await rig.same(['show', 'run', 'latest']);
    assert.match(stdout, /^ {2}runs within$/m);
    assert.match(stdout, /^ {4}trial-0\.1 +succeeded +5\.0 s +lr=0\.1 +loss=0\.1$/m);
    assert.match(stdout, /^ {4}trial-0\.2 +interrupted +lr=0\.2 +loss=0\.2$/m);
    assert.match(stdout, new RegExp(`same list runs --within ${id}`));
    const one = (await rig.same(['show', 'run', 'latest/trial-0.2', '--json'])).json();
    assert.equal(one.parent, id);
    assert.deepEqual([one.display, one.status, one.parameters], ['trial-0.2', 'interrupted', {}]);
    assert.deepEqual(one.steps[0].logged.parameters, { lr: '0.2' });
    const shown = await rig.same(['show', 'run', one.id]);
    assert.match(shown.stdout, new RegExp(`^run ${one.id} of study:1\\.0`));
    assert.match(shown.stdout, /^ {2}name trial-0\.2$/m);
    for (const [text, message] of [
      [`${id}/none`, /began a run "none"/],
      [`${id}/`, /began a run ""/],
    ] as const)
      await assertRefused(rig, ['show', 'run', text], {
        code: 'SAME1608',
        exit: 3,
        message,
        hint: /--within/,
      });
    await assertRefused(rig, ['tag', 'run', one.id, 'kept'], {
      code: 'SAME1608',
      exit: 3,
      message: /no run/,
    });
  });

  it('are copied into one folder of their own, not into one within that of the run', async () => {
    const { code, stderr, json } = await rig.same(['get', 'run', 'latest/trial-0.1', '--json']);
    assert.equal(code, 0, stderr);
    const [run, child] = json().run.split('/');
    assert.equal(json().directory, `study-1.0-${run.split('-').at(-1)}-${child}`);
  });

  it('are found, filtered and sorted by --within, by what was logged under them', async () => {
    const list = async (...words: string[]) => (await rig.same(['list', 'runs', ...words])).stdout;
    assert.match(await list('--within', id), /^id +display +status +parameters\.lr +metrics\.loss\n/);
    const names = async (...words: string[]) =>
      JSON.parse(await list('--json', ...words)).items.map(({ display }: { display: string }) => display);
    assert.deepEqual(await names('--within', 'latest', '--sort', 'metrics.loss'), [
      'trial-0.1',
      'trial-0.2',
      'deeper',
    ]);
    assert.deepEqual(await names('--within', id, '--where', 'parameters.lr > 0.15'), ['trial-0.2']);
    assert.deepEqual(await names('--within', id, '--where', "tags.`mlflow.runName` = 'deeper'"), ['deeper']);
    assert.deepEqual(await names('--within', `${id}/trial-0.2`), ['deeper']);
    assert.deepEqual(await names('--where', 'metrics.acc = 0.5'), [
      JSON.parse(await list('--json')).items[0].display,
    ]);
    const none = await rig.same(['list', 'runs', '--within', `${id}/deeper`]);
    assert.deepEqual([none.code, none.stdout], [0, '']);
    assert.match(none.stderr, /no run within/);
    const unknown = await rig.same(['list', 'runs', '--within', 'nothing']);
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /SAME1608 there is no run "nothing"/);
  });

  it('are compared, and drawn where the run has no such series itself', async () => {
    const compared = await rig.same(['compare', 'runs', 'latest/trial-0.1', 'latest/trial-0.2']);
    assert.match(compared.stdout, /^metrics\.loss +0\.1 +0\.2 \(\+0\.1\)$/m);
    assert.match(compared.stdout, /^parameters\.lr +0\.1 +0\.2$/m);
    const plot = (await rig.same(['plot', 'runs', 'latest', '--metric', 'loss', '--json'])).json();
    assert.deepEqual(
      plot.curves.map(({ name, given, points }: { name: string; given: object; points: number[][] }) => [
        name,
        given,
        points.length,
      ]),
      [
        ['trial-0.1', { lr: 0.1 }, 3],
        ['trial-0.2', { lr: 0.2 }, 3],
      ],
    );
    const one = await rig.same(['plot', 'runs', 'latest/trial-0.2', '--metric', 'loss']);
    assert.match(one.stdout, /trial-0\.2 {2}study:1\.0 {2}0\.2 after 3 points$/m);
  });
});

describe('a curve of a run that goes on', () => {
  it('is what its steps wrote and logged so far, and is said to be', async () => {
    using rig = openRig();
    const [mark, go] = [rig.path('mark'), rig.path('go')];
    rig.write({
      'study/log.mjs': `
const { MLFLOW_TRACKING_URI: uri, MLFLOW_RUN_ID: run_id } = process.env;
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
for (const step of [0, 1, 2]) {
  appendFileSync('metrics.jsonl', JSON.stringify({ step, loss: 3 - step }) + '\\n');
  await fetch(uri + '/api/2.0/mlflow/runs/log-metric', { method: 'POST', body: JSON.stringify({ run_id, key: 'acc', value: step / 10, step, timestamp: 1 }) });
}
appendFileSync('metrics.jsonl', '{"step": 3, "lo');
writeFileSync(${JSON.stringify(mark)}, '');
while (!existsSync(${JSON.stringify(go)})) await new Promise((done) => setTimeout(done, 20));
`,
      'study/same.yaml': study(`environments: {default: {system: true}}
pipeline: {steps: {train: {run: ["${process.execPath}", ../log.mjs], workdir: w, matrix: {seed: [1]}}}}`),
    });
    const { ended } = rig.start(['run', '-f', 'study']);
    await until('it has logged', () => existsSync(mark));
    const plot = async (metric: string) => rig.same(['plot', 'runs', 'latest', '--metric', metric]);
    assert.match((await plot('loss')).stdout, /1 after 3 points so far$/m);
    let logged = await plot('acc');
    // Points wait for a moment until they are in a file.
    for (let tries = 0; tries < 20 && !/after 3/.test(logged.stdout); tries++) logged = await plot('acc');
    assert.match(logged.stdout, /0\.2 after 3 points so far$/m);
    const [curve] = (await rig.same(['plot', 'runs', 'latest', '--metric', 'loss', '--json'])).json().curves;
    assert.equal(curve.goesOn, true);
    const none = await plot('lss');
    assert.equal(none.code, 2);
    assert.match(none.stderr, /has no series of lss so far[\s\S]*did you mean loss\?/);
    writeFileSync(go, '');
    assert.equal((await ended).code, 0);
    assert.match((await plot('loss')).stdout, /1 after 3 points$/m);
  });
});
