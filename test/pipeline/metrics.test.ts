import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readDeclaredMetric, readFinalMetrics, readMetricSeries } from '../../src/pipeline/metrics.ts';
import { compilePattern } from '../../src/program/pattern.ts';
import type { MetricSource } from '../../src/program/schema.ts';

const final = (text: string) => readFinalMetrics(text, 'main/metrics.json');
const series = (text: string) => readMetricSeries(text, 'main/metrics.jsonl');
const declared = (text: string, source: Omit<MetricSource, 'from'>) =>
  readDeclaredMetric(text, { from: 'main.stdout', ...source }, compilePattern);

describe('metrics.json', () => {
  it('is read for its numbers, nested keys joined with dots, booleans as 1 and 0', () => {
    assert.deepEqual(final('{"a": 1, "b": {"c": {"d": -2.5e-3}}, "yes": true, "no": false}'), {
      metrics: [
        { name: 'a', value: 1 },
        { name: 'b.c.d', value: -0.0025 },
        { name: 'yes', value: 1 },
        { name: 'no', value: 0 },
      ],
      problems: [],
      warnings: [],
    });
  });

  it('leaves out text, lists and null', () => {
    assert.deepEqual(final('{"t": "1", "l": [1], "n": null, "o": {}}').metrics, []);
  });

  it('that is no JSON object is SAME1606 with its place', () => {
    for (const text of ['', '[1]', '1', 'null', '{"a": 1', '{a: 1}', '{"a": nan}', '{"a": 1} x']) {
      const { metrics, problems } = final(text);
      assert.deepEqual(metrics, [], text);
      assert.equal(problems[0]?.code, 'SAME1606', text);
      assert.equal(problems[0]?.place, 'main/metrics.json');
    }
  });

  it('may hold NaN and Infinity as programs write them: left out with a warning each', () => {
    const { metrics, problems, warnings } = final(
      '{"a": NaN, "b": Infinity, "c": -Infinity, "d": {"e": NaN}, "f": 1}',
    );
    assert.deepEqual(metrics, [{ name: 'f', value: 1 }]);
    assert.deepEqual(problems, []);
    assert.equal(warnings.length, 4);
    for (const [i, name] of ['a', 'b', 'c', 'd.e'].entries())
      assert.match(warnings[i]!, new RegExp(`"${name.replace('.', '\\.')}"`));
  });

  it('leaves out a figure without a name, and says so', () => {
    const { metrics, problems, warnings } = final('{"": 1, "a": {"": 2}, "b": 3}');
    assert.deepEqual(
      metrics.map(({ name }) => name),
      ['a.', 'b'],
    );
    assert.deepEqual(problems, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /without a name is left out/);
    assert.deepEqual(series('{"": 1}\n').metrics, []);
  });

  it('warns of names without what a terminal obeys', () => {
    const [warning] = final('{"\\u001b[2J": NaN}').warnings;
    assert.ok(warning);
    assert.ok(!warning.includes('\u001b'), JSON.stringify(warning));
  });

  it('may hold the words NaN and Infinity in its texts', () => {
    assert.deepEqual(final('{"NaN": 1, "t": "is NaN or \\"Infinity\\"", "x": NaN}').metrics, [
      { name: 'NaN', value: 1 },
    ]);
  });

  it('gives back every finite number exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(final(JSON.stringify({ value })).metrics[0]!.value, JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('metrics.jsonl', () => {
  it('gives the last value of each key with its count, positions left out', () => {
    const text =
      '{"step":1,"epoch":1,"time":9,"loss":3}\n{"step":2,"loss":2,"acc":{"top1":0.5}}\n\n{"step":3,"loss":1}\n';
    assert.deepEqual(series(text).metrics, [
      { name: 'loss', value: 1, count: 3 },
      { name: 'acc.top1', value: 0.5, count: 1 },
    ]);
  });

  it('forgives a torn last line, wherever it was torn', () => {
    const whole = '{"loss":1}\n';
    const last = '{"step":2,"loss":0.25}';
    for (let length = 0; length < last.length; length++) {
      const { metrics, problems } = series(whole + last.slice(0, length));
      assert.deepEqual(metrics, [{ name: 'loss', value: 1, count: 1 }], last.slice(0, length));
      assert.deepEqual(problems, []);
    }
    assert.equal(series(whole + last).metrics[0]!.value, 0.25);
  });

  it('names every other line that is no JSON object with SAME1606 and its number', () => {
    const { metrics, problems } = series('{"a":1}\nbroken\n[1]\n{"a":2}\nlast\n');
    assert.deepEqual(
      problems.map(({ code, place }) => [code, place]),
      [
        ['SAME1606', 'main/metrics.jsonl:2'],
        ['SAME1606', 'main/metrics.jsonl:3'],
        ['SAME1606', 'main/metrics.jsonl:5'],
      ],
    );
    assert.equal(metrics[0]!.value, 2);
  });

  it('reads lines that end as on Windows', () => {
    assert.deepEqual(series('{"a":1}\r\n{"a":2}\r\n').metrics, [{ name: 'a', value: 2, count: 2 }]);
  });

  it('is empty without a problem when it has no lines', () => {
    for (const text of ['', '\n', '{"step": 1}\n'])
      assert.deepEqual(series(text), { metrics: [], problems: [], warnings: [] });
  });

  it('keeps the last finite value of a series that ends in others, tells how many they are, and says so', () => {
    for (const bad of ['NaN', '"NaN"', '-Infinity', '"Infinity"', '1e999']) {
      const text = `{"loss":2,"acc":0.5}\n{"loss":1,"acc":0.6}\n{"loss":${bad}}\n{"loss":${bad}}\n`;
      const { metrics, warnings, problems } = series(text);
      assert.deepEqual(metrics, [
        { name: 'loss', value: 1, count: 2, lost: 2 },
        { name: 'acc', value: 0.6, count: 2 },
      ]);
      assert.deepEqual(warnings, [
        'main/metrics.jsonl: metric "loss" is not a finite number in 2 of 4 points, which are left out, the last 2 among them',
      ]);
      assert.deepEqual(problems, []);
    }
  });

  it('says of values in between that they are left out, and leaves out a figure that has no others', () => {
    const { metrics, warnings } = series('{"loss":NaN,"x":NaN}\n{"loss":1}\n');
    assert.deepEqual(metrics, [{ name: 'loss', value: 1, count: 1 }]);
    assert.deepEqual(warnings, [
      'main/metrics.jsonl: metric "loss" is not a finite number in 1 of 2 points, which are left out',
      'main/metrics.jsonl: metric "x" is not a finite number and is left out (1 of 1 points)',
    ]);
  });
});

describe('a declared metric by a pattern', () => {
  const text = 'epoch 1 loss: 3.5\nepoch 2 loss: 1.5\nepoch 3 loss: 2.5\n';
  const regex = 'loss: ([0-9.]+)';

  it('takes the last match unless it says first, min or max', () => {
    assert.equal(declared(text, { regex }), 2.5);
    assert.equal(declared(text, { regex, take: 'last' }), 2.5);
    assert.equal(declared(text, { regex, take: 'first' }), 3.5);
    assert.equal(declared(text, { regex, take: 'min' }), 1.5);
    assert.equal(declared(text, { regex, take: 'max' }), 3.5);
  });

  it('takes the whole match where there is no group, and the first of several groups', () => {
    assert.equal(declared('x 12 y', { regex: '[0-9]+' }), 12);
    assert.equal(declared('x 12/34 y', { regex: '([0-9]+)/([0-9]+)' }), 12);
  });

  it('has ^ and $ match at lines', () => {
    assert.equal(declared('a 1\n2\nb 3\n', { regex: '^([0-9]+)$' }), 2);
  });

  it('reads exponents, signs and spaces around a number', () => {
    for (const [printed, value] of [
      ['-1.5e-3', -0.0015],
      ['+2', 2],
      [' 7 ', 7],
      ['.5', 0.5],
    ] as const) {
      assert.equal(declared(`v=${printed};`, { regex: 'v=([^;]*);' }), value);
    }
  });

  it('takes min and max of very many matches', () => {
    const lines = Array.from({ length: 150_000 }, (_, i) => `v ${i}`).join('\n');
    assert.equal(declared(lines, { regex: 'v ([0-9]+)', take: 'max' }), 149_999);
    assert.equal(declared(lines, { regex: 'v ([0-9]+)', take: 'min' }), 0);
  });

  it('says why when nothing matches, or what matched is no finite number', () => {
    assert.match(String(declared('', { regex })), /nothing matches/);
    for (const printed of ['abc', '', '1,5', '12abc', 'nan', 'NaN', 'inf', 'Infinity', '1e999']) {
      assert.match(
        String(declared(`v=${printed};`, { regex: 'v=([^;]*);' })),
        /not a finite number/,
        printed,
      );
    }
  });

  it('is linear in the text whatever the pattern', () => {
    const startedAt = performance.now();
    assert.match(String(declared('a'.repeat(50_000), { regex: '^(a+)+$' })), /not a finite number/);
    assert.ok(performance.now() - startedAt < 10_000);
  });
});

describe('a declared metric by a JSON pointer', () => {
  it('finds keys, list items and escaped names', () => {
    const text = '{"a": {"b": [10, {"c/d": 20, "e~f": 30, "": 40, "~1": 50}]}}';
    const found: [pointer: string, value: number][] = [
      ['/a/b/0', 10],
      ['/a/b/1/c~1d', 20],
      ['/a/b/1/e~0f', 30],
      ['/a/b/1/', 40],
      ['/a/b/1/~01', 50],
    ];
    for (const [json, value] of found) assert.equal(declared(text, { json }), value, json);
  });

  it('says why when nothing is there', () => {
    const text = '{"a": [1, 2], "o": {}}';
    for (const json of [
      '/b',
      '/a/2',
      '/a/-',
      '/a/-1',
      '/a/',
      '/a/01',
      '/a/1e0',
      '/a/ 1',
      '/a/0/x',
      '/a/length',
      '/o/constructor',
      '/o/__proto__',
    ]) {
      assert.match(String(declared(text, { json })), /nothing at JSON pointer/, json);
    }
  });

  it('says why when what is there is no finite number', () => {
    const text = '{"t": "1", "n": null, "l": [1], "x": NaN}';
    for (const json of ['/t', '/n', '/l', '/x'])
      assert.match(String(declared(text, { json })), /not a (finite )?number/, json);
  });

  it('reads booleans as 1 and 0', () => {
    assert.equal(declared('{"ok": true}', { json: '/ok' }), 1);
  });

  it('is applied to the last printed line that is a JSON object', () => {
    assert.equal(declared('start\n{"a": 1}\n{"a": 2}\n[3]\n4\ndone\n', { json: '/a' }), 2);
  });

  it('is applied to a document of many lines as a whole', () => {
    assert.equal(declared('{\n  "a": {\n    "b": 5\n  }\n}\n', { json: '/a/b' }), 5);
  });

  it('says so when there is no JSON', () => {
    assert.match(String(declared('nothing here\n', { json: '/a' })), /no JSON/);
    assert.match(String(declared('', { json: '/a' })), /no JSON/);
  });

  it('is the whole document where there is no pointer', () => {
    assert.equal(declared('12.5\n', {}), 12.5);
    assert.match(String(declared('{"a": 1}', {})), /not a number/);
  });
});
