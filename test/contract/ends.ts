import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import {
  type EngineTraits,
  failedWith,
  ofThisMachine,
  oneStep,
  type RunFixture,
  succeeded,
} from './steps.ts';

/** How steps end, and are tried again (spec chapter step-contract). */
export function endsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const here = ofThisMachine(traits);
  const isAlive = traits.isAlive ?? isAliveHere;
  describe(`engine ${name}: ends`, () => {
    it('says SAME1610 when the variables are longer than the system takes', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'`, 'parameters: {long: {type: string, default: ""}}'),
        set: [`long=${'x'.repeat(200_000)}`],
      });
      failedWith(ran, 'SAME1610');
      assert.equal(await ran.log('main'), '');
    });

    here.it('keeps a log of any length', async () => {
      const ran = await run({ manifest: oneStep(`run: 'truncate -s 2200M /dev/stdout'`) });
      succeeded(ran);
      assert.equal(ran.step('main').logs!.stdout.sizeBytes, 2200 * 2 ** 20);
    });

    for (const code of [1, 2, 77, 127, 130, 255]) {
      it(`records exit code ${code} as a failure of the step`, async () => {
        const ran = await run({ manifest: oneStep(`run: 'exit ${code}'`) });
        failedWith(ran, 'SAME1601');
        assert.equal(ran.step('main').exitCode, code);
        assert.equal(ran.step('main').signal, undefined);
        assert.match(ran.problems[0]!.message, new RegExp(`\\b${code}\\b`));
      });
    }

    // What a shell starts beside itself ignores SIGINT: a shim has no other way.
    for (const signal of ['KILL', 'TERM', 'SEGV', ...(traits.isAway ? [] : (['INT'] as const))] as const) {
      it(`records an end by SIG${signal}`, async () => {
        const ran = await run({ manifest: oneStep(`run: [sh, -c, 'kill -${signal} $$']`) });
        failedWith(ran, 'SAME1601');
        const { signal: told, exitCode } = ran.step('main');
        if (traits.codesSignals) {
          assert.equal(exitCode, 128 + constants.signals[`SIG${signal}`]);
          assert.equal(told, undefined);
        } else {
          assert.equal(told, `SIG${signal}`);
          assert.equal(exitCode, undefined);
        }
      });
    }

    it('says SAME1610 when a command is not there or not executable, and never started', async () => {
      // That a file is not executable a shim finds out by starting it.
      const more = traits.isAway ? [] : ['./plain.txt'];
      for (const command of ['no-such-command-anywhere', './missing.sh', ...more]) {
        const ran = await run({
          manifest: oneStep(`run: [${JSON.stringify(command)}]`),
          files: { 'plain.txt': 'text' },
        });
        failedWith(ran, 'SAME1610');
        assert.equal(ran.step('main').exitCode, undefined);
      }
    });

    it('leaves a command that a shell cannot find to the shell', async () => {
      const ran = await run({ manifest: oneStep(`run: no-such-command-anywhere now`) });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('main').exitCode, 127);
    });

    it('sees a failure in the first part of a pipe', async () => {
      failedWith(await run({ manifest: oneStep(`run: '(exit 4) | cat'`) }), 'SAME1601');
    });

    it('kills what a command left running in its group', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'sleep 1000 & echo $! > pid; (trap "" TERM HUP INT; exec sleep 1001) & echo $! >> pid'\noutputs: {pid: {path: pid}}`,
        ),
      });
      succeeded(ran);
      const pids = (await ran.output('main', 'pid')).trim().split('\n').map(Number);
      assert.equal(pids.length, 2);
      for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
    });

    it('does not wait for a child that keeps its output open', async () => {
      const startedAt = performance.now();
      const ran = await run({ manifest: oneStep(`run: 'sleep 1000 & echo done'`) });
      succeeded(ran);
      assert.ok(performance.now() - startedAt < (traits.isAway ? 300_000 : 30_000));
      assert.equal(await ran.log('main'), 'done\n');
    });
  });

  describe(`engine ${name}: retries`, () => {
    const counting = (script: string, retries: string): string =>
      oneStep(
        `run: ${JSON.stringify(`test "$SAME_ATTEMPT" -ge 3 || { ${script}; }; echo "attempt $SAME_ATTEMPT"`)}\nretries: ${retries}`,
      );

    it('try a failed step again, each time in fresh directories, and count the attempts', async () => {
      const ran = await run({
        manifest: counting('ls; touch litter "$HOME/litter" "$SAME_OUT/o"; exit 9', '{max: 5, backoff: 1ms}'),
        files: { 'only.txt': 'x' },
      });
      succeeded(ran);
      assert.equal(ran.step('main').attempts, 3);
      assert.deepEqual(
        ran.attempts('main').map(({ status, retrying, exitCode }) => [status, retrying, exitCode]),
        [
          ['failed', true, 9],
          ['failed', true, 9],
          ['succeeded', false, 0],
        ],
      );
      assert.equal(await ran.log('main'), 'attempt 3\n');
      const second = ran.attempts('main')[1]!;
      assert.equal((await ran.content.read(second.logs.stdout.digest)).toString(), 'only.txt\n');
    });

    it('end with the last failure when they are used up', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'exit $SAME_ATTEMPT'\nretries: {max: 2, backoff: 1ms}`),
      });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('main').attempts, 3);
      assert.equal(ran.step('main').exitCode, 3);
    });

    it('are not made for other exit codes than those named', async () => {
      const other = await run({ manifest: counting('exit 9', '{max: 5, backoff: 1ms, codes: [8, 10]}') });
      failedWith(other, 'SAME1601');
      assert.equal(other.step('main').attempts, 1);
      const named = await run({ manifest: counting('exit 9', '{max: 5, backoff: 1ms, codes: [9]}') });
      succeeded(named);
      assert.equal(named.step('main').attempts, 3);
    });

    it('count an end by signal n as code 128 + n', async () => {
      for (const [signal, code, attempts] of [
        ['KILL', 137, 3],
        ['TERM', 143, 3],
        ['KILL', 143, 1],
      ] as const) {
        const ran = await run({
          manifest: counting(`kill -${signal} $$`, `{max: 5, backoff: 1ms, codes: [${code}]}`),
        });
        assert.equal(ran.step('main').attempts, attempts, `${signal} with codes [${code}]`);
      }
    });

    it('are made for a step that left out an output, and its other outputs are not used', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'printf $SAME_ATTEMPT > {{outputs.a}}; test $SAME_ATTEMPT = 1 || touch {{outputs.b}}'\noutputs: {a: {}, b: {}}\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      assert.equal(await ran.output('main', 'a'), '2');
    });

    it('are not made after a timeout', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sleep, "1000"]\ntimeout: 50ms\nretries: {max: 5, backoff: 1ms}`),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.equal(ran.step('main').attempts, 1);
    });
  });
}
