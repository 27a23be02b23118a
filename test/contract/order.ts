import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failedWith, oneStep, type RunFixture, succeeded } from './steps.ts';

/** Order of steps, what they hand on, and equal results of equal runs (spec chapter step-contract). */
export function orderContract(name: string, run: RunFixture): void {
  describe(`engine ${name}: order and artifacts`, () => {
    it('runs a chain in order and hands each output on', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    c: {run: 'cat {{inputs.b}} > {{outputs.c}}; echo c >> {{outputs.c}}', inputs: {b: {from: b.b}}, outputs: {c: {}}}
    b: {run: 'cat {{inputs.a}} > {{outputs.b}}; echo b >> {{outputs.b}}', inputs: {a: {from: a.a}}, outputs: {b: {path: b.txt}}}
    a: {run: 'echo a > {{outputs.a}}', outputs: {a: {path: deep/down/a.txt}}}
outputs: {all: {from: c.c}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.output('c', 'c'), 'a\nb\nc\n');
      assert.deepEqual(ran.record.outputs.all, ran.step('c').outputs.c);
      assert.deepEqual(ran.step('c').inputs.b, ran.step('b').outputs.b);
      const started = ran.events.flatMap((event) => (event.type === 'step-started' ? [event.step] : []));
      assert.deepEqual(started, ['a', 'b', 'c']);
    });

    it('joins several inputs of several steps in one', async () => {
      const ran = await run({
        manifest: `
data: {d: {uri: data/d.txt}}
pipeline:
  steps:
    join:
      run: [cat, "{{inputs.l}}", "{{inputs.r1}}", "{{inputs.r2}}", "{{inputs.d}}"]
      inputs: {l: {from: left.o}, r1: {from: right.one}, r2: {from: right.two}, d: {data: d}}
    left: {run: 'printf left- > {{outputs.o}}', outputs: {o: {}}}
    right: {run: 'printf one- > {{outputs.one}}; printf two- > {{outputs.two}}', outputs: {one: {}, two: {path: two}}}
`,
        files: { 'data/d.txt': 'data' },
      });
      succeeded(ran);
      assert.equal(await ran.log('join'), 'left-one-two-data');
    });

    it('stops after the first step that failed and says why the others did not start', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'exit 3', outputs: {o: {}}}
    b: {run: 'true', inputs: {i: {from: a.o}}, outputs: {o: {}}}
    c: {run: 'true', inputs: {i: {from: b.o}}}
`,
      });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('a').exitCode, 3);
      for (const later of ['b', 'c']) {
        assert.equal(ran.step(later).status, 'skipped');
        assert.match(ran.step(later).because!, /\ba\b/);
        assert.equal(ran.step(later).attempts, 0);
      }
      assert.equal(ran.events.filter(({ type }) => type === 'step-started').length, 1);
    });

    it('keeps the executable bit of an output and of an input', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: "printf '#!/bin/sh\\necho I ran\\n' > tool; chmod +x tool", outputs: {tool: {path: tool}}}
    b: {run: ["{{inputs.tool}}"], inputs: {tool: {from: a.tool}}}
`,
      });
      succeeded(ran);
      assert.equal(ran.step('a').outputs.tool!.executable, true);
      assert.equal(await ran.log('b'), 'I ran\n');
    });

    it('takes directories as trees, nested, executable bits kept, and hands them on', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'mkdir -p t/sub/deep; echo 1 > t/one; echo 2 > t/sub/deep/two; chmod 700 t/one; mkdir t/hollow', outputs: {t: {path: t}}}
    b: {run: '(cd {{inputs.t}} && find . -type f | sort && cat one sub/deep/two)', inputs: {t: {from: a.t}}}
    c: {run: 'mkdir {{outputs.t}}; cp -r {{inputs.t}}/. {{outputs.t}}/', inputs: {t: {from: a.t}}, outputs: {t: {}}}
`,
      });
      succeeded(ran);
      assert.deepEqual(await ran.tree('a', 't'), { 'one!': '1\n', 'sub/deep/two': '2\n' });
      assert.equal(ran.step('a').outputs.t!.sizeBytes, 4);
      assert.equal(await ran.log('b'), './one\n./sub/deep/two\n1\n2\n');
      assert.deepEqual(ran.step('c').outputs.t, ran.step('a').outputs.t);
    });

    it('gives equal runs equal keys and equal outputs', async () => {
      const fixture = {
        manifest: oneStep(
          `run: 'mkdir o; seq 1 50 | while read n; do echo $n > o/$n; done'\noutputs: {o: {path: o}}`,
        ),
      };
      const [one, two] = [await run(fixture), await run(fixture)];
      assert.notEqual(one.record.id, two.record.id);
      assert.equal(one.step('main').cacheKey, two.step('main').cacheKey);
      assert.deepEqual(one.step('main').outputs, two.step('main').outputs);
      assert.equal(one.record.display, two.record.display);
    });

    it('does not take what the code held at a path as an output or a report of this attempt', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'\noutputs: {o: {path: results.csv}}`),
        files: { 'results.csv': 'old', 'metrics.json': '{"old": 1}' },
      });
      failedWith(ran, 'SAME1603');
      const without = await run({
        manifest: oneStep(`run: 'true'`),
        files: { 'metrics.json': '{"old": 1}' },
      });
      succeeded(without);
      assert.deepEqual(without.record.metrics, []);
    });
  });
}
