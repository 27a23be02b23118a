import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { searchRows } from '../../../src/runs/index/scanned-index.ts';
import type { History, HistoryRun } from '../../../src/runs/mlflow/history.ts';
import { experimentOf } from '../../../src/runs/mlflow/history.ts';
import { serveHistory } from '../../../src/runs/mlflow/history-server.ts';
import type { RunRecord } from '../../../src/runs/run-record.ts';
import { rowOf } from '../../../src/runs/run-row.ts';
import { begun } from '../record.ts';

const blob = (digit: string) => `sha256:${digit.repeat(64)}`;
const idOf = (number: number) => `019a3b5c-7d00-7abc-8def-00000000000${number}`;
const SERIES =
  '{"step":0,"time":1767225600,"loss":1}\n{"step":1,"time":1767225601.5,"loss":0.5,"acc":"NaN"}\n';

function runOf(number: number, more: Partial<RunRecord> = {}): HistoryRun {
  const { program } = begun();
  const record = begun({
    id: idOf(number),
    display: `run-${number}`,
    status: 'succeeded',
    finishedAt: '2026-01-31T09:31:00.000Z',
    program: { ...program, name: 'study' },
    parameters: { lr: { value: number / 10, source: '--set' }, on: { value: true, source: 'default' } },
    metrics: [{ name: 'loss', step: 'train', value: 0.5 * number, count: 2, series: blob('1') }],
    steps: [
      {
        name: 'train',
        status: 'succeeded',
        attempts: 1,
        cached: false,
        command: 'x',
        environment: 'default',
        inputs: {},
        outputs: { model: { digest: blob('2'), sizeBytes: 5 } },
        logged: {
          parameters: { lr: `${number / 10}0`, batch: '32' },
          tags: { kind: 'test' },
          artifacts: { digest: `tree:${blob('3')}`, sizeBytes: 5 },
          runs: [
            {
              id: 'c1',
              name: 'child',
              status: 'finished',
              startedAt: '2026-01-31T09:30:00.000Z',
              finishedAt: '2026-01-31T09:30:30.000Z',
              metrics: [
                { name: 'm', value: 7, count: 2, series: blob('5') },
                { name: 'alone', value: 1 },
              ],
              parameters: { p: 'x' },
            },
          ],
        },
      },
    ],
    ...more,
  });
  return { record, tags: { mine: 'yes' }, note: 'a note' };
}

