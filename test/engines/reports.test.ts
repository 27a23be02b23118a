import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { takeReports } from '../../src/engines/attempt/reports.ts';
import type { EndedAttempt } from '../../src/engines/attempt/step-attempt.ts';
import type { StepStatus } from '../../src/engines/engine.ts';

const root = mkdtempSync(join(tmpdir(), 'same-reports-'));
after(() => rmSync(root, { recursive: true, force: true }));
const LINES = 30_000;

/** An attempt that wrote lines of figures, and ended so. */
function endedAs(status: StepStatus, isKilled: boolean) {
  const place = mkdtempSync(join(root, 'attempt-'));
  const workdir = join(place, 'work');
  mkdirSync(workdir);
  const report = join(workdir, 'metrics.jsonl');
  writeFileSync(report, '{"loss": 0.5}\n'.repeat(LINES));
  const ended = {
    step: { inputs: {}, outputs: {} },
    cell: { name: 'make' },
    workspace: { root: place, workdir, out: join(place, 'out') },
    content: openDiskContentStore(join(place, 'content')),
    end: { status },
    kill: isKilled ? AbortSignal.abort() : new AbortController().signal,
  } as unknown as EndedAttempt;
  return { ended, report };
}

describe('long reports', () => {
  it('are read to their end of an attempt that nobody wants killed', async () => {
    for (const status of ['succeeded', 'failed', 'canceled'] as const) {
      const { ended } = endedAs(status, false);
      const { metrics, warnings } = await takeReports(ended, status === 'succeeded' ? {} : undefined);
      assert.deepEqual([metrics, warnings], [[{ name: 'loss', value: 0.5, count: LINES }], []], status);
    }
  });

  it('are left and named, but stored, once an attempt that did not succeed is to be killed', async () => {
    const { ended } = endedAs('failed', true);
    const { metrics, warnings, series } = await takeReports(ended, undefined);
    assert.deepEqual(metrics, []);
    assert.equal(await ended.content.has(series!), true);
    assert.deepEqual(warnings, [
      `make/metrics.jsonl has ${LINES * 14} bytes: its figures are left out, it is stored as ${series}`,
    ]);
  });

  it('keep an attempt that is to be killed meanwhile from having succeeded', async () => {
    await assert.rejects(takeReports(endedAs('succeeded', true).ended, {}), { code: 'SAME1903' });
  });

  it('of more than 32 MiB of a canceled attempt are stored, and named as not read', async () => {
    const { ended, report } = endedAs('canceled', false);
    truncateSync(report, 32 * 1024 * 1024 + 1);
    const { metrics, problems, warnings, series } = await takeReports(ended, undefined);
    assert.deepEqual([metrics, problems], [[], []]);
    assert.equal(await ended.content.has(series!), true);
    assert.match(
      warnings.join(),
      /make\/metrics\.jsonl has 33554433 bytes, more than the 33554432 that are read/,
    );
  });
});
