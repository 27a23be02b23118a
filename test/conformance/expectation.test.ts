import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { splitWords } from '../../conformance/runner/adapter.ts';
import { openByteStrings } from '../../conformance/runner/byte-string.ts';
import type { Expectation } from '../../conformance/runner/case-file.ts';
import { coverageProblems, titlesOf } from '../../conformance/runner/coverage.ts';
import { differences } from '../../conformance/runner/expectation.ts';

const strings = openByteStrings({ golden: '/nowhere', buildArchive: () => Buffer.alloc(0) });

function fits(expect: Expectation, result: unknown, verb = 'run'): boolean {
  return differences({ verb, expect }, { kind: 'ok', result }, strings).length === 0;
}

function refusalFits(
  expect: Expectation,
  findings: { code: string; clause?: string; place?: string }[],
): boolean {
  return differences({ verb: 'parse', expect }, { kind: 'refused', findings, exit: 2 }, strings).length === 0;
}

describe('an expected result', () => {
  it('is the whole result, whatever the order of members', () => {
    assert.ok(fits({ result: { a: 1, b: [1, { c: null }] } }, { b: [1, { c: null }], a: 1 }));
    for (const result of [
      { a: 1 },
      { a: 1, b: [1, {}] },
      { a: 1, b: [1, { c: null }], d: 0 },
      { a: '1', b: [] },
    ])
      assert.ok(!fits({ result: { a: 1, b: [1, { c: null }] } }, result), JSON.stringify(result));
  });

  it('has byte strings that are compared as bytes', () => {
    assert.ok(fits({ result: { x: { hex: '6162' } } }, { x: { base64: 'YWI=' } }));
    assert.ok(fits({ result: { x: { repeat: { text: 'a' }, times: 2 } } }, { x: { text: 'aa' } }));
    assert.ok(!fits({ result: { x: { text: 'ab' } } }, { x: { text: 'ac' } }));
    assert.ok(!fits({ result: { x: { text: 'ab' } } }, { x: { text: 'ab', executable: true } }));
  });

  it('may say only the digest of bytes', () => {
    const digest = 'sha256:fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603';
    assert.ok(fits({ result: { x: { digest } } }, { x: { text: 'ab' } }));
    assert.ok(!fits({ result: { x: { digest } } }, { x: { text: 'ac' } }));
  });
});

describe('what a result contains', () => {
  it('is a part of its members, and all items of its lists', () => {
    assert.ok(fits({ contains: { a: { b: 1 } } }, { a: { b: 1, c: 2 }, d: 3 }));
    assert.ok(!fits({ contains: { a: [1] } }, { a: [1, 2] }));
    assert.ok(!fits({ contains: { a: { b: 1 } } }, {}));
  });

  it('may be said by matchers', () => {
    const result = { text: 'abc', n: 1.5, list: ['x', 'y'], log: { text: 'a line' } };
    const good = [
      { text: { $matches: '^a' } },
      { log: { $matches: 'line$' } },
      { n: { $type: 'number' } },
      { none: { $absent: true } },
      { list: { $has: ['y'] } },
      { text: { $same: '/text' } },
      { text: { $differs: '/n' } },
    ];
    const bad = [
      { text: { $matches: '^b' } },
      { n: { $type: 'integer' } },
      { n: { $absent: true } },
      { list: { $has: ['z'] } },
      { none: { $has: ['z'] } },
      { text: { $same: '/n' } },
      { text: { $differs: '/text' } },
      { none: { $type: 'string' } },
    ];
    for (const contains of good) assert.ok(fits({ contains }, result), JSON.stringify(contains));
    for (const contains of bad) assert.ok(!fits({ contains }, result), JSON.stringify(contains));
    assert.throws(() => fits({ contains: { text: { $like: 'a' } } }, result), /no matcher/);
    assert.throws(() => fits({ contains: { text: { $same: '/nowhere' } } }, result), /nothing at/);
  });
});

