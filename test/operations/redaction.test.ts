import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineEvent } from '../../src/engines/engine.ts';
import { redactionOf, secretParameters } from '../../src/operations/redaction.ts';
import { maskingOf } from '../../src/operations/secrets.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { begun, finished } from '../runs/record.ts';

const whereabouts = {
  hostName: 'engine.example',
  directories: [
    ['/home/ada/.same', '$SAME_HOME'],
    ['/home/ada', '~'],
    ['/srv/work', '.'],
    ['/', '/'],
  ],
} as const;

interface Hidden {
  secrets?: Record<string, string>;
  hostName?: string;
  lists?: string[];
}

function redacted(fields: Partial<RunRecord>, hidden: Hidden = {}): RunRecord {
  const { secrets = {}, hostName = whereabouts.hostName, lists } = hidden;
  const record = structuredClone(begun(fields));
  redactionOf(maskingOf(secrets), { ...whereabouts, hostName }, lists).record(record);
  return record;
}

describe('the redaction of a run', () => {
  it('writes places and the host in its texts as what they are to anybody', () => {
    const { warnings } = redacted({
      warnings: [
        'no /home/ada/.same/work/x on engine.example',
        'no /home/ada/data, /home/ada, /home/adam/x or /home/grace/x',
        'no /srv/work/a: see /srv/worker/b and https://example.org/home/ada',
      ],
    });
    assert.deepEqual(warnings, [
      'no $SAME_HOME/work/x on HOST',
      'no ~/data, ~, ~/x or ~/x',
      'no ./a: see /srv/worker/b and https://example.org/home/ada',
    ]);
  });

  it('changes nothing that is the program’s, nor any digest', () => {
    const digest = `sha256:${'abcd'.repeat(16)}`;
    const [step] = begun().steps;
    const record = begun({
      steps: [{ ...step!, name: 'abcd', because: 'abcd', outputs: { abcd: { digest, sizeBytes: 1 } } }],
      metrics: [
        { name: 'abcd', step: 'abcd', value: 1, series: digest },
        { name: 'abcd', step: 'abcd', value: 1, declared: true },
      ],
      parameters: { abcd: { value: 'abcd', source: '--abcd' } },
    });
    assert.deepEqual(redacted(record, { secrets: { S: 'abcd' } }), {
      ...record,
      steps: [{ ...record.steps[0], because: '***S***' }],
      metrics: [{ ...record.metrics[0], name: '***S***' }, record.metrics[1]],
    });
  });

  it('leaves parameters byte for byte, whatever they and their members are called', () => {
    const said = '/home/ada/other.csv on engine.example';
    const names = [
      'uri',
      'place',
      'message',
      'hint',
      'gpu',
      'matrix',
      'logged',
      'services',
      'warnings',
      'metrics',
    ];
    const members = Object.fromEntries(names.map((name) => [name, said]));
    const parameters = Object.fromEntries(
      names.map((name) => [
        name,
        { value: { ...members, list: [members] }, default: said, source: '--x' as const },
      ]),
    );
    assert.deepEqual(redacted({ parameters }).parameters, parameters);
  });

  it('leaves the values of a declared matrix, and the names of dimensions, and takes places out of items of a list', () => {
    const matrix = { engine: 'engine.example', '/home/ada': { uri: '/home/ada/x' } };
    const item = { item: { '/home/ada': ['/home/ada/x', 1] } };
    const [step] = begun().steps;
    const steps = [
      { ...step!, name: 'grid.0', of: 'grid', matrix },
      { ...step!, name: 'each.0', of: 'each', matrix: item },
    ];
    const metrics = steps.map(({ name, matrix }) => ({ name: 'm', step: name, matrix, value: 1 }));
    const record = redacted({ steps, metrics }, { lists: ['each'] });
    const shown = { item: { '/home/ada': ['~/x', 1] } };
    assert.deepEqual(
      record.steps.map(({ matrix }) => matrix),
      [matrix, shown],
    );
    assert.deepEqual(
      record.metrics.map(({ matrix }) => matrix),
      [matrix, shown],
    );
  });

  it('keeps different items of a list apart where they would be written alike', () => {
    const [step] = begun().steps;
    const items = ['/home/ada/x', '/home/grace/x', '~/x', '/home/ada/x', '/home/ada/y'];
    const steps = items.map((item, index) => ({
      ...step!,
      name: `each.${index}`,
      of: 'each',
      matrix: { item: [item], plain: 'z' },
    }));
    const metrics = steps.map(({ name, matrix }) => ({ name: 'm', step: name, matrix, value: 1 }));
    const record = redacted({ steps, metrics }, { lists: ['each'] });
    const shown = ['~/x #1', '~/x #2', '~/x', '~/x #1', '~/y'].map((item) => ({ item: [item], plain: 'z' }));
    assert.deepEqual(
      record.steps.map(({ matrix }) => matrix),
      shown,
    );
    assert.deepEqual(
      record.metrics.map(({ matrix }) => matrix),
      shown,
    );
  });

  it('takes a host for one only where its name stands alone, and in no key but of what a step named', () => {
    const [step] = begun().steps;
    const artifacts = { digest: `tree:sha256:${'0'.repeat(64)}`, sizeBytes: 1 };
    const logged = {
      artifacts,
      tags: { artifacts: 'artifacts', 'x-artifacts': 'artifacts.local, artifacts2' },
    };
    const record = redacted(
      { warnings: ['my_artifacts of artifacts or subartifacts'], steps: [{ ...step!, logged }] },
      { hostName: 'artifacts', secrets: { S: 'x-artifacts' } },
    );
    assert.deepEqual(record.warnings, ['my_HOST of HOST or subartifacts']);
    assert.deepEqual(record.steps[0]!.logged, {
      artifacts,
      tags: { HOST: 'HOST', '***S***': 'HOST.local, artifacts2' },
    });
  });

  it('takes no host out whose name is a word of ordinary texts', () => {
    const warnings = ['step b did not succeed'];
    assert.deepEqual(redacted({ warnings }, { hostName: 'step' }).warnings, warnings);
  });

  it('copies nothing where there is nothing to take out', () => {
    const [step] = begun().steps;
    const record = begun({
      environments: { e: { key: 'k', locked: true, variables: {}, resolved: { packages: { a: '1' } } } },
      steps: [{ ...step!, because: 'no', logged: { tags: { a: 'b' }, runs: [] } }],
      metrics: [{ name: 'm', step: 'one', value: 1 }],
      warnings: ['w'],
    });
    const before = { ...record };
    redactionOf(maskingOf({ S: 'secret' }), whereabouts).record(record);
    for (const [name, field] of Object.entries(before)) {
      assert.equal(record[name as keyof RunRecord], field, name);
    }
    const event = finished('one', { warnings: ['w'], metrics: [{ name: 'm', value: 1 }] });
    assert.equal(redactionOf(maskingOf({ S: 'secret' }), whereabouts).event(event), event);
  });

  it('masks secrets in what events and problems tell, and in nothing that results are found by', () => {
    const redaction = redactionOf(maskingOf({ S: 'abcd' }), whereabouts);
    const problem = { code: 'SAME1601', message: 'abcd', place: 'abcd:1', hint: 'see abcd' } as const;
    const shown = { code: 'SAME1601', message: '***S***', place: '***S***:1', hint: 'see ***S***' };
    assert.deepEqual(redaction.finding(problem), shown);
    const event = finished('abcd', {
      metrics: [{ name: 'abcd', value: 1 }],
      logged: { parameters: { abcd: 'abcd' }, drift: { abcd: ['abcd'] } },
      problems: [problem],
      warnings: ['abcd'],
      inputs: { abcd: { digest: 'abcd', sizeBytes: 1 } },
    });
    assert.deepEqual(redaction.event(event), {
      ...event,
      metrics: [{ name: '***S***', value: 1 }],
      logged: { parameters: { '***S***': '***S***' }, drift: { '***S***': ['***S***'] } },
      problems: [shown],
      warnings: ['***S***'],
    });
    const expanded: EngineEvent = {
      type: 'step-expanded',
      step: 'abcd',
      cells: [{ name: 'abcd.0', matrix: { item: 'abcd' } }],
    };
    assert.deepEqual(redaction.event(expanded), {
      ...expanded,
      cells: [{ name: 'abcd.0', matrix: { item: '***S***' } }],
    });
  });

  it('leaves events as they are where there is no secret', () => {
    const event = { type: 'step-skipped', step: 's', cause: 'failure', because: '/home/ada' } as const;
    assert.equal(redactionOf(maskingOf({}), whereabouts).event(event), event);
  });
});

describe('the value of a secret as a parameter', () => {
  const found = (value: unknown, secret: string) =>
    secretParameters({ p: { value: value as string } }, { S: secret }).length === 1;

  it('refuses no parameter for a part of its value that is short', () => {
    assert.equal(found('passive', 'pass'), false);
    assert.equal(found('abc', 'abc'), false);
    assert.equal(found('pass', 'pass'), true);
    assert.equal(found(12345, '12345'), true);
    assert.equal(found('say password!', 'password'), true);
    assert.equal(found({ a: ['password'] }, 'password'), true);
    assert.equal(found(null, 'password'), false);
  });
});
