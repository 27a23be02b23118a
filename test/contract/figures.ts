import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type EngineTraits, failedWith, oneStep, type RunFixture, succeeded } from './steps.ts';

/** Reports of steps, and figures that are read from them (spec chapter metrics). */
export function figuresContract(name: string, run: RunFixture, { isAway }: EngineTraits): void {
  describe(`engine ${name}: reports`, () => {
    it('are not taken from elsewhere through a link in place of the workdir', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'same-outside-'));
      try {
        writeFileSync(join(outside, 'metrics.json'), '{"stolen": 1}');
        const make = isAway ? `mkdir -p ${outside}; echo {} > ${outside}/metrics.json; ` : '';
        const ran = await run({
          manifest: oneStep(`run: '${make}cd ..; rmdir d; ln -s ${outside} d'\nworkdir: d`),
        });
        failedWith(ran, 'SAME1604');
        assert.deepEqual(ran.record.metrics, []);
        assert.equal(readFileSync(join(outside, 'metrics.json'), 'utf8'), '{"stolen": 1}');
      } finally {
        rmSync(outside, { recursive: true, force: true });
      }
    });

    for (const script of [
      'ln -s m metrics.json; echo {} > m',
      'ln -s m metrics.json',
      'mkdir metrics.jsonl',
    ]) {
      it(`are regular files, and the logs are kept and masked when they are not: ${script}`, async () => {
        const ran = await run({
          manifest: oneStep(
            `run: 'echo "$TOKEN"; ${script}'\nsecrets: [TOKEN]`,
            'secrets: {TOKEN: {description: a token}}',
          ),
          variables: { TOKEN: 'correct-horse' },
        });
        failedWith(ran, 'SAME1611');
        assert.equal(await ran.log('main'), '***TOKEN***\n');
      });
    }

    it('are none where an input lies', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'echo {\\"other\\": 1} > {{outputs.m}}', outputs: {m: {}}}
    use: {run: 'true', inputs: {m: {from: make.m, at: ./metrics.json}}}
