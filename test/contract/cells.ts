import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { awaiting, meetingPlace } from './meeting.ts';
import {
  type EngineTraits,
  keepGoing,
  ofThisMachine,
  type RunFixture,
  statusesOf,
  succeeded,
} from './steps.ts';

/** Steps with several cells (spec chapter pipeline). */
export function cellsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const here = ofThisMachine(traits);
  describe(`engine ${name}: cells`, () => {
    it('of a matrix run with their values in command, variables and name, each with a key of its own', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    train:
      run: 'echo {{matrix.lr}} $SAME_MATRIX_LR "$SAME_MATRIX_THE_NAME" $SAME_STEP'
      matrix: {lr: [0.1, 0.2], the-name: [a b, c]}
`,
      });
      succeeded(ran);
      assert.deepEqual(
        ran.record.steps.map(({ name: cell }) => cell),
        ['train.0', 'train.1', 'train.2', 'train.3'],
      );
      assert.equal(await ran.log('train.0'), '0.1 0.1 a b train.0\n');
      assert.equal(await ran.log('train.3'), '0.2 0.2 c train.3\n');
      assert.equal(new Set(ran.record.steps.map(({ cacheKey }) => cacheKey)).size, 4);
    });

    it('are read together as a directory of their outputs, files and directories, by number', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'echo {{matrix.n}} > {{outputs.f}}; chmod +x {{outputs.f}}; mkdir -p {{outputs.d}}/sub; echo {{matrix.n}} > {{outputs.d}}/sub/x', matrix: {n: [7, 8]}, outputs: {f: {}, d: {}}}
    read:
      run: 'cd "$SAME_IN"; find . -type f | sort; cat f/1 d/0/sub/x; test -x f/0 && echo executable'
      inputs: {f: {from: make.f}, d: {from: make.d}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.log('read'), './d/0/sub/x\n./d/1/sub/x\n./f/0\n./f/1\n8\n7\nexecutable\n');
      assert.match(ran.step('read').inputs.f!.digest, /^tree:sha256:/);
    });

    it('read those that match in the dimensions that both have, and the one artifact where these are all', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    data: {run: 'echo d{{matrix.seed}} > {{outputs.o}}', matrix: {seed: [1, 2]}, outputs: {o: {}}}
    train:
      run: 'echo {{matrix.lr}} > {{outputs.o}}; cat {{inputs.d}} >> {{outputs.o}}'
      matrix: {seed: [1, 2], lr: [x, y]}
      inputs: {d: {from: data.o, cells: matching}}
      outputs: {o: {}}
    mean: {run: 'cat {{inputs.t}}/*', matrix: {lr: [x, y]}, inputs: {t: {from: train.o, cells: matching}}}
    all: {run: 'cat {{inputs.t}}/* | wc -l', matrix: {lr: [x]}, inputs: {t: {from: train.o, cells: all}}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.log('mean.0'), 'x\nd1\nx\nd2\n');
      assert.equal(await ran.log('mean.1'), 'y\nd1\ny\nd2\n');
      assert.equal((await ran.log('all.0')).trim(), '8');
    });

    here.it('start as soon as those they read from have ended, before others of the same step', async () => {
      using place = meetingPlace();
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'test {{matrix.n}} = 1 || { ${awaiting(`${place.path}/over`)}; }; echo {{matrix.n}} > {{outputs.o}}', matrix: {n: [1, 2]}, outputs: {o: {}}, timeout: 60s}
    b: {run: 'cat {{inputs.i}}', matrix: {n: [1, 2]}, inputs: {i: {from: a.o, cells: matching}}}
`,
        context: (context) => ({ ...context, jobs: 4 }),
        onEvent(event) {
          if (event.type === 'step-started' && event.step === 'b.0') place.set('over');
        },
      });
      succeeded(ran);
      const order = ran.events.flatMap((event) =>
        event.type === 'step-started' || event.type === 'step-finished'
          ? [`${event.type} ${event.step}`]
          : [],
      );
      assert.ok(order.indexOf('step-started b.0') < order.indexOf('step-finished a.1'), order.join(', '));
    });

    it('of one step are no more at a time than it says, and names in mutex are held by one', async () => {
      for (const limit of ['parallel: 1', 'mutex: [port]']) {
        const ran = await run({
          manifest: `
pipeline:
  steps:
    a: {run: 'mkdir {{scratch}}/lock && sleep 0.02 && rmdir {{scratch}}/lock', matrix: {n: [1, 2, 3, 4]}, ${limit}}
`,
          context: (context) => ({ ...context, jobs: 4 }),
        });
        succeeded(ran);
      }
    });

    it('fail one by one, and what reads from all of them does not run', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'test {{matrix.n}} != 2 && touch {{outputs.o}}', matrix: {n: [1, 2, 3]}, outputs: {o: {}}}
    one: {run: 'true', matrix: {n: [1, 2, 3]}, inputs: {i: {from: a.o, cells: matching}}}
    all: {run: 'true', inputs: {i: {from: a.o}}}
