import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openUserFiles } from '../../../src/host/user-files.ts';
import { parseDocument } from '../../../src/program/document.ts';
import { readMlruns } from '../../../src/runs/elsewhere/mlruns.ts';
import { parameterOf } from '../../../src/runs/elsewhere/run-elsewhere.ts';
import { USUAL_TAGS, writeMlflowStore } from '../../components/mlflow-store.ts';

const [outer, inner, gone] = ['5', 'f', 'e'].map((digit) => digit.repeat(32)) as [string, string, string];
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mlruns-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const read = (directory = root) =>
  readMlruns(openUserFiles(join(root, 'home')).ordinary, directory, async (bytes, file) =>
    parseDocument(bytes, file),
  );

describe('the reader of MLflow’s store of files', () => {
  it('tells parameters, all values, tags, notes and what is nested, and nothing of users and places', async () => {
    writeMlflowStore(join(root, 'mlruns'), [
      {
        id: outer,
        params: { lr: '0.01', 'a/b': '1', empty: '', tiny: '1e-05', padded: '007' },
        metrics: {
          loss: '1795306749176 1.0 0\n1795306749177 0.5 1\n',
          'val/acc': '1795306749177 nan 0\n1795306749178 .5\n',
        },
        tags: USUAL_TAGS,
        artifacts: { 'notes/hello.txt': 'hello' },
      },
      { id: inner, status: 4, tags: { 'mlflow.parentRunId': outer } },
      { id: gone, deleted: true },
      { id: 'a'.repeat(32), status: 1, end: null },
    ]);
    const { runs, deleted, problems } = await read();
    assert.deepEqual(problems, []);
    assert.deepEqual(deleted, [gone]);
    const [first, going, second] = runs.sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual([going!.status, second!.status, second!.parent], ['going', 'failed', outer]);
    const { points, artifacts, ...rest } = first!;
    assert.deepEqual(rest, {
      id: outer,
      group: 'digits',
      name: 'outer',
      note: 'two\nlines',
      revision: '0123456789abcdef0123456789abcdef01234567',
      status: 'succeeded',
      startedMs: 1795306749072,
      finishedMs: 1795306749414,
      parameters: { 'a/b': 1, empty: '', lr: 0.01, padded: '007', tiny: 0.00001 },
      tags: { team: 'x' },
      warnings: [],
    });
    assert.match(artifacts ?? '', /artifacts$/);
    assert.deepEqual(points, [
      { name: 'loss', atMs: 1795306749176, value: 1, step: 0 },
      { name: 'loss', atMs: 1795306749177, value: 0.5, step: 1 },
      { name: 'val/acc', atMs: 1795306749177, value: Number.NaN, step: 0 },
      { name: 'val/acc', atMs: 1795306749178, value: 0.5, step: 0 },
    ]);
  });

  it('names every file and line that cannot be read', async () => {
    writeMlflowStore(root, [
      { id: outer, metrics: { loss: '1 2 3\nx 1 2\n1 two 3\n1 2 3.5\n' }, status: 9 },
      { id: inner, params: { bad: '\uffff' } },
    ]);
    writeFileSync(join(root, '293364683892423222', inner, 'params/bad'), Buffer.from([0xff, 0xfe]));
    mkdirSync(join(root, '293364683892423222', gone));
    const { problems } = await read();
    assert.deepEqual(
      problems.map(({ code, place }) => [code, place?.slice(place.indexOf('293364683892423222') + 19)]),
      [
        ['SAME1617', `${outer}/meta.yaml`],
        ['SAME1617', `${outer}/metrics/loss:2`],
        ['SAME1617', `${outer}/metrics/loss:3`],
        ['SAME1617', `${outer}/metrics/loss:4`],
        ['SAME1617', `${gone}/meta.yaml`],
        ['SAME1617', `${inner}/params/bad`],
      ],
    );
  });

  it('says of a directory without a store what it looked for', async () => {
    const { problems } = await read();
    assert.match(
      problems[0]!.message,
      /there is no store of files with experiments \(EXPERIMENT\/meta\.yaml\)/,
    );
    assert.match(problems[0]!.hint!, /the directory that MLflow calls mlruns, or its database, mlflow\.db/);
  });

  it('reads text as a number only where nothing is lost', () => {
    assert.deepEqual(['1', '-0.5', '1e-05', '1E+3'].map(parameterOf), [1, -0.5, 0.00001, 1000]);
    const texts = [
      '',
      '+1',
      '01',
      '1.',
      '7e013608',
      '1e5',
      'nan',
      '-0',
      '9007199254740993',
      '1e+999',
      'True',
    ];
    assert.deepEqual(texts.map(parameterOf), texts);
  });
});
