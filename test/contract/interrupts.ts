import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import { type EngineTraits, oneStep, type RunFixture, succeeded } from './steps.ts';

/** A timeout in which a shell has set its traps, also where much runs beside it. */
const LONG_ENOUGH_MS = 3000;

/** Timeouts and interrupts (spec chapter step-contract). */
export function interruptsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const isAlive = traits.isAlive ?? isAliveHere;
  describe(`engine ${name}: timeout and cancelling`, () => {
    it('sends TERM to the group first', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'trap "echo politely; exit 0" TERM; echo ready; while :; do sleep 0.02; done']\ntimeout: ${LONG_ENOUGH_MS}ms`,
        ),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.deepEqual(ran.codes, ['SAME1602']);
      assert.equal(ran.step('main').status, 'timeout');
      assert.equal(await ran.log('main'), 'ready\npolitely\n');
    });

    it('kills what ignores TERM, children included, after the grace', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'trap "" TERM; (trap "" TERM; echo $$; exec sleep 1000) & echo $!; while :; do sleep 0.02; done']\ntimeout: ${LONG_ENOUGH_MS}ms`,
        ),
        graceMs: 300,
      });
      assert.equal(ran.record.status, 'timeout');
      if (!traits.isAway) assert.equal(ran.step('main').signal, 'SIGKILL');
      assert.ok(
        ran.step('main').usage!.durationMs >= LONG_ENOUGH_MS + 290,
        `${ran.step('main').usage!.durationMs} ms`,
      );
      const pids = (await ran.log('main')).trim().split('\n').map(Number);
      assert.ok(pids.length > 0 && pids.every((pid) => pid > 1));
      for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
    });

    it('takes no output of a step that timed out', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'echo x > o; exec sleep 1000']\ntimeout: 300ms\noutputs: {o: {path: o}}`,
        ),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.deepEqual(ran.step('main').outputs, {});
    });

    it('runs a step to its end when its timeout is longer than any timer', async () => {
      succeeded(await run({ manifest: oneStep(`run: 'sleep 0.05'\ntimeout: 100d`) }));
    });

    it('stops politely at the first interrupt, and starts no further step', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: [sh, -c, 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done'], outputs: {o: {}}}
    b: {run: 'true', inputs: {o: {from: a.o}}}
`,
        onEvent(event, { cancel }) {
          if (event.type === 'step-output' && event.lines.includes('ready')) cancel();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('a').status, 'canceled');
      assert.equal(ran.step('b').status, 'skipped');
      assert.equal(ran.record.error?.code, 'SAME1607');
      assert.equal(await ran.log('a'), 'ready\nbye\n');
    });

    it('kills at once at the second interrupt', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sh, -c, 'trap "" TERM; echo ready; while :; do sleep 0.02; done']`),
        onEvent(event, { cancel, kill }) {
          if (event.type !== 'step-output' || !event.lines.includes('ready')) return;
          cancel();
          kill();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('main').signal, 'SIGKILL');
      assert.ok(ran.step('main').usage!.durationMs < 9_000);
    });

    it('does not wait out the backoff of a retry when it is interrupted', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'exit 1'\nretries: {max: 3, backoff: 1d}`),
        onEvent(event, { cancel }) {
          if (event.type === 'step-finished') cancel();
        },
      });
      assert.notEqual(ran.record.status, 'succeeded');
      assert.ok(ran.step('main').attempts <= 2);
    });

    it('starts nothing when it is interrupted before the first step', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'`),
        onEvent(event, { cancel }) {
          if (event.type === 'run-started') cancel();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('main').attempts, 0);
      assert.equal(ran.step('main').status, 'skipped');
    });
  });
}