`,
        context: keepGoing,
      });
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual(statusesOf(ran), {
        'a.0': 'succeeded',
        'a.1': 'failed',
        'a.2': 'succeeded',
        'one.0': 'succeeded',
        'one.1': 'skipped',
        'one.2': 'succeeded',
        all: 'skipped',
      });
      assert.match(ran.step('all').because!, /\ba\.1\b/);
    });
  });

  describe(`engine ${name}: cells of a list`, () => {
    const fixture = (list: string, when = '') => ({
      manifest: `
pipeline:
  steps:
    list: {run: ${JSON.stringify(`printf '%s' '${list}' > {{outputs.l}}`)}, outputs: {l: {}}}
    each: {run: 'echo {{matrix.item}}; echo "$SAME_MATRIX_ITEM" > {{outputs.o}}', foreach: list.l, ${when} outputs: {o: {}}}
    again: {run: 'cat {{inputs.i}}', foreach: list.l, inputs: {i: {from: each.o, cells: matching}}}
    all: {run: 'cat {{inputs.i}}/*', inputs: {i: {from: each.o}}}
`,
    });

    it('are one for each item, known once it is written', async () => {
      const ran = await run(fixture('["x", 2, {"a": [1]}]'));
      succeeded(ran);
      assert.equal(await ran.log('each.2'), '{"a":[1]}\n');
      assert.equal(await ran.log('again.1'), '2\n');
      assert.equal(await ran.log('all'), 'x\n2\n{"a":[1]}\n');
      const expanded = ran.events.find((event) => event.type === 'step-expanded');
      assert.deepEqual(expanded?.type === 'step-expanded' && expanded.cells.map(({ name: cell }) => cell), [
        'each.0',
        'each.1',
        'each.2',
      ]);
    });

    it('may be none, and then what reads from them is left out', async () => {
      const ran = await run(fixture('[]'));
      succeeded(ran);
      assert.equal(ran.step('all').status, 'skipped');
    });

    it('are left out where a condition on the item says so', async () => {
      const ran = await run(fixture('[1, 2, 3]', "when: 'item > 1',"));
      succeeded(ran);
      assert.deepEqual(
        ['each.0', 'each.1', 'again.0', 'again.2'].map((cell) => ran.step(cell).status),
        ['skipped', 'succeeded', 'skipped', 'succeeded'],
      );
      assert.equal(await ran.log('all'), '2\n3\n');
    });

    for (const list of ['{"a": 1}', 'no list', '[1, 1]']) {
      it(`cannot be made of ${list}: the step has failed with SAME1613`, async () => {
        const ran = await run(fixture(list));
        assert.equal(ran.record.status, 'failed');
        assert.deepEqual([...new Set(ran.codes)], ['SAME1613']);
        assert.equal(ran.step('list').status, 'succeeded');
        assert.equal(ran.step('all').attempts, 0);
      });
    }

    it('are not made of the list of a step that failed', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    list: {run: 'exit 1', outputs: {l: {}}}
    each: {run: 'true', foreach: list.l, outputs: {o: {}}}
    all: {run: 'true', inputs: {i: {from: each.o}}}
`,
        context: keepGoing,
      });
      assert.deepEqual(ran.codes, ['SAME1601']);
      assert.deepEqual(statusesOf(ran), { list: 'failed', each: 'skipped', all: 'skipped' });
      assert.match(ran.step('all').because!, /\blist\b/);
    });
  });
}
