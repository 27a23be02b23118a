import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventFile } from '../components/event-files.ts';
import { writeMlflowDatabase } from '../components/mlflow-database.ts';
import { type StoredMlflowRun, writeMlflowStore } from '../components/mlflow-store.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const [outer, inner] = ['5'.repeat(32), 'f'.repeat(32)];
const store: StoredMlflowRun[] = [
  {
    id: outer,
    params: { lr: '0.01' },
    metrics: { loss: '1795306749176 1.0 0\n1795306749177 0.5 1\n', bad: '1795306749176 nan 0\n' },
    tags: { team: 'x', 'mlflow.user': 'grace' },
    artifacts: { 'notes/hello.txt': 'hello' },
  },
  { id: inner, status: 4, start: 1795306749100, tags: { 'mlflow.parentRunId': outer } },
  { id: 'e'.repeat(32), deleted: true },
  { id: 'a'.repeat(32), status: 1, end: null },
];

describe('runs that another tool kept', () => {
  it('are foreign, read-only runs of a program, and importing them again changes no byte of the home', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('mlruns'), store);
    const words = ['import', 'runs', '--from', 'mlruns', 'mlruns', '--json'];
    const { programs, left, warnings } = (await done(rig, words)).json();
    const bad = 'metric "bad" is not a finite number and is left out (1 of 1 values)';
    assert.deepEqual(warnings, [{ runs: [outer], message: bad }]);
    assert.deepEqual(
      [programs[0].program.name, programs[0].program.version, programs[0].made, programs[0].runs.length],
      ['digits', '0', true, 2],
    );
    assert.deepEqual(left, [
      { id: 'e'.repeat(32), because: 'deleted' },
      { id: 'a'.repeat(32), because: 'not ended' },
    ]);
    const before = bytesOf(rig.home);
    const again = (await done(rig, words)).json();
    assert.ok(again.programs[0].runs.every(({ isNew }: { isNew: boolean }) => !isNew));
    assert.deepEqual(bytesOf(rig.home), before);

    const [run] = programs[0].runs.filter(({ from }: { from: string }) => from === outer);
    const { own, ...record } = (await done(rig, ['show', 'run', run.id, '--json'])).json();
    assert.equal(own, false);
    assert.deepEqual(record.imported, {
      from: 'mlflow',
      id: outer,
      name: 'some-name-1',
      group: 'digits',
      tags: { team: 'x' },
    });
    assert.deepEqual(record.parameters, { lr: { value: 0.01, source: 'imported' } });
    const [{ series, ...loss }] = record.metrics;
    assert.deepEqual(loss, { name: 'loss', step: 'main', value: 0.5, count: 2 });
    assert.equal(
      readFileSync(rig.path('home/content/blobs/sha256', series.slice(7)), 'utf8'),
      '{"step":0,"time":1795306749.176,"loss":1}\n{"step":1,"time":1795306749.177,"loss":0.5}\n',
    );
    assert.match(
      record.warnings.join(),
      /metric "bad" is not a finite number and is left out \(1 of 1 values\)/,
    );
    assert.doesNotMatch(JSON.stringify(record), /grace|srv/);
    const nested = programs[0].runs.find(({ from }: { from: string }) => from === inner);
    assert.equal((await done(rig, ['show', 'run', nested.id, '--json'])).json().parent, run.id);
    await assertRefused(rig, ['delete', 'run', run.id], { code: 'SAME1609', exit: 4 });
    const said = await done(rig, words.slice(0, -1));
    assert.ok(said.stderr.includes(`warning: ${outer}: ${bad}`), said.stderr);
    const other = { env: { SAME_HOME: rig.path('other') } };
    const elsewhere = (await done(rig, words, other)).json();
    assert.deepEqual(elsewhere.programs, programs, 'the same wherever it is done');
    const taken = (await done(rig, [...words, '--unfinished'], other)).json().programs[0].runs;
    assert.equal(taken.length, 3);
  });

  it('are found by the tags and names that they had there, and shown with nothing that is not known', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('mlruns'), store);
    await done(rig, ['import', 'runs', '--from', 'mlruns', 'mlruns']);
    const found = async (where: string) =>
      (await done(rig, ['list', 'runs', '--json', '--where', where]))
        .json()
        .items.map(({ imported }: { imported: { id: string } }) => imported.id);
    assert.deepEqual(await found('tags.team = x'), [outer]);
    assert.deepEqual((await found("tags.`mlflow.runName` = 'some-name-1'")).sort(), [outer, inner]);
    assert.deepEqual(await found("tags.`mlflow.runName` like 'other%'"), []);
    const [row] = (await done(rig, ['list', 'runs', '--json', '--where', 'tags.team = x'])).json().items;
    const { stdout } = await done(rig, ['show', 'run', row.id]);
    assert.match(stdout, new RegExp(`^ {2}kept by mlflow as ${outer} \\(some-name-1\\), of digits$`, 'm'));
    assert.match(stdout, /^ {2}tags mlflow\.runName=some-name-1 team=x$/m);
    assert.match(stdout, /^ {4}lr: 0\.01 \(imported\)$/m);
    assert.doesNotMatch(stdout, /machine|unknown|GiB|target|engine|code|same mlflow|environment|steps/);
    const [other] = (await done(rig, ['list', 'runs', '--json', '--where', 'status = failed'])).json().items;
    const compared = await done(rig, ['compare', 'runs', row.id, other.id, '--all', '--json']);
    const groups = new Set(compared.json().differences.map(({ of }: { of: string }) => of));
    assert.ok(!groups.has('machine') && !groups.has('run'), [...groups].join());
  });

  it('belong to the program that is named, and travel with it', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': manifest('run: "true"'),
      'logs/one/events.out.tfevents.1.host': eventFile('scalars'),
      'logs/two/hp/events.out.tfevents.1.host': eventFile('hyperParameters'),
    });
    await done(rig, ['create', '-f', 'study']);
    const words = ['import', 'runs', '--from', 'tensorboard', 'logs', '-n', 'study:1.0', '--json'];
    const { programs } = (await done(rig, words)).json();
    assert.equal(programs[0].made, false);
    await done(rig, ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'study.tgz']);
    const reader = { env: { SAME_HOME: rig.path('reader') } };
    await done(rig, ['import', 'study.tgz'], reader);
    for (const { id } of programs[0].runs) {
      const shown = async (options?: object) =>
        (await done(rig, ['show', 'run', id, '--json'], options)).stdout;
      assert.equal(await shown(reader), await shown());
    }
    await assertRefused(rig, [...words.slice(0, -3), '-n', 'study:9.9'], { code: 'SAME1204', exit: 3 });
  });

  it('are not gone on with, and a program that only holds them is not run at all', async () => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    writeMlflowStore(rig.path('mlruns'), store);
    await done(rig, ['create', '-f', 'study']);
    const words = ['import', 'runs', '--from', 'mlruns', 'mlruns', '--json'];
    const [held] = (await done(rig, words)).json().programs;
    for (const verb of [['run'], ['run', '--plan'], ['why']])
      await assertRefused(rig, [...verb, 'digits:0'], {
        code: 'SAME1619',
        message: 'digits:0 only holds runs that were made elsewhere',
        hint: 'same list runs -n digits:0',
      });
    const [{ id }] = held.runs;
    await assertRefused(rig, ['retry', 'run', id], {
      code: 'SAME1609',
      exit: 4,
      message: `run ${id} was kept by mlflow`,
      hint: `what it was: same show run ${id};`,
    });
    const [made] = (await done(rig, [...words, '-n', 'study:1.0'])).json().programs;
    await assertRefused(rig, ['retry', 'run', made.runs[0].id], {
      code: 'SAME1609',
      exit: 4,
      hint: 'run the program yourself: same run study:1.0',
    });
  });

  it('are all refused, with every problem, where one cannot be read', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('mlruns'), [
      ...store,
      { id: 'b'.repeat(32), metrics: { x: 'no\n' }, params: { p: 'v' } },
    ]);
    await assertRefused(rig, ['import', 'runs', '--from', 'mlruns', 'mlruns'], {
      code: 'SAME1617',
      exit: 7,
      message: /metrics\/x/,
    });
    assert.deepEqual((await done(rig, ['list', 'programs', '--json'])).json().items, []);
    await assertRefused(rig, ['import', 'runs', '--from', 'tensorboard', 'mlruns'], {
      code: 'SAME1617',
      exit: 7,
    });
    await assertRefused(rig, ['import', 'runs', '--from', 'mlruns', 'nothing'], {
      code: 'SAME1205',
      exit: 3,
    });
    await assertRefused(rig, ['import', 'runs', '--from', 'mlruns', 'nothing.db'], {
      code: 'SAME1205',
      exit: 3,
    });
    await assertRefused(rig, ['import', 'runs', '--from', 'excel', 'mlruns'], { code: 'SAME1902', exit: 2 });
  });
});

