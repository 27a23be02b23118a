import { describe, test } from 'node:test';
import { head, steps, studyRig } from './bad-words.ts';
import { assertRefused, type Refusal } from './refusal.ts';

describe('a manifest that is wrong is refused with file, line and column, and nothing is kept', () => {
  const rig = studyRig();

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
      rig().write({ 'bad/same.yaml': manifest });
      await assertRefused(rig(), ['create', '-f', 'bad'], wanted);
    });
  }
  test('run -f refuses what create refuses', async () => {
    rig().write({ 'bad/same.yaml': `${head}piepline: {}\n${steps}` });
    await assertRefused(rig(), ['run', '-f', 'bad'], { code: 'SAME1004', place: 'same.yaml:4:1' });
  });
});
