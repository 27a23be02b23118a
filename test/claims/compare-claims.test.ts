import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compare, compareClaims } from '../../src/claims/compare-claims.ts';
import type { PlannedParameter } from '../../src/pipeline/plan.ts';
import type { Claim } from '../../src/program/schema.ts';
import type { MetricRecord } from '../../src/runs/run-record.ts';

const metric = (
  name: string,
  value: number,
  step = 'main',
  more: Partial<MetricRecord> = {},
): MetricRecord => ({
  name,
  step,
  value,
  ...more,
});
const claim = (more: Partial<Claim> = {}): Claim => ({ id: 'c', metric: 'per', expect: 17.7, ...more });
const parameter = (value: PlannedParameter['value']): PlannedParameter => ({ value, source: 'default' });

function outcomeOf(
  one: Claim,
  facts: { metrics?: MetricRecord[]; parameters?: Record<string, PlannedParameter>; profile?: string } = {},
) {
  const [record] = compareClaims([one], { metrics: [metric('per', 17.7)], parameters: {}, ...facts });
  return record!;
}

describe('a figure is within tolerance', () => {
  const cases: [got: number, expect: number, tolerance: Claim['tolerance'], outcome: string][] = [
    [17.7, 17.7, undefined, 'within'],
    [17.700000000000003, 17.7, undefined, 'outside'],
    [17.7, 17.7, {}, 'within'],
    [0, -0, undefined, 'within'],
    [18, 17.5, { abs: 0.5 }, 'within'],
    [17, 17.5, { abs: 0.5 }, 'within'],
    [18.0000000000001, 17.5, { abs: 0.5 }, 'outside'],
    [16.9999999999999, 17.5, { abs: 0.5 }, 'outside'],
    [102, 100, { rel: 0.02 }, 'within'],
    [98, 100, { rel: 0.02 }, 'within'],
    [102.00001, 100, { rel: 0.02 }, 'outside'],
    [-102, -100, { rel: 0.02 }, 'within'],
    [-103, -100, { rel: 0.02 }, 'outside'],
    [0, 0, { rel: 0.5 }, 'within'],
    [Number.MIN_VALUE, 0, { rel: 0.5 }, 'outside'],
    [101, 100, { abs: 0.5, rel: 0.02 }, 'within'],
    [100.5, 100, { abs: 0.5, rel: 0.001 }, 'within'],
    [103, 100, { abs: 0.5, rel: 0.02 }, 'outside'],
    [1e308, -1e308, { abs: 1e300 }, 'outside'],
    [Number.POSITIVE_INFINITY, 1, { abs: 1e308 }, 'outside'],
    [Number.NaN, 1, { abs: 1e308 }, 'outside'],
    [Number.NaN, Number.NaN, undefined, 'outside'],
  ];
  for (const [got, expect, tolerance, outcome] of cases) {
    it(`or not: ${got} for ${expect} with ${JSON.stringify(tolerance ?? 'none')} is ${outcome}`, () => {
      assert.equal(compare(got, { expect, tolerance }).outcome, outcome);
    });
  }

  const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 });
  const positive = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e100 });

  it('when |got − expect| ≤ max(abs, rel·|expect|), and by no more than doubles lose', () => {
    fc.assert(
      fc.property(number, number, positive, positive, (got, expect, abs, rel) => {
        const result = compare(got, { expect, tolerance: { abs, rel } });
        const allowed = Math.max(abs, rel * Math.abs(expect));
        const over = Math.abs(got - expect) - allowed;
        if (over <= 0) assert.equal(result.outcome, 'within');
        if (over > 1e-14 * Math.max(Math.abs(got), Math.abs(expect), allowed))
          assert.equal(result.outcome, 'outside');
        assert.equal(result.allowed, allowed);
        assert.equal(result.delta, got - expect);
        assert.equal(result.got, got);
      }),
    );
  });

  it('never when it is NaN', () => {
    fc.assert(
      fc.property(number, positive, positive, (expect, abs, rel) => {
        assert.equal(compare(Number.NaN, { expect, tolerance: { abs, rel } }).outcome, 'outside');
      }),
    );
  });

  it('with any wider tolerance as well', () => {
    fc.assert(
      fc.property(number, number, positive, positive, (got, expect, abs, more) => {
        if (compare(got, { expect, tolerance: { abs } }).outcome === 'outside') return;
        assert.equal(compare(got, { expect, tolerance: { abs: abs + more } }).outcome, 'within');
      }),
    );
  });
});