describe('what another tool kept, named as a bundle', () => {
  it('is refused with the command that takes its runs over', async () => {
    using rig = openRig();
    writeMlflowStore(rig.path('files/mlruns'), store);
    writeMlflowDatabase(rig.path('database/mlflow.db'), store);
    rig.write({
      'logs/one/events.out.tfevents.1.host': eventFile('scalars'),
      'study/same.yaml': manifest('run: "true"'),
      'study/1/data.txt': 'data',
    });
    for (const [path, tool] of Object.entries({
      'files/mlruns': 'mlruns',
      files: 'mlruns',
      database: 'mlruns',
      'database/mlflow.db': 'mlruns',
      logs: 'tensorboard',
      'logs/one': 'tensorboard',
    })) {
      const command = `same import runs --from ${tool} ${path}`;
      await assertRefused(rig, ['import', path], { code: 'SAME1306', exit: 2, hint: command });
      const words = command.split(' ').slice(1);
      assert.equal((await done(rig, [...words, '--json'])).json().programs.length, 1, command);
    }
    await assertRefused(rig, ['import', 'study'], {
      code: 'SAME1306',
      exit: 2,
      hint: 'same create program -f FOLDER',
    });
  });
});

/** Where the runs of the store that the tests write lie. */
const EXPERIMENT = 'mlruns/293364683892423222';

