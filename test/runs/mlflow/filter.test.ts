import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meets } from '../../../src/runs/index/scanned-index.ts';
import { type Attributes, parseFilter, parseOrder } from '../../../src/runs/mlflow/filter.ts';
import { Refusal } from '../../../src/runs/mlflow/refusal.ts';
import type { RunRow } from '../../../src/runs/run-query.ts';

const attributes: Attributes = {
  status: { of: 'run', name: 'status' },
  start_time: { of: 'run', name: 'startedAt' },
  run_name: { of: 'run', name: 'display' },
};
const row: RunRow = {
  id: '1',
  own: true,
  display: 'first try',
  program: 'p',
  version: '1',
  digest: '',
  status: 'succeeded',
  startedAt: '2026-01-01T00:00:00.000Z',
  engine: '',
  target: '',
  parameters: { lr: 0.1, name: 'adam', on: true, 'a b': 'x' },
  metrics: { loss: 0.5, 'val/acc': 0.9 },
  tags: { 'mlflow.parentRunId': 'r', "o'": "it's" },
};
const isMet = (filter: string, status = row.status) => {
  const condition = parseFilter(filter, attributes);
  return condition === undefined || meets({ ...row, status }, condition);
};

describe('a filter of MLflow’s protocol', () => {
  it('means the same runs as there', () => {
    const met = [
      '',
      "params.lr = '0.1'",
      "params.lr = '0.10'",
      "parameter.name LIKE 'a%'",
      "params.name ILIKE 'AD_M'",
      "params.on = 'True'",
      "params.`a b` = 'x'",
      'params."a b" = \'x\'',
      'metrics.loss < 0.6 and metrics.val/acc >= 9e-1',
      'metric.`val/acc` > 0.5 AND metrics.loss != 1',
      "tags.mlflow.parentRunId = 'r'",
      "tags.\"o'\" = 'it''s'",
      'attributes.status = \'FINISHED\' and status != "FAILED"',
      'start_time >= 1767225600000 and attributes.start_time < 1767225600001',
      "run_name = 'first try'",
      "params.name IN ('sgd', 'adam')",
      "params.name NOT IN ('sgd')",
      'params.missing IS NULL and params.name is not null and tags.none IS NULL',
      "params.lr != '0.2'",
    ];
    for (const filter of met) assert.equal(isMet(filter), true, filter);
    const unmet = [
      "params.lr = '1'",
      "params.none != 'x'",
      'metrics.loss > 0.5',
      "status = 'RUNNING'",
      'params.name IS NULL',
    ];
    for (const filter of unmet) assert.equal(isMet(filter), false, filter);
  });

  it('means with a status every run that is shown with it', () => {
    for (const status of ['failed', 'timeout', 'interrupted'] as const) {
      for (const filter of ["status = 'FAILED'", "status IN ('FAILED', 'KILLED')", "status != 'FINISHED'"])
        assert.equal(isMet(filter, status), true, `${status} ${filter}`);
      for (const filter of ["status != 'FAILED'", "status NOT IN ('FAILED')", "status = 'KILLED'"])
        assert.equal(isMet(filter, status), false, `${status} ${filter}`);
    }
  });

  it('is refused with what is wrong with it', () => {
    const wrong = [
      'params',
      'params.',
      "params.a = 'x",
      "params.a = 'x' or params.b = 'y'",
      "params.a == 'x'",
      "params.a 'x'",
      'metrics.loss < many',
      'metrics.loss IN (1,',
      'metrics.loss IN ()',
      'params.a IS 1',
      'params.a NOT = 1',
      "nobody.a = 'x'",
      "attributes.artifact_uri = 'x'",
      'attributes.constructor = 1',
      'constructor.x = 1',
      "__proto__.x = 'y'",
      '; DROP TABLE runs',
      "params.a = 'x' and",
      'x'.repeat(70_000),
      'start_time > 99999999999999999999',
    ];
    for (const filter of wrong) {
      assert.throws(
        () => parseFilter(filter, attributes),
        (error) =>
          error instanceof Refusal && error.code === 'INVALID_PARAMETER_VALUE' && error.message.length < 300,
        filter.slice(0, 60),
      );
    }
  });

  it('is read in no time, whatever it is', () => {
    const began = process.cpuUsage();
    for (const part of ['a.', '"', '`', '\\', "'", 'a."', '(', ' and ']) {
      const text = `params.a${part.repeat(20_000)}`;
      assert.throws(() => parseFilter(text, attributes), Refusal);
    }
    const { user } = process.cpuUsage(began);
    assert.ok(user < 5_000_000, `${user} µs`);
  });

  it('goes with an order', () => {
    assert.deepEqual(parseOrder(['metrics.loss DESC', 'start_time', 'params.`a b` asc'], attributes), [
      { field: { of: 'metrics', name: 'loss' }, descending: true },
      { field: { of: 'run', name: 'startedAt' }, descending: false },
      { field: { of: 'parameters', name: 'a b' }, descending: false },
    ]);
    assert.throws(() => parseOrder(['metrics.loss sideways'], attributes), Refusal);
  });
});
