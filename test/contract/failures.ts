import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineContext } from '../../src/engines/engine.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import { awaiting, given, meetingPlace } from './meeting.ts';
import { type EngineTraits, ofThisMachine, type RunFixture } from './steps.ts';
import type { Fixture, Ran } from './workbench.ts';

/** Failures and interrupts while several steps run (spec SAME-PIP-013, SAME-PIP-015). */
export function failuresContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const here = ofThisMachine(traits);
  const isAlive = traits.isAlive ?? isAliveHere;
  describe(`engine ${name}: a failure beside other steps`, () => {
    const fixture = (place: string): string => `
pipeline:
  steps:
    fails: {run: '${awaiting(`${place}/on`)}; exit 3', outputs: {o: {}}, timeout: 60s}
    goes-on: {run: 'trap "echo stopped; exit 0" TERM; touch ${place}/on; ${awaiting(`${place}/over`)}; echo done > {{outputs.o}}', outputs: {o: {}}, timeout: 60s}
    needs-it: {run: 'true', inputs: {o: {from: fails.o}}}
    needs-other: {run: 'true', inputs: {o: {from: goes-on.o}}}
`;
    const ranWith = async (onFailure: EngineContext['onFailure']): Promise<Ran> => {
      using place = meetingPlace();
      return await run({
        manifest: fixture(place.path),
        context: given({ onFailure }),
        onEvent(event) {
          if (event.type === 'step-finished' && event.step === 'fails' && onFailure !== 'fail-fast')
            place.set('over');
        },
      });
    };
    const statuses = (ran: Ran) =>
      ran.record.steps.map(({ name: step, status }) => `${step} ${status}`).sort();

    here.it('lets them end, and nothing further starts', async () => {
      const ran = await ranWith('finish');
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual(ran.codes, ['SAME1601']);
      assert.deepEqual(statuses(ran), [
        'fails failed',
        'goes-on succeeded',
        'needs-it skipped',
        'needs-other skipped',
      ]);
      assert.match(ran.step('needs-other').because!, /\bfails\b/);
    });

    here.it('stops them politely where that is asked for', async () => {
      const ran = await ranWith('fail-fast');
      assert.equal(ran.record.status, 'failed');
      assert.equal(ran.record.error?.code, 'SAME1601');
      assert.deepEqual(statuses(ran), [
        'fails failed',
        'goes-on canceled',
        'needs-it skipped',
        'needs-other skipped',
      ]);
      assert.equal(await ran.log('goes-on'), 'stopped\n');
    });

    here.it('stops only what needs it where everything else is to run', async () => {
      const ran = await ranWith('keep-going');
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual(statuses(ran), [
        'fails failed',
        'goes-on succeeded',
        'needs-it skipped',
        'needs-other succeeded',
      ]);
      assert.match(ran.step('needs-it').because!, /\bfails\b/);
    });

    it('a step that waits for its next attempt leaves its place to others', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    flaky: {run: 'test $SAME_ATTEMPT = 2', retries: {max: 1, backoff: 1ms}}
    other: {run: 'true'}
`,
        context: given({ jobs: 1 }),
      });
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
      assert.equal(ran.attempts('flaky').length, 2);
    });

    here.it('of the machine itself stops all of them, and nothing is left running', async () => {
      using place = meetingPlace();
      let pid = 0;
      const refused = run({
        manifest: `
pipeline:
  steps:
    runs: {run: 'echo $$ ready; exec sleep 1000'}
    cannot: {run: 'true'}
`,
        context: (context) => ({
          ...given({})(context),
          async placeCode(step, directory) {
            if (step.name === 'runs') return context.placeCode(step, directory);
            await until('the other step runs', () => place.has('on'));
            throw new SameError({ code: 'SAME1402', message: 'no space left' });
          },
        }),
        onEvent(event) {
          if (event.type !== 'step-output') return;
          pid = Number(event.lines[0]!.split(' ')[0]);
          place.set('on');
        },
      });
      await assert.rejects(refused, { code: 'SAME1402' });
      assert.ok(pid > 1);
      assert.equal(isAlive(pid), false);
    });
  });

  describe(`engine ${name}: interrupting several steps`, () => {
    const several = (trap: string) => `
pipeline:
  steps:
    a: {run: [sh, -c, '${trap}; echo ready; while :; do sleep 0.02; done']}
    b: {run: [sh, -c, '${trap}; echo ready; while :; do sleep 0.02; done'], outputs: {o: {}}}
    c: {run: 'true', inputs: {o: {from: b.o}}}
`;
    const whenBothRun = (then: (controls: { cancel(): void; kill(): void }) => void): Fixture['onEvent'] => {
      const ready = new Set<string>();
      return (event, controls) => {
        if (event.type !== 'step-output' || !event.lines.includes('ready')) return;
        ready.add(event.step);
        if (ready.size === 2) then(controls);
      };
    };

    it('stops each of them politely, with its log', async () => {
      const ran = await run({
        manifest: several('trap "echo bye; exit 0" TERM'),
        context: given({}),
        onEvent: whenBothRun(({ cancel }) => cancel()),
      });
      assert.equal(ran.record.status, 'canceled');
      for (const step of ['a', 'b']) {
        assert.equal(ran.step(step).status, 'canceled');
        assert.equal(await ran.log(step), 'ready\nbye\n');
      }
      assert.equal(ran.step('c').status, 'skipped');
    });

    it('kills all of them at the second time', async () => {
      const ran = await run({
        manifest: several('trap "" TERM'),
        context: given({}),
        onEvent: whenBothRun(({ cancel, kill }) => {
          cancel();
          kill();
        }),
      });
      assert.equal(ran.record.status, 'canceled');
      for (const step of ['a', 'b']) {
        assert.equal(ran.step(step).signal, 'SIGKILL');
        assert.ok(ran.step(step).usage!.durationMs < 9_000);
      }
    });

    here.it('a timeout stops one, and the others go on', async () => {
      using place = meetingPlace();
      const ran = await run({
        manifest: `
pipeline:
  steps:
    late: {run: [sleep, '1000'], timeout: 200ms}
    other: {run: '${awaiting(`${place.path}/over`)}; echo done', timeout: 60s}
`,
        context: given({}),
        onEvent(event) {
          if (event.type === 'step-finished' && event.step === 'late') place.set('over');
        },
      });
      assert.equal(ran.record.status, 'timeout');
      assert.equal(ran.step('late').status, 'timeout');
      assert.equal(await ran.log('other'), 'done\n');
    });
  });
}