describe('expected findings', () => {
  const findings = [
    { code: 'SAME1004', place: 'same.yaml:3:7', clause: 'SAME-PRG-006' },
    { code: 'SAME1005' },
  ];

  it('are exactly the codes that were reported, in any order', () => {
    assert.ok(refusalFits({ findings: [{ code: 'SAME1005' }, { code: 'SAME1004' }] }, findings));
    assert.ok(!refusalFits({ findings: [{ code: 'SAME1004' }] }, findings));
    assert.ok(!refusalFits({ findings: [{ code: 'SAME1004' }, { code: 'SAME1004' }] }, findings));
  });

  it('need a place where the case has one, and a clause where both have one', () => {
    const wanted = (more: object) => [
      { code: 'SAME1004', ...more },
      { code: 'SAME1005', clause: 'SAME-PRG-007' },
    ];
    assert.ok(refusalFits({ findings: wanted({ place: '3:7' }) }, findings));
    assert.ok(!refusalFits({ findings: wanted({ place: '3:8' }) }, findings));
    assert.ok(!refusalFits({ findings: wanted({ clause: 'SAME-PRG-007' }) }, findings));
  });

  it('may have the exit code of the command beside them', () => {
    const codes = [{ code: 'SAME1004' }, { code: 'SAME1005' }];
    assert.ok(refusalFits({ findings: codes, exit: 2 }, findings));
    assert.ok(!refusalFits({ findings: codes, exit: 3 }, findings));
  });

  it('are not a result, and a result is no finding', () => {
    assert.ok(!fits({ findings: [{ code: 'SAME1004' }] }, {}));
    assert.ok(!refusalFits({ result: {} }, findings));
  });

  it('of verify are among those reported, no other code being there', () => {
    const result = { findings: [{ code: 'SAME1302', clause: 'SAME-BND-003' }, { code: 'SAME1302' }] };
    const one = [{ code: 'SAME1302', clause: 'SAME-BND-003' }];
    assert.ok(fits({ findings: one }, result, 'verify'));
    assert.ok(!fits({ findings: [{ code: 'SAME1302', clause: 'SAME-BND-004' }] }, result, 'verify'));
    assert.ok(!fits({ findings: [] }, result, 'verify'));
    assert.ok(!fits({ findings: one }, { findings: [...one, { code: 'SAME1303' }] }, 'verify'));
    assert.ok(fits({ findings: [] }, { findings: [], digests: {} }, 'verify'));
    assert.ok(!fits({ findings: [] }, { findings: [] }, 'verify'));
  });
});

describe('a command', () => {
  it('is split like a shell does it', () => {
    assert.deepEqual(splitWords(`a  'b c' "d \\"e" f\\ g ''`), ['a', 'b c', 'd "e', 'f g', '']);
    assert.throws(() => splitWords(`a 'b`), /a quote is open/);
  });
});

describe('coverage', () => {
  const root = `${import.meta.dirname}/../..`;
  const entry = {
    why: 'for this test',
    test: 'test/conformance/expectation.test.ts',
    title: 'is split like a shell does it',
  };
  const problems = (changes: object) =>
    coverageProblems({
      clauses: ['SAME-BND-001', 'SAME-BND-002'],
      enabled: new Set(['SAME-BND-001']),
      named: new Set(['SAME-BND-001']),
      elsewhere: { 'SAME-BND-002': entry },
      root,
      ...changes,
    });

  it('is complete when each clause has a case or a test elsewhere', () => {
    assert.deepEqual(problems({}), []);
  });

  it('misses clauses without either, and sees those that there are not', () => {
    assert.match(problems({ elsewhere: {} }).join(), /SAME-BND-002 has no case/);
    assert.match(problems({ enabled: new Set() }).join(), /SAME-BND-001 has no case/);
    assert.match(problems({ named: new Set(['SAME-BND-009']) }).join(), /SAME-BND-009 is no clause/);
    assert.match(problems({ elsewhere: { 'SAME-BND-001': entry, 'SAME-BND-002': entry } }).join(), /besides/);
  });

  it('refuses an entry whose test is not there', () => {
    const with_ = (changes: object) =>
      problems({ elsewhere: { 'SAME-BND-002': { ...entry, ...changes } } }).join();
    assert.match(with_({ test: 'test/nowhere.test.ts' }), /there is no test/);
    assert.match(with_({ title: 'no such test' }), /has no test "no such test"/);
    assert.match(with_({ why: '' }), /exactly why, test and title/);
  });

  it('reads the names of tests as they are written', () => {
    const text = `it('don\\'t', () => {}); test(\n  "two", f); await t.test(\`three\`); it(name, f);`;
    assert.deepEqual([...titlesOf(text)], ["don't", 'two', 'three']);
  });
});