const runs = [
  runOf(1),
  runOf(2),
  runOf(3, { status: 'failed', program: { ...begun().program, name: 'other' } }),
];
runs[1]!.record.metrics.push(
  { name: 'map@10', step: 'train', value: 0.1, count: 2, series: blob('6') },
  { name: 'map', step: 'train', value: 0.9, count: 2, series: blob('6') },
  { name: 'gone', step: 'train', value: 3, count: 4, series: blob('9') },
  { name: 'val.a.b', step: 'train', value: 2, count: 2, series: blob('a') },
  { name: 'r', step: 'cell.1', matrix: { x: 1 }, value: 1, count: 1, series: blob('7') },
  { name: 'r', step: 'cell.2', matrix: { x: 2 }, value: 2, count: 2, series: blob('8') },
);
const blobs: Record<string, string> = {
  [blob('1')]: SERIES,
  [blob('2')]: 'model',
  [blob('4')]: 'hello',
  [blob('5')]: '{"step":9,"time":1767225609,"m":7}\n{"step":4,"time":1767225604,"m":8}\n',
  [blob('6')]:
    '{"step":100,"map":0.8,"map@10":0.2}\n{"step":200,"time":1767225700,"map":0.9,"map@10":0.1}\n{"step":300,"torn',
  [blob('7')]: '{"epoch":5,"r":1}\n',
  [blob('a')]: '{"step":1,"val":{"a.b":1}}\n{"step":2,"time":1767225602,"val":{"a":{"b":2}}}\n',
  [blob('8')]: '{"r":1}\nnull\n{"r":2,"of":{}}\n',
};
const history: History = {
  search: (query) =>
    searchRows(
      runs.map(({ record, tags }) => rowOf({ record, own: true }, tags)),
      query,
    ),
  read: async (rows) => rows.flatMap(({ id }) => runs.find(({ record }) => record.id === id) ?? []),
  run: async (id) => runs.find(({ record }) => record.id === id),
  text: async (digest) => blobs[digest],
  tree: async (digest) =>
    digest === `tree:${blob('3')}` ? [{ path: 'dir/a.txt', digest: blob('4'), sizeBytes: 5 }] : undefined,
  blob: async (digest) =>
    blobs[digest] === undefined
      ? undefined
      : (async function* () {
          yield Buffer.from(blobs[digest]!);
        })(),
};
const { uri, close } = await serveHistory(history, 0);

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(`${uri}${path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`}`, {
    method,
    headers: { connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    json: text.startsWith('{') ? (JSON.parse(text) as any) : undefined,
  };
}
const named = (json: { runs: { info: { run_name: string } }[] }) =>
  json.runs.map(({ info }) => info.run_name);
const study = experimentOf('study');

describe('the history that clients of MLflow read', () => {
  it('has programs as experiments, and everything as experiment 0', async () => {
    const { json } = await ask('POST', 'experiments/search', {});
    assert.deepEqual(json.experiments.map(({ name }: { name: string }) => name).sort(), ['other', 'study']);
    const one = await ask('POST', 'experiments/search', { filter: "name LIKE 'st%'" });
    assert.deepEqual(
      one.json.experiments.map(({ name }: { name: string }) => name),
      ['study'],
    );
    assert.equal(
      (await ask('GET', 'experiments/get-by-name?experiment_name=study')).json.experiment.experiment_id,
      study,
    );
    assert.equal((await ask('GET', 'experiments/get?experiment_id=1')).status, 404);
    assert.deepEqual(named((await ask('POST', 'runs/search', { experiment_ids: ['0'] })).json), [
      'run-3',
      'run-2',
      'run-1',
    ]);
    assert.deepEqual(named((await ask('POST', 'runs/search', { experiment_ids: [study] })).json), [
      'run-2',
      'run-1',
    ]);
  });

  it('is searched by filters and orders, a page at a time', async () => {
    const search = async (more: object) =>
      (await ask('POST', 'runs/search', { experiment_ids: ['0'], ...more })).json;
    assert.deepEqual(named(await search({ filter: "params.lr = '0.2' and tags.mine = 'yes'" })), ['run-2']);
    assert.deepEqual(named(await search({ filter: "params.batch = '32' and status = 'FAILED'" })), ['run-3']);
    assert.deepEqual(named(await search({ filter: 'metrics.loss <= 1', order_by: ['metrics.loss ASC'] })), [
      'run-1',
      'run-2',
    ]);
    const first = await search({ max_results: 2, order_by: ['params.lr DESC'] });
    assert.deepEqual(named(first), ['run-3', 'run-2']);
    const second = await search({
      max_results: 2,
      order_by: ['params.lr DESC'],
      page_token: first.next_page_token,
    });
    assert.deepEqual([named(second), second.next_page_token], [['run-1'], undefined]);
    assert.equal(
      (await ask('POST', 'runs/search', { filter: 'what' })).json.error_code,
      'INVALID_PARAMETER_VALUE',
    );
  });

  it('calls a run as who logged in it did', async () => {
    const { steps } = runs[0]!.record;
    const before = steps[0]!.logged;
    steps[0]!.logged = { ...before, tags: { 'mlflow.runName': 'my try' } };
    const { info, data } = (await ask('GET', `runs/get?run_id=${idOf(1)}`)).json.run;
    const found = await ask('POST', 'runs/search', {
      experiment_ids: ['0'],
      filter: "attributes.run_name = 'my try'",
    });
    if (before) steps[0]!.logged = before;
    else delete steps[0]!.logged;
    assert.equal(info.run_name, 'my try');
    const names = data.tags.filter(({ key }: { key: string }) => key.endsWith('mlflow.runName'));
    assert.deepEqual(names, [{ key: 'mlflow.runName', value: 'my try' }]);
    assert.deepEqual(named(found.json), ['my try']);
  });

  it('tells a run with its parameters, figures and tags, those that its steps logged too', async () => {
    const { info, data } = (await ask('GET', `runs/get?run_id=${idOf(2)}`)).json.run;
    assert.deepEqual([info.run_name, info.status, info.experiment_id], ['run-2', 'FINISHED', study]);
    const pairs = (list: { key: string; value: string }[]) =>
      Object.fromEntries(list.map(({ key, value }) => [key, value]));
    assert.deepEqual(pairs(data.params), { lr: '0.2', on: 'true', batch: '32' });
    assert.equal(data.metrics[0].value, 1);
    const tags = pairs(data.tags);
    assert.deepEqual([tags.kind, tags.mine, tags['mlflow.note.content']], ['test', 'yes', 'a note']);
    assert.equal(
      (await ask('GET', `runs/get?run_id=${idOf(2).replaceAll('-', '')}`)).json.run.info.run_id,
      idOf(2),
    );
  });

  it('has the points of a series', async () => {
    const { json } = await ask('GET', `metrics/get-history?run_id=${idOf(1)}&metric_key=loss`);
    assert.deepEqual(json.metrics, [
      { key: 'loss', value: 1, timestamp: 1_767_225_600_000, step: 0 },
      { key: 'loss', value: 0.5, timestamp: 1_767_225_601_500, step: 1 },
    ]);
    assert.deepEqual(
      (await ask('GET', `metrics/get-history?run_id=${idOf(1)}&metric_key=none`)).json.metrics,
      [],
    );
  });

  it('has the points of what a series calls it, be there an @ in its name or the cell behind it', async () => {
    const values = async (name: string) =>
      (await ask('GET', `metrics/get-history?run_id=${idOf(2)}&metric_key=${name}`)).json.metrics.map(
        ({ key, value }: { key: string; value: number }) => [key, value],
      );
    assert.deepEqual(await values('map@10'), [
      ['map@10', 0.2],
      ['map@10', 0.1],
    ]);
    assert.deepEqual(await values('r@cell.2'), [
      ['r@cell.2', 1],
      ['r@cell.2', 2],
    ]);
    assert.deepEqual(await values('r@cell.1'), [['r@cell.1', 1]]);
    assert.deepEqual(await values('val.a.b'), [
      ['val.a.b', 1],
      ['val.a.b', 2],
    ]);
  });

  it('tells steps and times of figures as their series end, and the end of the run where they do not say', async () => {
    const end = Date.parse('2026-01-31T09:31:00.000Z');
    const wanted = {
      loss: [0, 1_767_225_600_000],
      'map@10': [200, 1_767_225_700_000],
      map: [200, 1_767_225_700_000],
      gone: [3, end],
      'val.a.b': [2, 1_767_225_602_000],
      'r@cell.1': [5, end],
      'r@cell.2': [1, end],
    };
    const told = ({ data }: { data: { metrics: { key: string; step: number; timestamp: number }[] } }) =>
      Object.fromEntries(data.metrics.map(({ key, step, timestamp }) => [key, [step, timestamp]]));
    const { json } = await ask('GET', `runs/get?run_id=${idOf(2)}`);
    assert.deepEqual(told(json.run), wanted);
    const found = await ask('POST', 'runs/search', { experiment_ids: [study], max_results: 1 });
    assert.deepEqual(told(found.json.runs[0]), wanted);
    const filter = `tags.mlflow.parentRunId = '${idOf(1)}'`;
    const within = await ask('POST', 'runs/search', { experiment_ids: ['0'], filter });
    assert.deepEqual(told(within.json.runs[0]).m, [9, 1_767_225_609_000]);
    const child = await ask('GET', `runs/get?run_id=${within.json.runs[0].info.run_id}`);
    assert.deepEqual(told(child.json.run).m, [9, 1_767_225_609_000]);
  });

  it('has every point of the runs within its runs, and the last at their end where there are none', async () => {
    const points = async (name: string) =>
      (await ask('GET', `metrics/get-history?run_id=${idOf(1)}-c1&metric_key=${name}`)).json.metrics.map(
        ({ step, timestamp, value }: { step: number; timestamp: number; value: number }) => [
          step,
          timestamp,
          value,
        ],
      );
    assert.deepEqual(await points('m'), [
      [9, 1_767_225_609_000, 7],
      [4, 1_767_225_604_000, 8],
    ]);
    assert.deepEqual(await points('alone'), [[0, Date.parse('2026-01-31T09:30:30.000Z'), 1]]);
    assert.deepEqual(await points('none'), []);
  });

  it('is found by all that it is shown with, or it is said that it cannot be', async () => {
    const search = (filter: string, more: object = {}) =>
      ask('POST', 'runs/search', { experiment_ids: ['0'], filter, ...more });
    for (const [filter, ...found] of [
      ["tags.same.program = 'study' and tags.same.version = '1.0'", 'run-2', 'run-1'],
      ["tags.same.status != 'succeeded'", 'run-3'],
      ["tags.`mlflow.runName` LIKE '%-1'", 'run-1'],
      ["tags.mlflow.runName IN ('run-2') and tags.mine = 'yes'", 'run-2'],
      [`end_time >= ${Date.parse('2026-01-31T09:31:00.000Z')}`, 'run-3', 'run-2', 'run-1'],
      [`end_time > ${Date.parse('2026-01-31T09:31:00.000Z')}`],
      [`tags.mlflow.parentRunId = '${idOf(1)}' and end_time = 1769851830000`, 'child'],
      [`tags.mlflow.parentRunId = '${idOf(1)}' and end_time > 1769851830000`],
    ] as const)
      assert.deepEqual(named((await search(filter)).json), found, filter);
    assert.deepEqual(named((await search('', { order_by: ['tags.mlflow.runName ASC'] })).json), [
      'run-1',
      'run-2',
      'run-3',
    ]);
    for (const [filter, more] of [
      ["tags.mlflow.note.content LIKE '%note%'", {}],
      ["metrics.loss > 0 and tags.mlflow.source.name != 'x'", {}],
      ['', { order_by: ['tags.mlflow.source.type'] }],
    ] as const) {
      const { status, json } = await search(filter, more);
      assert.deepEqual([status, json.error_code], [400, 'INVALID_PARAMETER_VALUE'], filter);
      assert.match(json.message, /the tag mlflow\.\S+, and not found or sorted by it$/);
    }
  });

  it('has files: what was logged, outputs and logs; what is not here is not there', async () => {
    const listed = await ask('GET', `artifacts/list?run_id=${idOf(1)}`);
    assert.deepEqual(
      listed.json.files.map(({ path }: { path: string }) => path),
      ['dir', 'outputs'],
    );
    const at = `/api/2.0/mlflow-artifacts/artifacts/${idOf(1)}/artifacts`;
    assert.equal((await ask('GET', `${at}/dir/a.txt`)).text, 'hello');
    assert.equal((await ask('GET', `${at}/outputs/train/model`)).text, 'model');
    assert.equal((await ask('GET', `${at}/dir`)).status, 404);
    assert.equal((await ask('GET', `${at}/..%2f..%2fetc/passwd`)).status, 400);
  });

  it('has what a step began within a run, under their parent', async () => {
    const { json } = await ask('POST', 'runs/search', {
      experiment_ids: ['0'],
      filter: `tags.mlflow.parentRunId = '${idOf(1)}'`,
    });
    assert.deepEqual(named(json), ['child']);
    const { run } = (await ask('GET', `runs/get?run_id=${json.runs[0].info.run_id}`)).json;
    assert.deepEqual(run.data.params, [{ key: 'p', value: 'x' }]);
    assert.equal(run.data.metrics[0].value, 7);
  });

  it('is not changed by any request, and known to nobody who does not know its path', async () => {
    for (const [method, path] of [
      ['POST', 'runs/create'],
      ['POST', 'runs/log-batch'],
      ['POST', 'experiments/create'],
      ['PATCH', 'logged-models/x'],
      ['PUT', `/api/2.0/mlflow-artifacts/artifacts/${idOf(1)}/artifacts/x`],
      ['DELETE', `/api/2.0/mlflow-artifacts/artifacts/${idOf(1)}/artifacts/dir`],
    ]) {
      const { status, json } = await ask(method!, path!, method === 'PUT' ? 'x' : {});
      assert.deepEqual([status, json.error_code], [403, 'PERMISSION_DENIED'], path);
    }
    const { origin } = new URL(uri);
    const other = await fetch(`${origin}/${'0'.repeat(32)}/api/2.0/mlflow/runs/get?run_id=${idOf(1)}`);
    assert.deepEqual([other.status, await other.text()], [404, '']);
    assert.equal(new URL(uri).hostname, '127.0.0.1');
    close();
  });
});
