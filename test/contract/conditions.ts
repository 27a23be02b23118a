import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Plan } from '../../src/pipeline/plan.ts';
import { type RunFixture, statusesOf, succeeded } from './steps.ts';

/** Steps that are left out, and what runs in the end (spec chapter pipeline). */
export function conditionsContract(name: string, run: RunFixture): void {
  describe(`engine ${name}: conditions`, () => {
    it('leave out cells, and those that read from the others get the others under their numbers', async () => {
      const ran = await run({
        manifest: `
parameters: {full: {type: boolean, default: false}}
pipeline:
  steps:
    a: {run: 'echo {{matrix.n}} > {{outputs.o}}', matrix: {n: [1, 2, 3]}, when: 'n != 2', outputs: {o: {}}}
    some: {run: 'cd {{inputs.i}}; ls', inputs: {i: {from: a.o}}}
    b: {run: 'touch {{outputs.o}}', when: full, outputs: {o: {}}}
    after-b: {run: 'touch {{outputs.o}}', inputs: {i: {from: b.o}}, outputs: {o: {}}}
    last: {run: 'true', inputs: {i: {from: after-b.o}}}
`,
      });
      succeeded(ran);
      assert.equal(ran.step('a.1').status, 'skipped');
      assert.equal(await ran.log('some'), '0\n2\n');
      for (const step of ['b', 'after-b', 'last']) assert.equal(ran.step(step).status, 'skipped');
      const causes = ran.events.flatMap((event) =>
        event.type === 'step-skipped' ? [`${event.step} ${event.cause}`] : [],
      );
      assert.deepEqual(causes.sort(), ['a.1 condition', 'after-b upstream', 'b condition', 'last upstream']);
    });
  });

  describe(`engine ${name}: what runs finally`, () => {
    const manifest = (first: string) => `
pipeline:
  steps:
    a: {run: ${JSON.stringify(first)}, outputs: {o: {}}}
    b: {run: 'touch {{outputs.o}}', inputs: {i: {from: a.o}}, outputs: {o: {}}}
  finally:
    always: {run: 'echo over'}
    reads: {run: 'true', inputs: {i: {from: b.o}}}
`;

    it('starts after all others, and reads what they wrote', async () => {
      const ran = await run({ manifest: manifest('touch {{outputs.o}}') });
      succeeded(ran);
      const order = ran.events.flatMap((event) =>
        event.type === 'step-started' || event.type === 'step-finished'
          ? [`${event.type} ${event.step}`]
          : [],
      );
      assert.ok(order.indexOf('step-started always') > order.indexOf('step-finished b'));
      assert.equal(ran.step('reads').status, 'succeeded');
    });

    for (const onFailure of ['finish', 'fail-fast', 'keep-going'] as const) {
      it(`starts after a failure too (${onFailure}), but not where what it reads is missing`, async () => {
        const ran = await run({
          manifest: manifest('exit 1'),
          context: (context) => ({ ...context, onFailure }),
        });
        assert.equal(ran.record.status, 'failed');
        assert.deepEqual(statusesOf(ran), {
          a: 'failed',
          b: 'skipped',
          always: 'succeeded',
          reads: 'skipped',
        });
      });
    }

    it('does not start after an interrupt', async () => {
      const ran = await run({
        manifest: manifest('echo ready; exec sleep 1000'),
        onEvent(event, { cancel }) {
          if (event.type === 'step-output') cancel();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('always').status, 'skipped');
    });

    it('makes the run fail when it fails, and the others of it run all the same', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'true'}
  finally:
    breaks: {run: 'exit 1'}
    works: {run: 'sleep 0.1'}
`,
        context: (context) => ({ ...context, jobs: 1, onFailure: 'fail-fast' }),
      });
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual(statusesOf(ran), { a: 'succeeded', breaks: 'failed', works: 'succeeded' });
    });
  });

  describe(`engine ${name}: a step that was left out by a selection`, () => {
    it('is not run: without a stored result the run fails with SAME1614', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'touch {{outputs.o}}', outputs: {o: {}}}
    b: {run: 'true', inputs: {i: {from: a.o}}}
`,
        plan: (plan: Plan) => ({
          ...plan,
          steps: plan.steps.map((step) => (step.name === 'a' ? { ...step, selected: 'reuse' } : step)),
        }),
      });
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual(ran.codes, ['SAME1614']);
      assert.deepEqual(statusesOf(ran), { a: 'skipped', b: 'skipped' });
      assert.match(ran.problems[0]!.message, /step a\b/);
    });
  });
}