describe('a claim', () => {
  it('is compared with its figures, difference and allowed difference kept', () => {
    const record = outcomeOf(claim({ expect: 17.5, tolerance: { abs: 0.25 }, cite: 'Table 1, row 5' }), {
      metrics: [metric('per', 17.75)],
    });
    assert.deepEqual(record, {
      id: 'c',
      metric: 'per',
      expect: 17.5,
      got: 17.75,
      delta: 0.25,
      allowed: 0.25,
      outcome: 'within',
      cite: 'Table 1, row 5',
    });
  });

  it('keeps the order of the manifest', () => {
    const claims = ['z', 'a', 'm'].map((id) => claim({ id }));
    const records = compareClaims(claims, { metrics: [], parameters: {} });
    assert.deepEqual(
      records.map(({ id }) => id),
      ['z', 'a', 'm'],
    );
  });

  it('whose metric nobody reported is an error that names it', () => {
    const record = outcomeOf(claim({ metric: 'wer' }));
    assert.equal(record.outcome, 'error');
    assert.match(record.because!, /"wer"/);
    assert.equal('got' in record, false);
  });

  it('whose metric several steps reported is an error that says how to be clear', () => {
    const metrics = [metric('per', 17.7, 'train'), metric('per', 17.7, 'evaluate')];
    const record = outcomeOf(claim(), { metrics });
    assert.equal(record.outcome, 'error');
    assert.match(record.because!, /train and evaluate/);
    assert.equal(outcomeOf(claim({ metric: 'evaluate.per' }), { metrics }).outcome, 'within');
  });

  it('finds STEP.NAME, and names that hold dots themselves', () => {
    const metrics = [metric('test.per', 17.7, 'main'), metric('per', 1, 'other')];
    assert.equal(outcomeOf(claim({ metric: 'test.per' }), { metrics }).outcome, 'within');
    assert.equal(outcomeOf(claim({ metric: 'main.test.per' }), { metrics }).outcome, 'within');
    assert.equal(outcomeOf(claim({ metric: 'other.per' }), { metrics }).got, 1);
  });

  it('means the declared metric where several have its name', () => {
    const metrics = [metric('per', 99, 'train'), metric('per', 17.7, 'evaluate', { declared: true })];
    assert.equal(outcomeOf(claim(), { metrics }).got, 17.7);
  });
});

describe('a claim does not speak of a run', () => {
  const notRun = (one: Claim, facts: Parameters<typeof outcomeOf>[1], because: RegExp) => {
    const record = outcomeOf(one, facts);
    assert.equal(record.outcome, 'not-run');
    assert.match(record.because!, because);
    assert.equal('got' in record, false);
    assert.equal('delta' in record, false);
  };

  it('with another value of a parameter than given', () => {
    const parameters = { seed: parameter(1), optimizer: parameter('adam') };
    notRun(claim({ given: { seed: 3 } }), { parameters }, /seed=3.*1/);
    notRun(claim({ given: { seed: '1' } }), { parameters }, /seed="1"/);
    notRun(claim({ given: { seed: 1, optimizer: 'sgd' } }), { parameters }, /optimizer="sgd"/);
    notRun(claim({ given: { absent: 1 } }), { parameters }, /absent/);
    notRun(claim({ given: { absent: null } }), { parameters }, /absent/);
  });

  it('unless every given value is exactly the one it had', () => {
    const parameters = {
      seed: parameter(3),
      name: parameter('x'),
      none: parameter(null),
      list: parameter([1, { a: 1, b: 2 }]),
    };
    const given = { seed: 3.0, name: 'x', none: null, list: [1, { b: 2, a: 1 }] };
    assert.equal(outcomeOf(claim({ given }), { parameters }).outcome, 'within');
    notRun(claim({ given: { list: [{ a: 1, b: 2 }, 1] } }), { parameters }, /list/);
  });

  it('with another profile or none', () => {
    notRun(claim({ profile: 'full' }), { profile: 'smoke' }, /full/);
    notRun(claim({ profile: 'full' }), {}, /full/);
    assert.equal(outcomeOf(claim({ profile: 'full' }), { profile: 'full' }).outcome, 'within');
    assert.equal(outcomeOf(claim(), { profile: 'full' }).outcome, 'within');
  });

  it('alone when it speaks of several together', () => {
    notRun(claim({ over: 'seed' }), {}, /over seed/);
    notRun(claim({ aggregate: 'mean' }), {}, /mean/);
    notRun(claim({ over: 'seed', aggregate: 'median' }), {}, /seed/);
  });

  it('and its missing metric is then no error', () => {
    notRun(claim({ metric: 'absent', profile: 'full' }), {}, /full/);
  });
});

describe('a figure at the end of its tolerance', () => {
  for (const [got, expect, abs] of [
    [17.8, 17.7, 0.1],
    [0.4, 0.3, 0.1],
    [0.2, 0.3, 0.1],
  ] as const) {
    it(`${got} is within ${expect} ± ${abs}`, () => {
      assert.equal(compare(got, { expect, tolerance: { abs } }).outcome, 'within');
    });
  }

  it('is not widened to the next figure', () => {
    assert.equal(compare(17.80001, { expect: 17.7, tolerance: { abs: 0.1 } }).outcome, 'outside');
    assert.equal(compare(1 + 2 ** -52, { expect: 1 }).outcome, 'outside');
  });
});
