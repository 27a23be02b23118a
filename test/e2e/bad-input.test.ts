import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type GitHttps, startGitHttps, unavailable } from '../components/git-https.ts';
import { assertRefused, listing, type Refusal } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

type Case = [title: string, words: string[], wanted: Refusal];

const head = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: study, version: "1.0"}\n';
const steps =
  'pipeline: {steps: {main: {run: [sh, -c, "echo ran > $SAME_OUT/said"], outputs: {said: {}}}}}\n';
const study = `${head}parameters:
  epochs: {type: integer, default: 10, minimum: 1, maximum: 100000}
  optimizer: {type: string, enum: [sgd, adam], default: adam}
  cuda: {type: boolean, default: false}
  layers: {type: array, items: {type: integer}, default: [1]}
profiles:
  smoke: {parameters: {epochs: 2}}
${steps}`;

/** {@link assertRefused} as the whole of a test. */
async function refused(...words: Parameters<typeof assertRefused>): Promise<void> {
  await assertRefused(...words);
}

function table(open: () => Rig, cases: Case[]): void {
  for (const [title, words, wanted] of cases) {
    test(title, async () => void (await assertRefused(open(), words, wanted)));
  }
}

describe('a manifest that is wrong is refused with file, line and column, and nothing is kept', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(() => rig[Symbol.dispose]());

  const cases: [title: string, manifest: string, wanted: Refusal][] = [
    [
      'an unknown field',
      `${head}piepline: {}\n${steps}`,
      { code: 'SAME1004', place: 'same.yaml:4:1', message: '"piepline"', hint: 'did you mean pipeline?' },
    ],
    [
      'an unknown field of a step',
      `${head}pipeline:\n  steps:\n    main: {run: [echo], enviroment: default}\n`,
      { code: 'SAME1004', place: 'same.yaml:6:25', hint: 'did you mean environment?' },
    ],
    [
      'a field of the wrong type',
      `${head}resources: {cpu: many}\n${steps}`,
      { code: 'SAME1005', place: 'same.yaml:4:18', message: 'expected a number, got "many"' },
    ],
    [
      'a key that is there twice',
      `${head}outputs: {}\noutputs: {}\n${steps}`,
      { code: 'SAME1003', place: 'same.yaml:5:1', message: 'outputs' },
    ],
    [
      'an anchor and its alias',
      `${head}parameters:\n  a: &x {type: integer, default: 1}\n  b: *x\n${steps}`,
      { code: ['SAME1002', 'SAME1002'], place: /same\.yaml:5:9\n.*same\.yaml:6:6/ },
    ],
    [
      'a merge key',
      `${head}parameters:\n  a: {type: integer, <<: {default: 1}}\n${steps}`,
      { code: 'SAME1002', place: 'same.yaml:5:22' },
    ],
    [
      'a tag',
      `${head}parameters:\n  a: {type: string, default: !!str 1}\n${steps}`,
      { code: 'SAME1002', place: 'same.yaml:5:36' },
    ],
    [
      'a version that is a number',
      head.replace('"1.0"', '1.10') + steps,
      { code: 'SAME1006', place: 'same.yaml:3:34', hint: 'write version: "1.10"' },
    ],
    [
      'an unknown apiVersion',
      head.replace('same/v1', 'nonsense/v999') + steps,
      { code: 'SAME1007', place: 'same.yaml:1:13', message: 'nonsense/v999', hint: 'known: same/v1' },
    ],
    [
      'a document that is no YAML',
      `${head}pipeline: {steps: [\n`,
      { code: 'SAME1001', place: /same\.yaml:\d+:\d+/ },
    ],
    [
      'an unquoted {{',
      `${head}pipeline: {steps: {main: {run: [echo, {{flags}}]}}}\n`,
      { code: 'SAME1001', hint: 'quote' },
    ],
    ['no step at all', `${head}pipeline: {steps: {}}\n`, { code: 'SAME1008', place: /same\.yaml:4:\d+/ }],
    [
      'several things at once, in the order of the file',
      `${head.replace('"1.0"', '1.0')}resources: {cpu: many}\npipeline:\n  steps:\n    main: {run: [echo, "{{inputs.x}}"], tiemout: 3m}\n    other: {run: [echo], environment: nowhere}\n`,
      {
        code: ['SAME1006', 'SAME1005', 'SAME1010', 'SAME1004', 'SAME1009'],
        place: /:3:34\n.*:4:18\n.*:7:24\n.*:7:41\n.*:8:39/,
      },
    ],
  ];
  for (const [title, manifest, wanted] of cases) {
    test(title, async () => {
      rig.write({ 'bad/same.yaml': manifest });
      await assertRefused(rig, ['create', '-f', 'bad'], wanted);
    });
  }
  test('run -f refuses what create refuses', async () => {
    rig.write({ 'bad/same.yaml': `${head}piepline: {}\n${steps}` });
    await assertRefused(rig, ['run', '-f', 'bad'], { code: 'SAME1004', place: 'same.yaml:4:1' });
  });
});

