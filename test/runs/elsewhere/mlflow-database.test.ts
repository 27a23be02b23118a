import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openUserFiles } from '../../../src/host/user-files.ts';
import { parseDocument } from '../../../src/program/document.ts';
import { readMlflow } from '../../../src/runs/elsewhere/mlflow.ts';
import { writeMlflowDatabase } from '../../components/mlflow-database.ts';
import { type StoredMlflowRun, USUAL_TAGS, writeMlflowStore } from '../../components/mlflow-store.ts';

const [outer, inner, gone, going] = ['5', 'f', 'e', 'a'].map((digit) => digit.repeat(32)) as [
  string,
  string,
  string,
  string,
];
const runs: StoredMlflowRun[] = [
  {
    id: outer,
    params: { lr: '0.01', 'a/b': '1', empty: '', padded: '007' },
    metrics: {
      loss: '1795306749176 1 0\n1795306749177 0.5 1\n',
      'val/acc': '1795306749177 NaN 0\n1795306749178 0.5 0\n',
      far: '1795306749176 1.7976931348623157e308 0\n',
    },
    tags: USUAL_TAGS,
    artifacts: { 'notes/hello.txt': 'hello' },
  },
  { id: inner, status: 4, tags: { 'mlflow.parentRunId': outer } },
  { id: gone, deleted: true },
  { id: going, status: 1, end: null },
];

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mlflow-database-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (...parts: string[]) => join(root, ...parts);
const read = (path = root) =>
  readMlflow(openUserFiles(at('home')).ordinary, path, path, async (bytes, file) =>
    parseDocument(bytes, file),
  );

