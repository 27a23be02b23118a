import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redactionOf, secretParameters } from '../../src/operations/redaction.ts';
import { maskingOf } from '../../src/operations/secrets.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';

const whereabouts = {
  hostName: 'engine.example',
  directories: [
    ['/home/ada/.same', '$SAME_HOME'],
    ['/home/ada', '~'],
    ['/srv/work', '.'],
    ['/', '/'],
  ],
} as const;

function redacted(fields: object, secrets: Record<string, string> = {}): RunRecord {
  const record = structuredClone(fields) as RunRecord;
  redactionOf(maskingOf(secrets), whereabouts).record(record);
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
    const record = {
      id: 'abcd',
      steps: [{ name: 'abcd', because: 'abcd', outputs: { abcd: { digest } }, matrix: { item: digest } }],
      metrics: [{ name: 'abcd', step: 'abcd', series: digest }],
      parameters: { abcd: { value: 'abcd' } },
    };
    assert.deepEqual(redacted(record, { S: 'abcd' }), {
      ...record,
      steps: [{ ...record.steps[0], because: '***S***' }],
      metrics: [{ ...record.metrics[0], name: '***S***' }],
    });
  });

  it('leaves events as they are where there is no secret', () => {
    const event = { type: 'step-skipped', because: '/home/ada' };
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
