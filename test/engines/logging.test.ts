import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Intake } from '../../src/engines/intake.ts';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { openIntake } from '../../src/runs/mlflow/intake.ts';
import { openIntakeServer } from '../../src/runs/mlflow/intake-server.ts';
import { contentOf, resultOf } from '../../src/runs/step-outcome.ts';
import { type Fixture, type OpenEngine, runFixture } from '../contract/workbench.ts';

/** Logs as a client does, as often as it is told, and ends with the code that it is given. */
const LOGS = `
const { MLFLOW_TRACKING_URI: uri, MLFLOW_RUN_ID: run_id, SAME_ATTEMPT: attempt } = process.env;
const post = (path, body) => fetch(uri + '/api/2.0/mlflow/' + path, { method: 'POST', body: JSON.stringify({ run_id, ...body }) });
await post('runs/log-metric', { key: 'loss', value: Number(attempt), step: 1, timestamp: 1 });
await post('runs/log-metric', { key: 'acc', value: 0.5, step: 1, timestamp: 1 });
await post('runs/log-parameter', { key: 'attempt' + attempt, value: process.cwd() + '/x' });
await fetch(uri + '/api/2.0/mlflow-artifacts/artifacts/' + run_id + '/artifacts/f', { method: 'PUT', body: 'of ' + attempt });
(await import('node:fs')).writeFileSync('metrics.json', '{"acc": 0.75}');
process.exit(attempt === process.argv[2] ? 0 : 1);
`;
const manifest = (step: string) => `
environments: {default: {system: true}}
pipeline:
  steps:
    train:
      run: ["${process.execPath}", log.mjs, "2"]
${step}
`;

/** Runs it with an intake over the same content. */
async function run(more: Partial<Fixture> = {}) {
  let intake: Intake | undefined;
  const open: OpenEngine = (content) => {
    intake = openIntake(async (attempts) => openIntakeServer(attempts, content));
    return openLocalEngine(content);
  };
  const step = more.manifest ?? manifest('      retries: {max: 2, backoff: 0s}');
  return runFixture(open, {
    files: { 'log.mjs': LOGS },
    ...more,
    manifest: step,
    context: (context) => ({ ...context, ...more.context?.(context), intake: intake! }),
  });
}

describe('what attempts log on this machine', () => {
  it('counts of the last attempt, and comes back where its result is reused', async () => {
    const ran = await run();
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    const { logged } = ran.step('train');
    assert.deepEqual(logged?.parameters, { attempt2: 'x' });
    assert.equal(logged?.artifacts?.sizeBytes, 4);
    assert.deepEqual(ran.attempts('train')[0]!.logged?.parameters, { attempt1: 'x' });
    const figures = ran.record.metrics.map(({ name, value, count, series }) => [
      name,
      value,
      count,
      series !== undefined,
    ]);
    assert.deepEqual(figures, [
      ['acc', 0.75, undefined, false],
      ['loss', 2, 1, true],
    ]);
    const result = resultOf(ran.attempts('train')[1]!, ran.record.id)!;
    const again = await run({ context: (context) => ({ ...context, reuse: async () => result }) });
    assert.equal(again.step('train').cached, true);
    assert.deepEqual(again.step('train').logged, logged);
    assert.deepEqual(again.record.metrics, ran.record.metrics);
    const { artifacts, series } = contentOf(result);
    assert.ok(artifacts.some(({ digest }) => digest === logged!.artifacts!.digest));
    assert.deepEqual(series, [ran.record.metrics[1]!.series]);
  });

  it('is kept of a step that failed, with its figures and series, and is no result', async () => {
    const ran = await run({ manifest: manifest('') });
    assert.equal(ran.record.status, 'failed');
    assert.deepEqual(ran.codes, ['SAME1601']);
    assert.deepEqual(ran.step('train').logged?.parameters, { attempt1: 'x' });
    assert.equal(ran.step('train').logged?.artifacts?.sizeBytes, 4);
    assert.deepEqual(
      ran.record.metrics.map(({ name, value, step }) => [name, value, step]),
      [
        ['acc', 0.75, 'train'],
        ['loss', 1, 'train'],
      ],
    );
    const series = ran.record.metrics[1]!.series!;
    assert.match((await ran.content.read(series)).toString(), /^\{"step":1,"time":0.001,"loss":1\}\n/);
    assert.equal(resultOf(ran.attempts('train')[0]!, ran.record.id), undefined);
  });

  for (const status of ['timeout', 'canceled'] as const) {
    it(`is kept of a step that ended as ${status}`, async () => {
      const logs = LOGS.replace(/process\.exit.*/, "console.log('ready'); setInterval(() => {}, 1000);");
      const ran = await run({
        manifest: manifest(status === 'timeout' ? '      timeout: 6s' : ''),
        files: { 'log.mjs': logs },
        graceMs: 2000,
        onEvent: (event, { cancel }) => {
          if (status === 'canceled' && event.type === 'step-output' && event.lines.includes('ready'))
            cancel();
        },
      });
      assert.equal(ran.record.status, status);
      assert.equal(ran.step('train').status, status);
      assert.deepEqual(ran.step('train').logged?.parameters, { attempt1: 'x' });
      assert.deepEqual(
        ran.record.metrics.map(({ name }) => name),
        ['acc', 'loss'],
      );
    });
  }

  it('goes on where this machine has nothing to listen at', async () => {
    const ran = await runFixture(openLocalEngine, {
      manifest: 'pipeline: {steps: {a: {run: \'echo "${MLFLOW_TRACKING_URI-none} ${MLFLOW_RUN_ID-none}"\'}}}',
      context: (context) => ({ ...context, intake: { open: async () => undefined } }),
    });
    assert.equal(await ran.log('a'), 'none none\n');
  });
});
