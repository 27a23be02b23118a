import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderRun } from '../../src/cli/render/run.ts';
import { shownSteps } from '../../src/cli/render/shown-steps.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { begun } from '../runs/record.ts';

const AT = '2026-01-31T09:30:01.000Z';
const shown = (record: RunRecord) => renderRun(record, { own: true, colour: false, full: true });

/** The first step has begun; the second has not. */
function going(more: Partial<RunRecord> = {}): RunRecord {
  const record = begun(more);
  Object.assign(record.steps[0]!, { attempts: 1, startedAt: AT });
  return record;
}

describe('a run that is shown', () => {
  it('tells which of its steps run, and since when', () => {
    const text = shown(going());
    assert.match(text, /^ {2}2 steps: 1 running, 1 not started$/m);
    assert.match(text, new RegExp(`^ {4}one +running +since ${AT}$`, 'm'));
    assert.deepEqual(
      shownSteps(going()).map(({ status }) => status),
      ['running', 'pending'],
    );
  });

  it('tells of a step that was cut off with its run that it was', () => {
    const text = shown(going({ status: 'interrupted' }));
    assert.match(text, /^ {2}2 steps: 1 interrupted, 1 not started$/m);
  });

  it('tells what it warned of, and parameters that were logged as several values', () => {
    const record = begun({ status: 'succeeded', warnings: ['step one: it logged 0.2 as parameter lr'] });
    record.steps[0]!.logged = { parameters: { lr: '0.2' }, drift: { lr: ['0.1', '\u001b[2J'] } };
    const text = shown(record);
    assert.match(text, /^ {2}warnings\n {4}step one: it logged 0\.2 as parameter lr$/m);
    assert.match(text, /^ {2}drift of logged parameters\n {4}one: lr logged as "0\.2", also "0\.1", /m);
    assert.ok(!text.includes('\u001b'));
    assert.ok(!/warnings|drift/.test(shown(begun())));
  });
});