describe('words that a run does not understand are all named, nothing runs, and the exit code is 2', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({
      'study/same.yaml': study,
      'list.yaml': '- 1\n',
      'torn.yaml': 'a: [\n',
      'odd.yaml': 'epochz: 3\n',
    });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(() => rig[Symbol.dispose]());
  const run = (...words: string[]) => ['run', 'study:1.0', ...words];

  table(
    () => rig,
    [
      [
        'unknown, mistyped and out of range, together',
        run('--epoch=3', '--epochs=ten', '--optimizer=sdg', '--layers=x'),
        {
          code: ['SAME1101', 'SAME1102', 'SAME1103', 'SAME1102'],
          message:
            /unknown parameter "epoch" for study:1.0\n.*expected integer, got "ten" \(from --epochs\)\n.*"sdg".*sgd.*adam/,
          hint: 'did you mean --epochs? (known: cuda, epochs, layers, optimizer)',
        },
      ],
      [
        'below the minimum',
        run('--epochs=0'),
        { code: 'SAME1103', message: '0 is below the minimum 1 (from --epochs)' },
      ],
      [
        'a good one beside one that does not exist',
        run('--epochs=1000', '--no-such-flag'),
        { code: 'SAME1101', message: '"no-such-flag"' },
      ],
      [
        'a stray word',
        run('epochs=3'),
        { code: 'SAME1902', message: '"epochs=3"', hint: 'write --epochs=3' },
      ],
      [
        'a stray word after the value of a flag',
        run('--epochs', '3', '4'),
        { code: 'SAME1902', message: '"4"' },
      ],
      [
        'a flag without its value',
        run('--epochs'),
        { code: 'SAME1102', message: '--epochs needs a value', hint: '--epochs=VALUE' },
      ],
      ['a negation with a value', run('--no-cuda=1'), { code: 'SAME1102', hint: '--cuda=' }],
      [
        '--set without =',
        run('--set', 'epochs'),
        { code: 'SAME1902', message: '--set takes NAME=VALUE, got "epochs"' },
      ],
      [
        '--set of what does not exist, and of a wrong type',
        run('--set', 'epoch=1', '--set', 'epochs=1.0'),
        { code: ['SAME1101', 'SAME1102'], hint: 'did you mean --epochs?' },
      ],
      [
        'a --parameters file that is not there',
        run('--parameters', 'none.yaml'),
        { code: 'SAME1108', message: 'none.yaml', place: '--parameters' },
      ],
      [
        'a --parameters file that is a list',
        run('--parameters', 'list.yaml'),
        { code: 'SAME1108', message: 'list.yaml' },
      ],
      [
        'a --parameters file that is no YAML',
        run('--parameters', 'torn.yaml'),
        { code: 'SAME1001', place: /torn\.yaml:\d+:\d+/ },
      ],
      [
        'a --parameters file with an unknown name',
        run('--parameters', 'odd.yaml'),
        { code: 'SAME1101', message: '(from odd.yaml)', hint: 'did you mean --epochs?' },
      ],
      ['an unknown profile', run('--profile', 'smok'), { code: 'SAME1107', hint: 'did you mean smoke?' }],
      [
        'a tool option without its value',
        run('--profile'),
        { code: 'SAME1902', message: '--profile needs a value' },
      ],
      [
        'a tool option whose value is another option',
        run('--target', '--plan'),
        { code: 'SAME1902', message: '--target needs a value' },
      ],
      [
        'a tool switch with a value',
        run('--plan=yes'),
        { code: 'SAME1902', message: '--plan takes no value' },
      ],
      [
        'a tool option twice',
        run('--profile', 'smoke', '--profile', 'smoke'),
        { code: 'SAME1902', message: 'twice' },
      ],
      [
        'a parameter before the program',
        ['run', '--epochs', '1000', 'study:1.0'],
        { code: 'SAME1902', hint: /same run (NAME:VERSION|study:1\.0) --/ },
      ],
      [
        'a parameter with = before the program',
        ['run', 'program', '--epochs=1000', 'study:1.0'],
        { code: 'SAME1902', hint: /same run (NAME:VERSION|study:1\.0) --/ },
      ],
      [
        'a program and a source',
        ['run', 'study:1.0', '-f', 'study'],
        { code: 'SAME1902', message: 'study:1.0' },
      ],
      ['no program and no folder', ['run'], { code: 'SAME1902', hint: 'same run NAME:VERSION' }],
      [
        'a program that is not there',
        ['run', 'stady'],
        { code: 'SAME1204', exit: 3, message: 'did you mean study?' },
      ],
      ['a version that is not there', ['run', 'study:7'], { code: 'SAME1204', exit: 3, message: '1.0' }],
      ['a reference that is none', ['run', 'study:1.0@md5:1'], { code: 'SAME1203' }],
      ['a name that is none', ['show', 'a..b'], { code: 'SAME1201' }],
      [
        'latest, which is no version',
        ['show', 'study:latest'],
        { code: 'SAME1202', hint: 'leave the version out' },
      ],
      ['an unknown target', run('--target', 'lokal'), { code: 'SAME1902', message: 'did you mean local?' }],
      [
        'an engine that is not there yet',
        run('--engine', 'slurm'),
        { code: 'SAME1702', exit: 6, message: 'sbatch' },
      ],
      [
        'an unknown place in SAME_ENVIRONMENT',
        run(),
        { code: 'SAME1902', message: '(from SAME_ENVIRONMENT)', env: { SAME_ENVIRONMENT: 'moon' } },
      ],
      [
        'a place in SAME_ENVIRONMENT that is not there yet',
        run(),
        { code: 'SAME1702', exit: 6, message: 'argo', env: { SAME_ENVIRONMENT: 'argo' } },
      ],
    ],
  );
});