describe('the files of another tool', () => {
  it('follow no link and wait for no pipe, and are told of what is left out for it', async () => {
    using rig = openRig();
    rig.write({
      'secret/id_ed25519': 'PRIVATE KEY',
      'secret/events.out.tfevents.1.host': eventFile('scalars'),
      'logs/one/events.out.tfevents.1.host': eventFile('scalars'),
    });
    const from = (tool: string, at: string) => ['import', 'runs', '--from', tool, at, '--json'];
    const secret = rig.path('secret');
    writeMlflowStore(rig.path('mlruns'), [{ id: outer, artifacts: { 'a.txt': 'a' } }, { id: inner }]);
    writeMlflowStore(rig.path('theirs'), [{ id: 'd'.repeat(32) }]);
    const links = {
      [`${EXPERIMENT}/${outer}/artifacts/keys`]: secret,
      [`${EXPERIMENT}/${outer}/artifacts/key`]: join(secret, 'id_ed25519'),
      [`${EXPERIMENT}/${inner}/artifacts`]: secret,
      [`${EXPERIMENT}/${'d'.repeat(32)}`]: rig.path('theirs/293364683892423222', 'd'.repeat(32)),
      'mlruns/77': rig.path('theirs/293364683892423222'),
      'logs/two': secret,
      'logs/one/events.out.tfevents.2.host': join(secret, 'events.out.tfevents.1.host'),
      named: rig.path('mlruns'),
    };
    for (const [at, to] of Object.entries(links)) symlinkSync(to, rig.path(at));
    execFileSync('mkfifo', [rig.path(EXPERIMENT, outer, 'artifacts/pipe'), rig.path('logs/a.tfevents.b')]);
    const { programs, warnings } = (await done(rig, from('mlruns', 'named'))).json();
    assert.deepEqual(programs[0].runs.map((run: { from: string }) => run.from).sort(), [outer, inner]);
    const left = (what: string, why: string) => `"${what}" is ${why} and is left out`;
    assert.deepEqual(warnings.map(({ message }: { message: string }) => message).sort(), [
      left('artifacts', 'a symbolic link'),
      left('artifacts/key', 'a symbolic link'),
      left('artifacts/keys', 'a symbolic link'),
      left('artifacts/pipe', 'no ordinary file'),
      left(`named/${EXPERIMENT.slice(7)}/${'d'.repeat(32)}`, 'a symbolic link'),
      left('named/77', 'a symbolic link'),
    ]);
    const logs = (await done(rig, from('tensorboard', 'logs'))).json();
    assert.deepEqual(
      logs.programs[0].runs.map((run: { from: string }) => run.from),
      ['one'],
    );
    assert.deepEqual(
      logs.warnings.slice(0, 3).map(({ message }: { message: string }) => message),
      [
        left('logs/a.tfevents.b', 'no ordinary file'),
        left('logs/one/events.out.tfevents.2.host', 'a symbolic link'),
        left('logs/two', 'a symbolic link'),
      ],
    );
    for (const path of globSync('home/content/blobs/sha256/*', { cwd: rig.root }))
      assert.doesNotMatch(readFileSync(rig.path(path), 'latin1'), /PRIVATE KEY/);
  });

  it('are refused where a link, a pipe or too large a file stands for what tells of a run', async () => {
    using rig = openRig();
    rig.write({ 'secret/id_ed25519': 'PRIVATE KEY', 'logs/a.tfevents.b': eventFile('scalars') });
    // What looks at every file of the rig would wait for the pipes in it.
    const refused = async (tool: string, at: string, message: RegExp) => {
      const { code, stderr } = await rig.same(['import', 'runs', '--from', tool, at]);
      assert.equal(code, 7, stderr);
      assert.match(stderr, /SAME1617/);
      assert.match(stderr, message);
    };
    const run = (...path: string[]) => rig.path(EXPERIMENT, outer, ...path);
    const inPlace: [string, (path: string) => void, RegExp][] = [
      ['params', (path) => symlinkSync(rig.path('secret'), path), /params: it is a symbolic link/],
      ['tags', (path) => execFileSync('mkfifo', [path]), /tags: it is no directory/],
      ['meta.yaml', (path) => execFileSync('mkfifo', [path]), /meta\.yaml: it is no ordinary file/],
      [
        'meta.yaml',
        (path) => symlinkSync(rig.path('secret/id_ed25519'), path),
        /yaml: it is a symbolic link/,
      ],
      ['metrics/m', (path) => execFileSync('mkfifo', [path]), /metrics\/m: it is no ordinary file/],
      ['tags/t', (path) => symlinkSync('/dev/zero', path), /tags\/t: it is a symbolic link/],
      ['metrics/big', sparse, /metrics\/big: it has 3221225472 bytes, more than the limit of 268435456/],
    ];
    for (const [name, put, message] of inPlace) {
      rmSync(rig.path('mlruns'), { recursive: true, force: true });
      writeMlflowStore(rig.path('mlruns'), [{ id: outer }]);
      rmSync(run(name), { recursive: true, force: true });
      if (name.includes('/')) mkdirSync(run(name.slice(0, name.indexOf('/'))), { recursive: true });
      put(run(name));
      await refused('mlruns', 'mlruns', message);
    }
    sparse(rig.path('logs/c.tfevents.d'));
    await refused(
      'tensorboard',
      'logs',
      /c\.tfevents\.d: it has 3221225472 bytes, more than the limit of 1073741824/,
    );
  });

  it('tell of what no record can hold the name of', async () => {
    using rig = openRig();
    const named = { lr: '1', ['__proto__']: '2' };
    writeMlflowStore(rig.path('mlruns'), [
      { id: outer, params: named, tags: named, metrics: { ['__proto__']: '1795306749176 1.0 0\n' } },
    ]);
    const { programs, warnings } = (
      await done(rig, ['import', 'runs', '--from', 'mlruns', 'mlruns', '--json'])
    ).json();
    assert.deepEqual(
      warnings,
      ['parameter', 'metric', 'tag'].map((kind) => ({
        runs: [outer],
        message: `${kind} "__proto__" is left out: no record can hold that name`,
      })),
    );
    const shown = (await done(rig, ['show', 'run', programs[0].runs[0].id, '--json'])).json();
    assert.deepEqual(shown.parameters, { lr: { value: 1, source: 'imported' } });
  });
});

/** A file of 3 GiB that takes no room. */
function sparse(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, 3 * 2 ** 30);
}

async function done(rig: Rig, words: string[], options?: { env?: Record<string, string> }) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Every file of a home with its digest; what looks at runs may leave an index, which is derived. */
function bytesOf(home: string): [string, string][] {
  return globSync('**', { cwd: home })
    .filter((path) => statSync(join(home, path)).isFile() && !path.startsWith('index-'))
    .sort()
    .map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(home, path)))
        .digest('hex'),
    ]);
}
