import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from '../../src/program/json.ts';
import { namedRows, searchRows } from '../../src/runs/index/scanned-index.ts';
import type { RunCondition, RunField, RunIndex, RunQuery, RunRows } from '../../src/runs/run-query.ts';
import { runFields } from '../../src/runs/run-query.ts';
import type { RunRecord, RunStatus } from '../../src/runs/run-record.ts';
import { rowOf } from '../../src/runs/run-row.ts';
import { begun, digest } from '../runs/record.ts';

/** A run that an index shall know: a final record, whether it ran here, and the tags that it has. */
export interface IndexedRun {
  record: RunRecord;
  own: boolean;
  tags: Record<string, string>;
}

/** An index over some runs, in whatever the index is made from. */
export interface RunIndexUnderTest {
  index: {
    search(query: RunQuery): RunRows | Promise<RunRows>;
    /** Where it is made from something else. */
    rebuild?(): number;
    named?: RunIndex['named'];
  };
  [Symbol.dispose](): void;
}

/** Text with what trips databases up: wildcards, quotes, capitals, signs beyond the basic plane, text like a number. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'A',
    'ab',
    '%',
    '_',
    "it's",
    '"',
    '1',
    '1.0',
    'true',
    'null',
    'é',
    'É',
    '\u{1f600}',
    '\uff5e',
    'a.b',
    "'; --",
    'x\ny',
    '\\',
  ),
  fc.string({ maxLength: 4 }),
);
const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.5, 1e-300, 1e300, 9007199254740991, -9007199254740991, 3, 10, 9),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue>([1, 2], { b: 1, a: [true] }, { a: [true], b: 1 }, []) },
);
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('lr', 'acc', 'a.b', 'two words') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'é', "o'k", '"', '$', '$.lr', '[0]', 'LR', 'toString'),
  },
);
const statuses: RunStatus[] = ['succeeded', 'failed', 'canceled', 'timeout', 'interrupted'];

const run: fc.Arbitrary<IndexedRun> = fc
  .record({
    number: fc.nat({ max: 0xffff }),
    own: fc.boolean(),
    program: fc.constantFrom('study', 'Study', 'other/study', 's_udy'),
    version: fc.constantFrom('1.0', '1.1'),
    digest: fc.constantFrom('a', 'b'),
    status: fc.constantFrom(...statuses),
    profile: fc.option(fc.constantFrom('quick', 'full'), { nil: undefined }),
    durationMs: fc.option(fc.nat({ max: 100_000 }), { nil: undefined }),
    minute: fc.nat({ max: 59 }),
    parameters: fc.dictionary(name, value, { maxKeys: 3 }),
    metrics: fc.array(
      fc.record({
        name,
        value: number,
        cell: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
        declared: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
    tags: fc.dictionary(name, text, { maxKeys: 2 }),
  })
  .map(
    ({
      number: tail,
      own,
      program,
      version,
      digest: of,
      status,
      profile,
      durationMs,
      minute,
      parameters,
      metrics,
      tags,
    }) => {
      const { finishedAt, ...record } = begun({
        id: `019a3b5c-7d00-7abc-8def-${tail.toString(16).padStart(12, '0')}`,
        display: `2cf24_e3b0c_44136_${tail.toString(16).padStart(5, '0')}:60303`,
        program: { name: program, version, digest: digest(of), pinned: true },
        status,
        ...(profile === undefined ? {} : { profile }),
        ...(durationMs === undefined ? {} : { usage: { durationMs } }),
        startedAt: `2026-01-31T09:${String(minute).padStart(2, '0')}:00.000Z`,
        parameters: Object.fromEntries(
          Object.entries(parameters).map(([key, given]) => [
            key,
            { value: given, source: '--set' as const, default: 1 },
          ]),
        ),
        metrics: metrics.map(({ name: called, value: figure, cell, declared }) => ({
          name: called,
          step: cell === undefined ? 'one' : `one.${cell}`,
          ...(cell === undefined ? {} : { matrix: { cell } }),
          value: figure,
          ...(declared ? { declared: true as const } : {}),
        })),
      });
      return { record: { ...record, finishedAt: finishedAt ?? '2026-01-31T10:00:00.000Z' }, own, tags };
    },
  );
const runs = fc.uniqueArray(run, { maxLength: 14, selector: ({ record }) => record.id });

const field: fc.Arbitrary<RunField> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constantFrom(...runFields).map((field): RunField => ({ of: 'run', name: field })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('parameters', 'metrics', 'tags'), name)
      .map(([of, called]): RunField => ({ of: of as RunField['of'], name: called })),
  },
);
const wanted = fc.oneof(
  scalar,
  fc.constantFrom<string>(...statuses, 'study', '1.0', 'quick', '2026-01-31T09:30'),
);
const pattern = fc.oneof(text, fc.constantFrom('%', '_', '%s%', 'A%', 's_udy', '%_', '__', '%é', '%1%'));
const { condition } = fc.letrec<{ condition: RunCondition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.record({ field, operator: fc.constantFrom('=', '!=', '<', '<=', '>', '>='), value: wanted }),
    fc.record({ field, operator: fc.constant('like'), value: pattern }),
    fc.record({ field, in: fc.array(wanted, { maxLength: 3 }) }),
    fc.record({ and: fc.array(tie('condition'), { maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('condition'), { maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ) as fc.Arbitrary<RunCondition>,
}));
const query: fc.Arbitrary<RunQuery> = fc.record(
  {
    where: condition,
    sort: fc.array(fc.record({ field, descending: fc.boolean() }), { maxLength: 2 }),
    limit: fc.nat({ max: 5 }),
    program: fc.record(
      { name: fc.constantFrom('study', 'STUDY', 'S_UDY', 'other'), version: fc.constantFrom('1.0', '2.0') },
      { requiredKeys: ['name'] },
    ),
  },
  { requiredKeys: [] },
);

const where = (of: RunField['of'], called: string, operator: string, than: unknown): RunQuery => ({
  where: { field: { of, name: called }, operator, value: than } as RunCondition,
});

/** What every index of runs answers, whatever it is made of. */
export function testRunIndex(
  label: string,
  open: (runs: readonly IndexedRun[]) => RunIndexUnderTest | Promise<RunIndexUnderTest>,
  options: { skip?: string | false } = {},
): void {
  const of = (
    tail: number,
    more: Partial<RunRecord>,
    tags: IndexedRun['tags'] = {},
    own = true,
  ): IndexedRun => ({
    record: begun({
      id: `019a3b5c-7d00-7abc-8def-00000000000${tail}`,
      display: `2cf24_e3b0c_44136_0000${tail}:60303`,
      status: 'succeeded',
      finishedAt: '2026-01-31T10:00:00.000Z',
      ...more,
    }),
    own,
    tags,
  });
  const metric = (value: number) => [{ name: 'acc', step: 'one', value }];
  const some = [
    of(1, { metrics: metric(0.5), parameters: { lr: { value: 0.1, source: '--set' } } }, { kept: 'yes' }),
    of(2, { metrics: metric(0.9), parameters: { lr: { value: '0.1', source: '--set' } } }),
    of(3, { status: 'failed', parameters: {} }),
    of(4, { metrics: metric(0.7), parameters: { lr: { value: null, source: '--set' } } }, {}, false),
  ];
  const tails = async (asked: RunQuery): Promise<number[]> => {
    using opened = await open(some);
    return (await opened.index.search(asked)).rows.map(({ id }) => Number(id.at(-1)));
  };

  test(`${label}: an empty home has no runs`, options, async () => {
    using opened = await open([]);
    assert.deepEqual(await opened.index.search({}), { rows: [], total: 0 });
    assert.equal(opened.index.rebuild?.() ?? 0, 0);
  });

  test(`${label}: rows hold what records say, newest first`, options, async () => {
    using opened = await open(some);
    assert.deepEqual(await opened.index.search({}), {
      rows: some.map((one) => rowOf(one, one.tags)).reverse(),
      total: some.length,
    });
    assert.equal(opened.index.rebuild?.() ?? some.length, some.length);
  });

  test(
    `${label}: what lacks a field meets no comparison with it, and text is no number`,
    options,
    async () => {
      assert.deepEqual(await tails(where('parameters', 'lr', '=', 0.1)), [1]);
      assert.deepEqual(await tails(where('parameters', 'lr', '=', '0.1')), [2]);
      assert.deepEqual(await tails(where('parameters', 'lr', '!=', 0.1)), [4, 2]);
      assert.deepEqual(await tails(where('parameters', 'lr', '=', null)), [4]);
      assert.deepEqual(await tails({ where: { not: where('metrics', 'acc', '>', 0.6).where! } }), [3, 1]);
      assert.deepEqual(await tails(where('tags', 'kept', '=', 'yes')), [1]);
      assert.deepEqual(await tails(where('run', 'own', '=', false)), [4]);
    },
  );

  test(`${label}: a limit cuts what is sorted, and the total is without it`, options, async () => {
    const sort = [{ field: { of: 'metrics', name: 'acc' }, descending: true }] satisfies RunQuery['sort'];
    assert.deepEqual(await tails({ sort }), [2, 4, 1, 3]);
    assert.deepEqual(await tails({ sort, limit: 2 }), [2, 4]);
    assert.deepEqual(await tails({ sort: [{ ...sort[0]!, descending: false }] }), [1, 4, 2, 3]);
    using opened = await open(some);
    assert.equal((await opened.index.search({ sort, limit: 2 })).total, 4);
    assert.equal((await opened.index.search({ limit: 0 })).rows.length, 0);
  });

  test(
    `${label}: a text names the run of its id, those whose ids begin or end with it, and those it is shown as`,
    options,
    async () => {
      const told = [
        ...some,
        of(5, { display: 'ab_cd:1' }),
        of(6, { display: 'ab_cd:1' }),
        of(7, { display: '%' }),
      ];
      using opened = await open(told);
      const rows = told.map((one) => rowOf(one, one.tags));
      const { named } = opened.index;
      if (!named) return;
      const { id } = rows[0]!;
      const parts = [
        id,
        id.toUpperCase(),
        id.slice(0, 8),
        id.slice(-1),
        id.slice(-12).toUpperCase(),
        id.slice(1, 20),
      ];
      for (const text of [
        ...parts,
        '',
        'ab_cd:1',
        'AB_CD:1',
        'ab_cd',
        '%',
        '_',
        '-',
        "'",
        '\uff5e',
        'latest',
      ])
        for (const limit of [0, 2, 100])
          assert.deepEqual(named(text, limit), namedRows(rows, text, limit), text);
      assert.equal(named('ab_cd:1', 4).total, 2);
      assert.equal(named(id.slice(-1), 4).total, 1);
      assert.equal(named(id.slice(0, 8), 4).total, told.length);
    },
  );

  test(`${label}: any question is answered as by looking at every run`, options, async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.array(query, { minLength: 1, maxLength: 40 }), async (all, queries) => {
        using opened = await open(all);
        const rows = all.map((one) => rowOf(one, one.tags));
        for (const asked of queries)
          assert.deepEqual(await opened.index.search(asked), searchRows(rows, asked));
      }),
      { numRuns: 60 },
    );
  });
}