describe('words that same does not understand', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(() => rig[Symbol.dispose]());
  table(
    () => rig,
    [
      ['an unknown verb', ['creat', '-f', 'study'], { code: 'SAME1902', message: 'did you mean create?' }],
      ['a noun before its verb', ['run', 'list'], { code: 'SAME1902', hint: 'try: same list runs' }],
      ['another noun before its verb', ['runs', 'list'], { code: 'SAME1902', hint: 'try: same list runs' }],
      [
        'a noun that the verb does not take',
        ['create', 'run'],
        { code: 'SAME1902', message: 'same create takes program' },
      ],
      ['a noun that no verb has', ['list', 'studies'], { code: 'SAME1902' }],
      [
        'a noun mistyped, which could be a name',
        ['verify', 'intergity'],
        { code: 'SAME1204', exit: 3, message: '"intergity"', hint: 'did you mean: same verify integrity' },
      ],
      [
        'a noun mistyped before a name',
        ['show', 'rnu', 'latest'],
        { code: 'SAME1902', message: 'too many arguments', hint: 'did you mean: same show run' },
      ],
      [
        'a noun mistyped where no name goes',
        ['list', 'rums'],
        { code: 'SAME1902', hint: 'did you mean: same list runs' },
      ],
      [
        'a name mistyped that is like a noun too',
        ['verify', 'studyy'],
        { code: 'SAME1204', exit: 3, message: 'did you mean study?', hint: 'same create program' },
      ],
      [
        'an unknown option',
        ['create', '-f', 'study', '--derefrence'],
        { code: 'SAME1901', message: /derefrence.*Did you mean --dereference/ },
      ],
      ['an option without its value', ['create', '-f'], { code: 'SAME1902', message: 'needs a value' }],
      ['a required option left out', ['create'], { code: 'SAME1902', message: '--file' }],
      ['a word too many', ['show', 'study', 'study'], { code: 'SAME1902', message: 'too many arguments' }],
      [
        'a choice that is none',
        ['export', '-n', 'study:1.0', '--history', 'some'],
        { code: 'SAME1608', exit: 3, message: 'none, latest, all' },
      ],
      [
        'deleting a program that is not there',
        ['delete', 'study:3'],
        { code: 'SAME1204', exit: 3, message: '1.0' },
      ],
      [
        'deleting without saying which version',
        ['delete', 'study'],
        { code: 'SAME1902', message: 'NAME:VERSION' },
      ],
      [
        'deleting a run that is not there',
        ['delete', 'run', 'beef'],
        { code: 'SAME1608', exit: 3, hint: 'same list runs' },
      ],
      [
        'showing a run that is not there',
        ['show', 'run', 'beef'],
        { code: 'SAME1608', exit: 3, hint: 'same list runs' },
      ],
      ['showing the latest of no runs', ['show', 'run', 'latest'], { code: 'SAME1608', exit: 3 }],
      ['logs of a run that is not there', ['logs', 'beef'], { code: 'SAME1608', exit: 3 }],
      ['committing what is not there', ['commit', 'study:2', '--as', '3'], { code: 'SAME1204', exit: 3 }],
      ['committing as no version', ['commit', 'study:1.0', '--as', 'a_b'], { code: 'SAME1202' }],
      ['committing as itself', ['commit', 'study:1.0', '--as', '1.0'], { code: 'SAME1207', exit: 4 }],
      [
        'committing an unknown default',
        ['commit', 'study:1.0', '--as', '2', '--set', 'epoch=1'],
        { code: 'SAME1101', hint: 'did you mean --epochs?' },
      ],
      [
        'committing a wrong default',
        ['commit', 'study:1.0', '--as', '2', '--set', 'epochs=0'],
        { code: 'SAME1103' },
      ],
      ['locking what is no folder', ['lock', '-f', 'nowhere'], { code: 'SAME1205', exit: 3 }],
    ],
  );
});

