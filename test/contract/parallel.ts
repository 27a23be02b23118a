import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { EngineContext, StepResult } from '../../src/engines/engine.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import type { Fixture, Ran } from './workbench.ts';

/** A directory outside of all runs, by which steps and tests meet. */
function meetingPlace(): Disposable & { path: string; set(name: string): void; has(name: string): boolean } {
  const path = mkdtempSync(join(tmpdir(), 'same-meeting-'));
  return {
    path,
    set: (name) => writeFileSync(join(path, name), ''),
    has: (name) => existsSync(join(path, name)),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

const given = (changes: Partial<EngineContext>) => (context: EngineContext) => ({
  ...context,
  jobs: 8,
  ...changes,
});

/** Most steps that were told to run at one time. */
function mostAtOnce(ran: Ran): number {
  let [now, most] = [0, 0];
  for (const { type } of ran.events) {
    if (type === 'step-started') most = Math.max(most, ++now);
    if (type === 'step-finished') now--;
  }
  return most;
}

/** A shell that waits until a file is there. */
const awaiting = (path: string) => `while [ ! -e ${path} ]; do sleep 0.01; done`;

/** Several steps at the same time: each is what it would be alone (spec SAME-PIP-013, SAME-PIP-015). */
export function parallelContract(
  name: string,
  run: (fixture: Fixture) => Promise<Ran>,
  traits: { isAlive?(pid: number): boolean; hasNoGpus?: boolean; isClosed?: boolean } = {},
): void {
  const isAlive = traits.isAlive ?? isAliveHere;
  describe(`engine ${name}: steps at the same time`, () => {
    it('run where they do not read from one another, and wait for all that they read', async () => {
      using place = meetingPlace();
      const meet = (own: string, other: string) =>
        `touch ${place.path}/${own}; ${awaiting(`${place.path}/${other}`)}; echo ${own} > {{outputs.o}}`;
      const ran = await run({
        manifest: `
pipeline:
  steps:
    both: {run: 'cat {{inputs.a}} {{inputs.b}}', inputs: {a: {from: a.o}, b: {from: b.o}}}
    a: {run: '${meet('a', 'b')}', outputs: {o: {}}, timeout: 60s}
    b: {run: '${meet('b', 'a')}', outputs: {o: {}}, timeout: 60s}
`,
        context: given({ jobs: 2 }),
      });
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
      assert.equal(await ran.log('both'), 'a\nb\n');
      assert.equal(mostAtOnce(ran), 2);
    });

    it('are no more than there are places, and start in the order of the plan', async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const jobs of [1, 3]) {
        const ran = await run({
          manifest: `pipeline: {steps: {${names.map((step) => `${step}: {run: [sleep, '0.05']}`).join(', ')}}}`,
          context: given({ jobs }),
        });
        assert.equal(ran.record.status, 'succeeded');
        assert.ok(mostAtOnce(ran) <= jobs, `${mostAtOnce(ran)} of ${jobs}`);
        const started = ran.events.flatMap((event) => (event.type === 'step-started' ? [event.step] : []));
        assert.deepEqual(started.slice(0, jobs).sort(), names.slice(0, jobs));
        if (jobs === 1) assert.deepEqual(started, names);
      }
    });

    it('share cores and memory: a step that wants all of them runs alone', async () => {
      for (const resources of ['{cpu: 1}', '{memory: 1Gi}']) {
        const ran = await run({
          manifest: `pipeline: {steps: {a: {run: [sleep, '0.05'], resources: ${resources}}, b: {run: [sleep, '0.05'], resources: ${resources}}}}`,
          context: given({ machine: { cpu: 1, memoryBytes: 2 ** 30, gpus: 0 } }),
        });
        assert.equal(ran.record.status, 'succeeded');
        assert.equal(mostAtOnce(ran), 1, resources);
      }
    });

    it('get GPUs of their own, by their numbers', async () => {
      using place = meetingPlace();
      const meet = (own: string, other: string) =>
        `touch ${place.path}/${own}; ${awaiting(`${place.path}/${other}`)}; echo $SAME_GPUS $CUDA_VISIBLE_DEVICES`;
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: '${meet('a', 'b')}', resources: {gpu: {count: 1, optional: true}}, timeout: 60s}
    b: {run: '${meet('b', 'a')}', resources: {gpu: {count: 2, optional: true}}, timeout: 60s}
    c: {run: 'echo "[$SAME_GPUS]"'}
`,
        context: given({ machine: { cpu: 8, memoryBytes: 0, gpus: 3 } }),
      });
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
      if (traits.hasNoGpus) return;
      assert.equal(await ran.log('a'), '0 0\n');
      assert.equal(await ran.log('b'), '1,2 1,2\n');
      assert.equal(await ran.log('c'), '[]\n');
    });

    it('have their own processes: what one leaves is killed at its end, and the others go on', async () => {
      using place = meetingPlace();
      const ran = await run({
        manifest: `
pipeline:
  steps:
    leaves: {run: 'setsid sleep 1000 & echo $!; sleep 1000 & echo $!'}
    stays: {run: 'sleep 1000 & echo $!; touch ${place.path}/ready; ${awaiting(`${place.path}/over`)}; kill -0 $! && echo alive', timeout: 60s}
`,
        context: given({}),
        onEvent(event) {
          if (event.type === 'step-finished' && event.step === 'leaves') place.set('over');
        },
      });
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
      assert.match(await ran.log('stays'), /alive\n$/);
      const pids = [...(await ran.log('leaves')).split('\n'), (await ran.log('stays')).split('\n')[0]]
        .map(Number)
        .filter((pid) => pid > 1);
      assert.equal(pids.length, 3);
      for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
    });

    it('answer each for what it wrote where it may not', async () => {
      using place = meetingPlace();
      const ran = await run({
        manifest: `
pipeline:
  steps:
    honest: {run: 'touch ${place.path}/on; ${awaiting(`${place.path}/over`)}', timeout: 60s}
    stray: {run: '${awaiting(`${place.path}/on`)}; touch ../../other', timeout: 60s}
`,
        context: given({}),
        onEvent(event) {
          if (event.type === 'step-finished' && event.step === 'stray') place.set('over');
        },
      });
      assert.deepEqual(ran.codes, [traits.isClosed ? 'SAME1601' : 'SAME1604']);
      assert.deepEqual([ran.step('honest').status, ran.step('stray').status], ['succeeded', 'failed']);
    });

    it('read the same input, and one that removes it takes it from no other', async () => {
      using place = meetingPlace();
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'echo kept > {{outputs.x}}', outputs: {x: {}}}
    reads: {run: 'touch ${place.path}/on; ${awaiting(`${place.path}/over`)}; cat {{inputs.x}}', inputs: {x: {from: make.x}}, timeout: 60s}
    removes: {run: '${awaiting(`${place.path}/on`)}; rm -f {{inputs.x}}', inputs: {x: {from: make.x}}, timeout: 60s}
`,
        context: given({}),
        onEvent(event) {
          if (event.type === 'step-finished' && event.step === 'removes') place.set('over');
        },
      });
      assert.deepEqual(ran.codes, [traits.isClosed ? 'SAME1601' : 'SAME1605']);
      assert.equal(await ran.log('reads'), 'kept\n');
    });

    it('are charged with their own CPU time, or with none where it is not known', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    busy: {run: 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'}
    idle: {run: [sleep, '0.3']}
`,
        context: given({}),
      });
      assert.equal(ran.record.status, 'succeeded');
      assert.ok((ran.step('idle').usage?.cpuSeconds ?? 0) < 0.1, JSON.stringify(ran.step('idle').usage));
    });

    it('print without end at the same time, and every byte is kept', async () => {
      const print = (letter: string) => `head -c 20000000 /dev/zero | tr '\\\\0' ${letter}`;
      const ran = await run({
        manifest: `pipeline: {steps: {a: {run: "${print('a')}"}, b: {run: "${print('b')}"}}}`,
        context: given({}),
      });
      for (const step of ['a', 'b']) assert.equal(await ran.log(step), step.repeat(20_000_000));
    });
  });

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

    it('lets them end, and nothing further starts', async () => {
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

    it('stops them politely where that is asked for', async () => {
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

    it('stops only what needs it where everything else is to run', async () => {
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
    flaky: {run: 'test -e {{scratch}}/again || { touch {{scratch}}/again; exit 1; }', retries: {max: 1, backoff: 1ms}}
    other: {run: 'true'}
`,
        context: given({ jobs: 1 }),
      });
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
      assert.equal(ran.attempts('flaky').length, 2);
    });

    it('of the machine itself stops all of them, and nothing is left running', async () => {
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

    it('a timeout stops one, and the others go on', async () => {
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
