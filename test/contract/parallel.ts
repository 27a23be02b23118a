import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import { awaiting, given, meetingPlace } from './meeting.ts';
import { type EngineTraits, ofThisMachine, type RunFixture } from './steps.ts';
import type { Ran } from './workbench.ts';

/** Most steps that were told to run at one time. */
function mostAtOnce(ran: Ran): number {
  let [now, most] = [0, 0];
  for (const { type } of ran.events) {
    if (type === 'step-started') most = Math.max(most, ++now);
    if (type === 'step-finished') now--;
  }
  return most;
}

/** Several steps at the same time: each is what it would be alone (spec SAME-PIP-013, SAME-PIP-015). */
export function parallelContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const here = ofThisMachine(traits);
  const isAlive = traits.isAlive ?? isAliveHere;
  describe(`engine ${name}: steps at the same time`, () => {
    here.it('run where they do not read from one another, and wait for all that they read', async () => {
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

    here.it('share cores and memory: a step that wants all of them runs alone', async () => {
      for (const resources of ['{cpu: 1}', '{memory: 1Gi}']) {
        const ran = await run({
          manifest: `pipeline: {steps: {a: {run: [sleep, '0.05'], resources: ${resources}}, b: {run: [sleep, '0.05'], resources: ${resources}}}}`,
          context: given({ machine: { cpu: 1, memoryBytes: 2 ** 30, gpus: 0 } }),
        });
        assert.equal(ran.record.status, 'succeeded');
        assert.equal(mostAtOnce(ran), 1, resources);
      }
    });

    here.it('get GPUs of their own, by their numbers', async () => {
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

    here.it(
      'have their own processes: what one leaves is killed at its end, and the others go on',
      async () => {
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
      },
    );

    here.it('answer each for what it wrote where it may not', async () => {
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

    here.it('read the same input, and one that removes it takes it from no other', async () => {
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
}