describe('a source that is not there is named, with what was tried', () => {
  let rig: Rig;
  let repository: string;
  const git = (...words: string[]) =>
    execFileSync(
      'git',
      ['-C', rig.path('repository'), '-c', 'user.name=A', '-c', 'user.email=a@b.c', ...words],
      {
        stdio: 'ignore',
      },
    );
  before(() => {
    rig = openRig();
    rig.write({
      'empty/readme.txt': 'nothing here\n',
      'study/same.yaml': study,
      'notes.txt': 'no archive\n',
      'repository/papers/one/same.yaml': study,
    });
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
    git('tag', 'v1.0');
    repository = `git+${pathToFileURL(rig.path('repository'))}`;
  });
  after(() => rig[Symbol.dispose]());

  const create = (source: string) => ['create', '-f', source];
  table(
    () => rig,
    [
      [
        'a folder',
        create('./nowhere'),
        { code: 'SAME1205', exit: 3, message: './nowhere', hint: '-f takes a directory' },
      ],
      [
        'a forge without its scheme',
        create('github.com/org/repo'),
        { code: 'SAME1205', exit: 3, hint: 'https://github.com/org/repo' },
      ],
      ['a folder without same.yaml', create('empty'), { code: 'SAME1205', exit: 3, message: 'same.yaml' }],
      ['a file that is no archive', create('notes.txt'), { code: 'SAME1306', message: 'notes.txt' }],
      [
        'a manifest instead of its folder',
        create('study/same.yaml'),
        { code: 'SAME1306', hint: 'directory' },
      ],
      [
        'a registry that does not answer',
        create('oci://localhost:1/study:1.0'),
        { code: 'SAME1801', exit: 6, message: 'localhost:1' },
      ],
      ['a transport that is none', create('ftp://example.org/a.tgz'), { code: 'SAME1208' }],
      ['an address with a password', create('https://me:secret@example.org/a/b'), { code: 'SAME1208' }],
    ],
  );
  test('a repository', () =>
    refused(rig, create(`git+${pathToFileURL(rig.path('no-repository'))}`), {
      code: 'SAME1205',
      exit: 3,
    }));
  test('a branch or tag of a repository, with those that are there', () =>
    refused(rig, create(`${repository}//papers/one@v9`), {
      code: 'SAME1211',
      exit: 3,
      message: 'v9',
      hint: 'v1.0',
    }));
  test('a folder of a repository, with those that hold programs', () =>
    refused(rig, create(`${repository}//papers/two@main`), {
      code: 'SAME1205',
      exit: 3,
      message: 'papers/two',
      hint: 'papers/one',
    }));
  test('an address with a password is refused without repeating it', async () => {
    const ended = await rig.same(create('https://me:hunter2@example.org/a/b'));
    assert.ok(!ended.stderr.includes('hunter2'), ended.stderr);
  });

  const why = unavailable();
  describe('over HTTPS', why === undefined ? {} : { skip: why }, () => {
    let server: GitHttps;
    let env: Record<string, string>;
    before(async () => {
      server = await startGitHttps();
      env = {
        SSL_CERT_FILE: server.caFile,
        NODE_EXTRA_CA_CERTS: server.caFile,
        GIT_SSL_CAINFO: server.caFile,
      };
      execFileSync('git', [
        'clone',
        '-q',
        '--bare',
        rig.path('repository'),
        `${server.repositories}/org/papers.git`,
      ]);
    });
    after(() => server.dispose());

    test('a version of a repository lists the refs that were tried and the versions that exist', async () => {
      await assertRefused(rig, create(`${server.url}/org/papers/papers/one:2.0`), {
        code: 'SAME1211',
        exit: 3,
        message:
          /papers\/one\/2\.0, papers\/one-2\.0, papers\/one@2\.0, v2\.0, 2\.0.*default branch main says version 1\.0/,
        hint: '1.0',
        env,
      });
    });
    test('a repository of a server', async () => {
      await assertRefused(rig, create(`${server.url}/org/none`), {
        code: 'SAME1205',
        exit: 3,
        hint: 'none.git',
        env,
      });
    });
    test('an archive of a server', async () => {
      await assertRefused(rig, create(`${server.url}/files/none.tgz`), {
        code: 'SAME1205',
        exit: 3,
        message: /none\.tgz/,
        env,
      });
    });
    test('a server', async () => {
      const gone = new URL(server.url);
      gone.port = '1';
      await assertRefused(rig, create(`${gone.origin}/org/none.tgz`), { code: 'SAME1209', exit: 6, env });
    });
  });
});

