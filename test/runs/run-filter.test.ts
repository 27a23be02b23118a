import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRunField, parseRunFilter } from '../../src/runs/run-filter.ts';
import type { RunCondition, RunField } from '../../src/runs/run-query.ts';

const run = (name: string): RunField => ({ of: 'run', name });
const parameter = (name: string): RunField => ({ of: 'parameters', name });
const metric = (name: string): RunField => ({ of: 'metrics', name });
const tag = (name: string): RunField => ({ of: 'tags', name });

describe('a filter of runs', () => {
  for (const [text, condition] of [
    ['status = succeeded', { field: run('status'), operator: '=', value: 'succeeded' }],
    ["status='succeeded'", { field: run('status'), operator: '=', value: 'succeeded' }],
    ['parameters.lr<1e-2', { field: parameter('lr'), operator: '<', value: 0.01 }],
    ["parameters.lr = '1'", { field: parameter('lr'), operator: '=', value: '1' }],
    ['parameters.lr == -.5', { field: parameter('lr'), operator: '=', value: -0.5 }],
    ['parameters.debug != true', { field: parameter('debug'), operator: '!=', value: true }],
    ['parameters.seed = null', { field: parameter('seed'), operator: '=', value: null }],
    ["parameters.who = 'it''s'", { field: parameter('who'), operator: '=', value: "it's" }],
    ['parameters.who = "a ""b"" \\n"', { field: parameter('who'), operator: '=', value: 'a "b" \\n' }],
    ['metrics.val.acc>=.9', { field: metric('val.acc'), operator: '>=', value: 0.9 }],
    ['metrics.acc@train.0 > 1', { field: metric('acc@train.0'), operator: '>', value: 1 }],
    ['metrics.`f1 (macro)` > 0', { field: metric('f1 (macro)'), operator: '>', value: 0 }],
    ['version = 1.0', { field: run('version'), operator: '=', value: '1.0' }],
    ['tags.fold = 3', { field: tag('fold'), operator: '=', value: '3' }],
    ['startedAt > 2026-01-31', { field: run('startedAt'), operator: '>', value: '2026-01-31' }],
    ['own = false', { field: run('own'), operator: '=', value: false }],
    ['program LIKE %Gorman%', { field: run('program'), operator: 'like', value: '%Gorman%' }],
    ['parameters.n in (1, two, "3")', { field: parameter('n'), in: [1, 'two', '3'] }],
    [
      'parameters.n not in (1, 2)',
      {
        and: [
          { field: parameter('n'), operator: '!=', value: 1 },
          { field: parameter('n'), operator: '!=', value: 2 },
        ],
      },
    ],
    [
      'tags.kind not like a%',
      {
        and: [
          {
            or: [
              { field: tag('kind'), operator: '=', value: null },
              { field: tag('kind'), operator: '!=', value: null },
            ],
          },
          { not: { field: tag('kind'), operator: 'like', value: 'a%' } },
        ],
      },
    ],
    [
      'metrics.a > 1 or not metrics.b > 2 and (metrics.c > 3 or metrics.d > 4)',
      {
        or: [
          { field: metric('a'), operator: '>', value: 1 },
          {
            and: [
              { not: { field: metric('b'), operator: '>', value: 2 } },
              {
                or: [
                  { field: metric('c'), operator: '>', value: 3 },
                  { field: metric('d'), operator: '>', value: 4 },
                ],
              },
            ],
          },
        ],
      },
    ],
  ] as [string, RunCondition][]) {
    it(`reads ${text}`, () => assert.deepEqual(parseRunFilter(text), { condition }));
  }

  for (const [text, ...problems] of [
    ['', [0, 'it ends where a field is expected']],
    ['lr < 0.1', [0, 'there is no field "lr"', /parameters\.lr/]],
    ['statu = failed', [0, 'there is no field "statu"', /^did you mean status\?$/]],
    ['params.lr = 1', [0, 'there is no field "params.lr"', /^write parameters\.lr$/]],
    ['metric.`a b` = 1', [0, 'there is no field "metric.`a b`"', /^write metrics\.`a b`$/]],
    ['metrcs.a = 1', [0, 'there is no field "metrcs.a"', /^write metrics\.a$/]],
    ['metrics = 1', [0, 'there is no field "metrics"', /metrics\.NAME/]],
    ['attributes.start_time > 3', [0, 'there is no field "attributes.start_time"', /^write startedAt$/]],
    [
      "attributes.status = 'FINISHED' and params.lr < 1 and metrics.acc > high and status = Finished",
      [0, 'there is no field "attributes.status"', /^write status$/],
      [35, 'there is no field "params.lr"', /^write parameters\.lr$/],
      [67, 'metrics.acc is a number, and "high" is none'],
      [85, 'there is no status "Finished"', /^did you mean succeeded\?$/],
    ],
    ['status = done', [9, 'there is no status "done"', /^statuses: pending, /]],
    ["metrics.acc > '3'", [14, 'metrics.acc is a number, and "3" is none']],
    ['metrics.acc like 3%', [17, 'metrics.acc is a number, and like is of text']],
    ['durationMs < 5min', [13, 'durationMs is a number, and "5min" is none']],
    ['own = yes', [6, 'own is true or false', /own = true/]],
    ['parameters.x < true', [15, 'true is neither less nor more than anything', /= or !=/]],
    [
      'status = failed && own = true',
      [16, 'there is "&&" where and, or, or the end is expected', /^write and$/],
    ],
    ['status', [6, 'it ends where one of = != < <= > >= in like is expected']],
    ['tags.x is null', [7, 'there is "is" where one of = != < <= > >= in like is expected', /= null/]],
    ['tags.x ilike a', [7, 'there is "ilike" where one of = != < <= > >= in like is expected', /like/]],
    ["tags.x = 'open", [9, 'there is "\'" where a value is expected', /not closed/]],
    ['(status = failed', [16, 'it ends where and, or, or ) is expected']],
    ['tags.x in (1', [12, 'it ends where , or ) is expected']],
    ['status constructor 3', [7, 'there is "constructor" where one of = != < <= > >= in like is expected']],
    ['constructor < 1', [0, 'there is no field "constructor"', /parameters\.constructor/]],
    ['attributes.__proto__ = 1', [0, 'there is no field "attributes.__proto__"', /^fields: /]],
    ['status = constructor', [9, 'there is no status "constructor"', /^statuses: /]],
    ['tags.x = and', [9, 'there is "and" where a value is expected']],
    ['statu = 1 and', [0, 'there is no field "statu"', /status/], [13, 'it ends where a field is expected']],
  ] as [string, ...[number, string, RegExp?][]][]) {
    it(`says what is wrong with ${text}`, () => {
      const parsed = parseRunFilter(text);
      assert.ok('problems' in parsed);
      assert.deepEqual(
        parsed.problems.map(({ at, message }) => [at, message]),
        problems.map(([at, message]) => [at, message]),
      );
      for (const { hint = '' } of parsed.problems) assert.equal(typeof hint, 'string');
      for (const [index, [, , hint]] of problems.entries())
        if (hint) assert.match(parsed.problems[index]!.hint ?? '', hint);
    });
  }

  it('is nested only so deep, and any text is read or refused', () => {
    assert.ok('problems' in parseRunFilter('('.repeat(100_000)));
    assert.ok('problems' in parseRunFilter('not '.repeat(100_000)));
    const words = fc.constantFrom(
      'and',
      'or',
      'not',
      'in',
      'like',
      'status',
      'metrics.a',
      '=',
      '<',
      '(',
      ')',
      ',',
      "'",
      '`',
      '1',
      'x',
      ' ',
      '.',
      '\u{1f600}',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 12 }), (parts) => {
        const parsed = parseRunFilter(parts.join(' '));
        assert.ok('condition' in parsed || parsed.problems.length > 0);
      }),
    );
  });

  it('takes any name in back-ticks and any text in quotes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (name, value) => {
        fc.pre(!name.includes('`'));
        const text = `tags.\`${name}\` = '${value.replaceAll("'", "''")}'`;
        assert.deepEqual(parseRunFilter(text), { condition: { field: tag(name), operator: '=', value } });
      }),
    );
  });
});

describe('the name of a field alone', () => {
  it('is a field of the run, or of what it has names for', () => {
    assert.deepEqual(parseRunField('metrics.acc'), { field: metric('acc') });
    assert.deepEqual(parseRunField('parameters.`a b`'), { field: parameter('a b') });
    assert.deepEqual(parseRunField(' id '), { field: run('id') });
    assert.ok('problem' in parseRunField('ID'));
    assert.ok('problem' in parseRunField('tags.'));
  });
});
