import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepResult } from '../../src/engines/engine.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { given } from './meeting.ts';
import type { RunFixture } from './steps.ts';

/** Results of earlier runs in place of steps (spec chapter step-contract). */
export function storedResultsContract(name: string, run: RunFixture): void {
  describe(`engine ${name}: stored results`, () => {
    it('leave what their keys were made from in the store', async () => {
      const ran = await run({ manifest: "pipeline: {steps: {a: {run: 'exit 1'}}}" });
      const document = await ran.content.read(ran.step('a').cacheKey!);
      assert.equal(JSON.parse(document.toString()).command, 'exit 1');
    });

    it('stand in for steps that are not run, many in one batch, and what follows gets their outputs', async () => {
      const chain = Array.from({ length: 50 }, (_, index) =>
        index === 0
          ? 's0: {run: "echo first > {{outputs.o}}", outputs: {o: {}}}'
          : `s${index}: {run: 'cat {{inputs.i}} > {{outputs.o}}; echo ${index} >> {{outputs.o}}', inputs: {i: {from: s${index - 1}.o}}, outputs: {o: {}}}`,
      );
      const known = new Map<string, StepResult>();
      let batches = 0;
      const ran = await run({
        manifest: `pipeline: {steps: {${chain.join(', ')}, last: {run: 'wc -l < {{inputs.i}}', inputs: {i: {from: s49.o}}}}}`,
        context: given({
          async reuse(step, cell, { key }) {
            if (step.name === 'last') return undefined;
            const artifact = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 0 };
            const result: StepResult = {
              key,
              run: '019a0000-0000-7000-8000-000000000000',
              step: cell.name,
              outputs: { o: artifact },
              metrics: [],
              logs: { stdout: artifact, stderr: artifact },
              durationMs: 1,
            };
            known.set(step.name, result);
            return result;
          },
          data: {},
        }),
        batch: () => batches++,
      }).catch((error: SameError) => error);
      // The stored artifact is not there: the one step that runs finds that out, and says so.
      assert.ok(ran instanceof SameError && ran.code === 'SAME1305', String(ran));
      assert.equal(known.size, 50);
      assert.ok(batches <= 4, `${batches} batches`);
    });
  });
}