describe('a name that is taken', () => {
  let rig: Rig;
  let digest: string;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    digest = (await rig.same(['create', '-f', 'study', '--json'])).json().digest;
  });
  after(() => rig[Symbol.dispose]());
  const spelt = (name: string, version: string) =>
    study.replace('name: study, version: "1.0"', `name: ${name}, version: "${version}"`);

  test('by a folder is replaced by the folder, and both digests are printed', async () => {
    rig.write({ 'study/note.txt': 'two\n' });
    const ended = await rig.same(['create', '-f', 'study']);
    assert.equal(ended.code, 0, ended.stderr);
    const said = ended.stdout + ended.stderr;
    const created = /\(sha256:[0-9a-f]{64}\)/.exec(said)?.[0];
    assert.notEqual(created, `(${digest})`);
    assert.match(said, new RegExp(`replaced ${digest}`));
  });
  test('by an exported program is refused, both digests being shown', async () => {
    const exported = await rig.same(['export', '-n', 'study:1.0', '-o', 'study.tgz', '--json']);
    assert.equal(exported.code, 0, exported.stderr);
    rig.write({ 'study/note.txt': 'three\n' });
    const [finding] = await assertRefused(rig, ['create', '-f', 'study'], {
      code: 'SAME1206',
      exit: 4,
      place: 'study:1.0',
      message: exported.json().digests.program,
      hint: 'same delete study:1.0',
    });
    assert.equal(finding!.message.match(/sha256:[0-9a-f]{64}/g)!.length, 2);
  });
  test('an import of another program under a taken name is refused', async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': study, 'study/note.txt': 'other\n' });
    await other.same(['create', '-f', 'study']);
    assert.equal((await other.same(['export', '-n', 'study:1.0', '-o', rig.path('other.tgz')])).code, 0);
    await assertRefused(rig, ['import', 'other.tgz'], { code: 'SAME1206', exit: 4 });
    await assertRefused(rig, ['create', '-f', 'other.tgz'], { code: 'SAME1206', exit: 4 });
  });
  test('a version that is equal in order and spelt differently is refused', async () => {
    rig.write({ 'other/same.yaml': spelt('study', '1.0.0') });
    await assertRefused(rig, ['create', '-f', 'other'], {
      code: 'SAME1207',
      exit: 4,
      message: 'study:1.0',
      hint: '1.0',
    });
  });
  test('a name that differs in case is refused', async () => {
    rig.write({ 'other/same.yaml': spelt('Study', '2.0') });
    await assertRefused(rig, ['create', '-f', 'other'], { code: 'SAME1207', exit: 4, message: '"study"' });
  });
});