describe('the reader of MLflow’s database', () => {
  it('tells the same as the reader of the same runs in files', async () => {
    writeMlflowDatabase(at('one/mlflow.db'), runs);
    writeMlflowStore(at('two'), runs);
    const [one, two] = [await read(at('one')), await read(at('two'))];
    assert.deepEqual([one.problems, two.problems], [[], []]);
    assert.deepEqual(one.deleted, [gone]);
    const told = (from: typeof one) =>
      from.runs
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ artifacts, points, ...run }) => ({
          ...run,
          points: points.filter(({ name }) => name !== 'far'),
        }));
    assert.deepEqual(told(one), told(two));
    const [first] = one.runs;
    assert.deepEqual(
      [first!.id, first!.note, first!.artifacts],
      [outer, 'two\nlines', at(`one/mlruns/1/${outer}/artifacts`)],
    );
    const far = one.runs[0]!.points.find(({ name }) => name === 'far');
    assert.equal(far!.value, Number.POSITIVE_INFINITY, 'the largest number stands for it in there');
    assert.deepEqual(await read(at('one/mlflow.db')), one);
  });

  it('is only read: no byte of it changes, and no file is made beside it, whether or not it has a WAL', async () => {
    writeMlflowDatabase(at('plain.db'), runs);
    writeMlflowDatabase(at('logged.db'), runs, { more: 'PRAGMA journal_mode = WAL' });
    const before = contents();
    for (const name of ['plain.db', 'logged.db']) assert.equal((await read(at(name))).runs.length, 3, name);
    assert.deepEqual(contents(), before);
    using writer = new DatabaseSync(at('logged.db'));
    writer.exec(
      `UPDATE runs SET name = 'later'; UPDATE tags SET value = 'later' WHERE key = 'mlflow.runName'`,
    );
    const names = (await read(at('logged.db'))).runs.map(({ name }) => name);
    assert.deepEqual(names, ['later', 'later', 'later'], 'what is in the WAL is in the database');
  });

  it('refuses a schema without what is needed by its version, and views in the place of tables', async () => {
    const old = `ALTER TABLE metrics RENAME COLUMN is_nan TO was_nan; UPDATE alembic_version SET version_num = '451aebb31d03'`;
    writeMlflowDatabase(at('old.db'), [], { more: old });
    const views = 'ALTER TABLE tags RENAME TO others; CREATE VIEW tags AS SELECT * FROM others';
    writeMlflowDatabase(at('views.db'), [], { more: views });
    new DatabaseSync(at('other.db')).close();
    writeFileSync(at('none.db'), 'text'.repeat(1000));
    const expected = {
      'old.db': 'version 451aebb31d03 of MLflow’s schema is not known: it has no metrics.is_nan',
      'views.db':
        'version dc11669786a5 of MLflow’s schema is not known: it has no tags.run_uuid, tags.key, tags.value',
      'other.db': 'it is no database of MLflow',
      'none.db': 'SQLite cannot read it: file is not a database',
    };
    for (const [name, message] of Object.entries(expected)) {
      const { problems, runs: none } = await read(at(name));
      assert.deepEqual(none, []);
      assert.deepEqual(
        problems.map(({ code, message: said, clause }) => [code, said, clause]),
        [['SAME1617', `${at(name)}: ${message}`, 'SAME-RUN-086']],
      );
    }
    writeMlflowDatabase(at('newer.db'), [{ id: outer }], {
      more: `ALTER TABLE runs ADD COLUMN more TEXT; UPDATE alembic_version SET version_num = 'ffffffffffff'`,
    });
    const {
      problems,
      runs: [newer],
    } = await read(at('newer.db'));
    assert.deepEqual([problems, newer!.id], [[], outer]);
  });

  it('names everything of every run that cannot be read', async () => {
    writeMlflowDatabase(at('mlflow.db'), [{ id: outer }, { id: inner }, { id: 'short' }, { id: going }], {
      more: `
        UPDATE runs SET status = 'LOST', start_time = -1, end_time = 9223372036854775807 WHERE run_uuid = '${outer}';
        UPDATE runs SET experiment_id = 7 WHERE run_uuid = '${going}';
        INSERT INTO params VALUES ('p', x'00', '${inner}');
        INSERT INTO metrics VALUES ('m', 'high', 0, '${inner}', 0, 0);
        INSERT INTO metrics VALUES ('m', 1.0, 0, '${inner}', 9223372036854775807, 0);
        INSERT INTO tags VALUES ('t', NULL, '${inner}');`,
    });
    const { problems, runs: none } = await read();
    assert.deepEqual(none, []);
    assert.deepEqual(
      problems.map(({ message }) => message.slice(at('mlflow.db: run ').length)),
      [
        `${outer}: status "LOST" is none of MLflow’s`,
        `${outer}: start_time is no time in milliseconds`,
        `${outer}: end_time is no time in milliseconds`,
        `${going}: there is no experiment 7`,
        `${inner}: metric "m" has a value that is not one at a step and a time`,
        `${inner}: metric "m" has a value that is not one at a step and a time`,
        `${inner}: parameter "p" is no text`,
        '"short": its id is not one of MLflow’s',
      ],
    );
  });

  it('takes artifacts from below the directory of the database only, wherever it says that they are', async () => {
    const beside = 'its artifacts, if there are any, are not beside the database and are left out';
    const stored = { id: outer, artifacts: { 'a.txt': 'a' } };
    const artifactsOf = async (address: string, prepare = () => {}) => {
      rmSync(at('study'), { recursive: true, force: true });
      writeMlflowDatabase(at('study/mlflow.db'), [stored], { artifacts: () => address });
      prepare();
      const {
        runs: [run],
        problems,
      } = await read(at('study'));
      assert.deepEqual(problems, []);
      const { artifacts, warnings } = run!;
      return [artifacts === undefined ? undefined : relative(at('study'), artifacts), ...warnings];
    };
    const found = [`mlruns/1/${outer}/artifacts`];
    const outside = at(`elsewhere/${outer}/artifacts`);
    mkdirSync(outside, { recursive: true });
    writeFileSync(join(outside, 'id_ed25519'), 'PRIVATE KEY');
    for (const address of [
      at(`study/mlruns/1/${outer}/artifacts`),
      `/srv/somewhere/mlruns/1/${outer}/artifacts`,
      `file:///srv/some%20where/mlruns/1/${outer}/artifacts`,
      `./mlruns/1/${outer}/artifacts`,
    ])
      assert.deepEqual(await artifactsOf(address), found, address);
    const served = () => renameSync(at('study/mlruns'), at('study/mlartifacts'));
    assert.deepEqual(await artifactsOf(`mlflow-artifacts:/1/${outer}/artifacts`, served), [
      `mlartifacts/1/${outer}/artifacts`,
    ]);
    assert.deepEqual(await artifactsOf(outside), [undefined, beside]);
    assert.deepEqual(await artifactsOf(`s3://bucket/1/${outer}/artifacts`), [
      undefined,
      'its artifacts, if there are any, are at an address of s3: and are left out',
    ]);
    const unknown = 'its artifacts have an address without its id and are left out';
    for (const address of ['/etc', `../elsewhere/${outer}/artifacts`, `file:///a/../${outer}/artifacts`])
      assert.deepEqual(await artifactsOf(address), [undefined, unknown], address);
    const without =
      (...path: string[]) =>
      () =>
        rmSync(at('study/mlruns', ...path), { recursive: true });
    assert.deepEqual(await artifactsOf(found[0]!, without('1', outer)), [undefined], 'it left none');
    assert.deepEqual(await artifactsOf(at('study', found[0]!), without()), [undefined], 'no run left any');
    assert.deepEqual(await artifactsOf(`/srv/study/${found}`, without()), [undefined, beside]);
    const linked = () => {
      without('1', outer, 'artifacts')();
      symlinkSync(outside, at('study/mlruns/1', outer, 'artifacts'));
    };
    assert.deepEqual(await artifactsOf(found[0]!, linked), [
      undefined,
      `"${found}" is a symbolic link and is left out`,
    ]);
  });

  it('says which to name where a directory holds more than one store, or none', async () => {
    const said = async (path: string) => {
      const { runs: none, problems } = await read(path);
      assert.deepEqual(none, []);
      return problems.map(({ message, hint }) => [message.replaceAll(root, ''), hint?.replaceAll(root, '')]);
    };
    writeMlflowDatabase(at('both/mlflow.db'), runs);
    writeMlflowStore(at('both/mlruns'), runs);
    assert.deepEqual(await said(at('both')), [
      [
        '/both: it holds both a database, mlflow.db, and a store of files, /both/mlruns',
        'name one of them: same import runs --from mlruns /both/mlflow.db',
      ],
    ]);
    writeMlflowDatabase(at('one/mlflow.db'), runs);
    assert.deepEqual(await said(at('one/mlruns')), [
      [
        '/one/mlruns: it holds only artifacts (no EXPERIMENT/meta.yaml); the runs are in /one/mlflow.db',
        'same import runs --from mlruns /one/mlflow.db',
      ],
    ]);
    mkdirSync(at('linked'));
    symlinkSync(at('one/mlflow.db'), at('linked/mlflow.db'));
    const [[message]] = (await said(at('linked'))) as [[string]];
    assert.match(message, /its mlflow\.db is a symbolic link, which is not followed; there is no store/);
    assert.equal((await read(at('linked/mlflow.db'))).runs.length, 3, 'what is named may be a link');
    chmodSync(at('one/mlflow.db'), 0o444);
    assert.equal((await read(at('one'))).runs.length, 3);
  });
});

function contents(): [string, string][] {
  return readdirSync(root)
    .filter((name) => name.includes('.db'))
    .map((name) => [name, readFileSync(at(name)).toString('base64')]);
}
