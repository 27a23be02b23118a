import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseChallenges } from '../../src/registry/challenge.ts';

function parsed(header: string | undefined): unknown {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('challenges', () => {
  it('are understood with several schemes in a line, commas and quotes in values', () => {
    assert.deepEqual(
      parsed(
        'Bearer realm="https://auth.example/token?a=b,c",service="a \\"b\\", c",scope="repository:x:pull,push", Basic realm="y"',
      ),
      [
        [
          'bearer',
          {
            realm: 'https://auth.example/token?a=b,c',
            service: 'a "b", c',
            scope: 'repository:x:pull,push',
          },
        ],
        ['basic', { realm: 'y' }],
      ],
    );
  });

  it('are understood without quotes, with spaces, in any case, and with a word instead of parameters', () => {
    assert.deepEqual(parsed('BASIC Realm = plain , charset="UTF-8"'), [
      ['basic', { realm: 'plain', charset: 'UTF-8' }],
    ]);
    assert.deepEqual(parsed('Negotiate YWJj==, Basic'), [
      ['negotiate', {}],
      ['basic', {}],
    ]);
    assert.deepEqual(parsed('Negotiate,Bearer realm=https://auth.example/token'), [
      ['negotiate', {}],
      ['bearer', { realm: 'https://auth.example/token' }],
    ]);
  });

  it('keep the first of a parameter that comes twice', () => {
    assert.deepEqual(parsed('Bearer realm="a", realm="b"'), [['bearer', { realm: 'a' }]]);
  });

  it('are none where nothing can be made of the header, and what can be is used', () => {
    for (const header of [undefined, '', ' , ,', '"', '= = =', '\u0000\u0001'])
      assert.deepEqual(parsed(header), []);
    assert.deepEqual(parsed('Bearer realm="never closed'), [['bearer', { realm: 'never closed' }]]);
  });

  it('are read in time that grows with their length', () => {
    const startedAt = performance.now();
    for (const piece of ['a', 'a ', 'a=', '"', '\\"', 'a="', ',', ' ', '='])
      for (const header of [piece.repeat(1e6), `Bearer ${piece.repeat(1e6)}`]) parseChallenges(header);
    assert.ok(performance.now() - startedAt < 5_000);
  });
});