describe('bundles', () => {
  let rig: Rig;
  let bundle: Buffer;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study, 'study/data.txt': 'x'.repeat(3000), 'study/a/b.txt': 'b\n' });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    assert.equal((await rig.same(['export', '-n', 'study:1.0', '-o', 'study.tgz'])).code, 0);
    bundle = readFileSync(rig.path('study.tgz'));
  });
  after(() => rig[Symbol.dispose]());

  table(
    () => rig,
    [
      [
        'an export of a name that is not there',
        ['export', '-n', 'stdy:1.0'],
        { code: 'SAME1204', exit: 3, message: 'did you mean study?' },
      ],
      [
        'an export of a later version without a run to make it from',
        ['export', '-n', 'study:1.1'],
        {
          code: 'SAME1204',
          exit: 3,
          message: 'no succeeded run',
          hint: 'same commit program study:1.0 --as 1.1',
        },
      ],
      [
        'an export of an earlier version',
        ['export', '-n', 'study:0.9'],
        { code: 'SAME1204', exit: 3, message: 'versions: 1.0', hint: 'study:1.0' },
      ],
      [
        'an export onto a file that is something else',
        ['export', '-n', 'study:1.0', '-o', 'study/data.txt'],
        { code: 'SAME1403', exit: 4, place: 'study/data.txt', hint: '--force' },
      ],
      [
        'an import of a file that is not there',
        ['import', 'none.tgz'],
        { code: 'SAME1205', exit: 3, message: 'none.tgz' },
      ],
      ['an import of a folder', ['import', 'study'], { code: 'SAME1306' }],
      ['an import of a file that is no bundle', ['import', 'study/data.txt'], { code: 'SAME1306' }],
      ['a run of a bundle', ['run', '-f', 'study.tgz'], { code: 'SAME1208', hint: 'same import study.tgz' }],
    ],
  );
  test('an import of an archive that is no bundle is refused', async () => {
    execFileSync('tar', ['czf', rig.path('plain.tgz'), '-C', rig.path('study'), '.']);
    await assertRefused(rig, ['import', 'plain.tgz'], { code: 'SAME1306', hint: 'same create' });
  });

  // Refusals into an empty home: what is left behind would be the first thing in it.
  const damage: [string, (bytes: Buffer) => Buffer][] = [
    ['half a bundle', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['a bundle that lacks its last byte', (bytes) => bytes.subarray(0, -1)],
    ['an empty file', () => Buffer.alloc(0)],
    ...[0.1, 0.3, 0.5, 0.7, 0.9].map((part): [string, (bytes: Buffer) => Buffer] => [
      `a bundle with one bit flipped at ${part * 100} %`,
      (bytes) => {
        const flipped = Buffer.from(bytes);
        flipped[Math.floor(bytes.length * part)]! ^= 4;
        return flipped;
      },
    ]),
  ];
  for (const [title, change] of damage) {
    test(`${title} is refused by import and by create, and leaves nothing`, async () => {
      using empty = openRig();
      empty.write({ 'bad.tgz': change(bundle) });
      const home = listing(empty.home);
      for (const words of [
        ['import', 'bad.tgz'],
        ['create', '-f', 'bad.tgz'],
      ]) {
        const ended = await empty.same([...words, '--json']);
        const { kind, exitCode, findings } = ended.json();
        assert.equal(kind, 'Error');
        assert.equal(exitCode, ended.code);
        assert.match(findings[0].code, /^SAME130[1-7]$/, ended.stderr);
        assert.deepEqual(await (await empty.same(['list', '--json'])).json().items, []);
        assert.deepEqual(listing(empty.home), home, `${words[0]} left something: ${ended.stderr}`);
      }
    });
  }
});