`,
      });
      succeeded(ran);
      assert.deepEqual(ran.record.metrics, []);
    });

    it('count only of the last attempt', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo {\\"x\\":$SAME_ATTEMPT} > metrics.json; test $SAME_ATTEMPT = 2 || touch "$SAME_OUT/stray$SAME_ATTEMPT"; test $SAME_ATTEMPT != 3'\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(
        ran.record.metrics.map(({ name, value }) => [name, value]),
        [['x', 2]],
      );
    });

    for (const [why, code, ending] of [
      ['an output is missing', 'SAME1603', ''],
      ['it exits with another code than 0', 'SAME1601', '; exit 3'],
      ['it wrote where it may not', 'SAME1604', '; touch "$SAME_OUT/stray"'],
    ] as const) {
      it(`are kept of a step that fails because ${why}`, async () => {
        const ran = await run({
          manifest: oneStep(
            `run: 'echo {\\"x\\":1} > metrics.json; echo {\\"loss\\":2} > metrics.jsonl${ending}'\noutputs: {o: {}}`,
          ),
        });
        failedWith(ran, code);
        assert.deepEqual(
          ran.record.metrics.map(({ name, value, series }) => [name, value, series !== undefined]),
          [
            ['x', 1, false],
            ['loss', 2, true],
          ],
        );
        assert.deepEqual(ran.step('main').outputs, {});
      });
    }

    it('that cannot be understood are warnings where the step failed by itself', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo oops > metrics.json; echo {\\"f1\\":1} > "$SAME_OUT/o"; exit 1'\noutputs: {o: {kind: metrics}}`,
        ),
      });
      failedWith(ran, 'SAME1601');
      assert.deepEqual(ran.codes, ['SAME1601']);
      assert.match(ran.record.warnings.join(), /main\/metrics\.json is not a JSON object/);
      assert.deepEqual(
        ran.record.metrics.map(({ name }) => name),
        ['f1'],
      );
    });

    it('are kept, and read from what it printed, where the step is stopped', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    main: {run: 'echo {\\"loss\\":2} > metrics.jsonl; echo acc=0.5; sleep 60', timeout: 2s}
metrics: {acc: {from: main.stdout, regex: 'acc=([0-9.]+)'}, never: {from: main.stdout, regex: 'f1=([0-9.]+)'}}
claims: [{id: c, metric: acc, expect: 0.5}]
`,
      });
      assert.deepEqual(ran.codes, ['SAME1602']);
      assert.deepEqual(
        ran.record.metrics.map(({ name, value }) => [name, value]),
        [
          ['loss', 2],
          ['acc', 0.5],
        ],
      );
      assert.equal(ran.record.claims[0]!.outcome, 'not-run');
    });

    it('that are too big to read fail the step', async () => {
      const ran = await run({ manifest: oneStep(`run: 'truncate -s 257M metrics.jsonl'`) });
      failedWith(ran, 'SAME1606');
    });
  });

  describe(`engine ${name}: figures`, () => {
    it('are read from metrics.json, metrics.jsonl and outputs of kind metrics', async () => {
      const ran = await run({
        manifest: oneStep(`
run: [sh, report.sh]
workdir: w
outputs: {scores: {path: scores.json, kind: metrics}, curve: {path: curve.jsonl, kind: metrics}}`),
        files: {
          'w/report.sh': `
echo '{"accuracy": 0.5, "test": {"per": 17.5, "name": "x"}, "ok": true, "loss": 9}' > metrics.json
printf '{"step":1,"loss":2}\\n{"step":2,"loss":1,"lr":0.1}\\n{"step":3,"lo' > metrics.jsonl
echo '{"f1": 0.25}' > scores.json
printf '{"epoch":1,"val":3}\\n{"epoch":2,"val":4}\\n' > curve.jsonl`,
        },
      });
      succeeded(ran);
      const figures = Object.fromEntries(ran.record.metrics.map(({ name, value }) => [name, value]));
      assert.deepEqual(figures, {
        accuracy: 0.5,
        'test.per': 17.5,
        ok: 1,
        loss: 9,
        lr: 0.1,
        f1: 0.25,
        val: 4,
      });
      assert.ok(ran.record.metrics.every(({ step }) => step === 'main'));
    });

    it('that cannot be understood make the step fail with SAME1606', async () => {
      for (const script of ['echo "[1]" > metrics.json', 'printf "x\\n{}\\n" > metrics.jsonl']) {
        failedWith(await run({ manifest: oneStep(`run: ${JSON.stringify(script)}`) }), 'SAME1606');
      }
    });

    it('that are not finite are left out with a warning, and the others stay', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'printf "{\\"loss\\": NaN, \\"top\\": -Infinity, \\"acc\\": 0.5}" > metrics.json'`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(ran.record.metrics, [{ name: 'acc', step: 'main', value: 0.5 }]);
      assert.equal(ran.record.warnings.filter((warning) => /"(loss|top)"/.test(warning)).length, 2);
    });

    it('that the manifest declares are read from printed lines and outputs', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    main: {run: 'echo "loss: 3.5"; echo "loss: 2.5"; echo "{\\"a\\": {\\"b\\": 7}}" >&2; echo "{\\"t\\": [1, {\\"x/y\\": 5}]}" > o.json', outputs: {o: {path: o.json}}}
metrics:
  loss: {from: main.stdout, regex: 'loss: ([0-9.]+)', unit: nats, direction: lower}
  first: {from: main.stdout, regex: 'loss: ([0-9.]+)', take: first}
  b: {from: main.stderr, json: /a/b}
  deep: {from: main.o, json: /t/1/x~1y}
claims: [{id: c, metric: loss, expect: 2.4, tolerance: {abs: 0.2}}]
`,
      });
      succeeded(ran);
      assert.deepEqual(
        ran.record.metrics.map(({ name, value }) => [name, value]),
        [
          ['b', 7],
          ['deep', 5],
          ['first', 3.5],
          ['loss', 2.5],
        ],
      );
      assert.equal(ran.record.metrics.find(({ name }) => name === 'loss')?.unit, 'nats');
      assert.equal(ran.record.claims[0]!.outcome, 'within');
    });
  });
}
