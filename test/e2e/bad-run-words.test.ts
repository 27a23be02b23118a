import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { study, table } from './bad-words.ts';
import { openRig, type Rig } from './rig.ts';

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
        'a number of steps at a time where Tekton starts all that can run',
        run('--engine', 'tekton', '--jobs', '2'),
        { code: ['SAME1902', 'SAME1016'], message: 'engine tekton does not take --jobs' },
      ],
      [
        'a number of steps at a time where Kubeflow starts all that can run',
        run('--engine', 'kubeflow', '--jobs', '2'),
        { code: ['SAME1902', 'SAME1016'], message: 'engine kubeflow does not take --jobs' },
      ],
      [
        'going on after a failure where the engine does not',
        run('--engine', 'tekton', '--keep-going'),
        { code: ['SAME1902', 'SAME1016'], message: 'engine tekton does not take --keep-going' },
      ],
      [
        'an unknown place in SAME_ENVIRONMENT',
        run(),
        { code: 'SAME1902', message: '(from SAME_ENVIRONMENT)', env: { SAME_ENVIRONMENT: 'moon' } },
      ],
      [
        'a place in SAME_ENVIRONMENT that is not there yet',
        run(),
        { code: 'SAME1702', exit: 6, message: 'katib', env: { SAME_ENVIRONMENT: 'katib' } },
      ],
    ],
  );
});
