import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMIT_NAMES } from '../../src/bundle/limits.ts';
import { LIMITS } from '../../src/bundle/oci.ts';
import { parseLimits, refuseLimits } from '../../src/operations/limits.ts';

test('every limit of readers has a name by which it is raised', () => {
  assert.deepEqual(Object.keys(LIMIT_NAMES).sort(), Object.keys(LIMITS).sort());
  assert.deepEqual(parseLimits([]), {});
  assert.deepEqual(
    parseLimits([
      ...['unpacked=20Gi', 'ratio=5000', 'entries=200000', 'path=2k'],
      ...['depth=100', 'pax=128Ki', 'json=8Mi', 'yaml=2097152'],
    ]),
    {
      unpackedBytes: 20 * 2 ** 30,
      ratio: 5000,
      entries: 200_000,
      pathBytes: 2000,
      pathSegments: 100,
      paxBytes: 128 * 1024,
      jsonBytes: 8 * 2 ** 20,
      yamlBytes: 2 * 2 ** 20,
    },
  );
});

test('words that raise nothing are refused, each with what would do', () => {
  for (const [word, message, hint] of [
    ['files=5', /there is no limit "files"/, /unpacked, ratio, entries, path, depth, pax, json, yaml/],
    ['=5', /there is no limit ""/, /entries/],
    ['json', /takes NAME=VALUE, got "json"/, /json/],
    ['entries=1Ki', /whole number from 1/, /--limit entries=200000/],
    ['entries=0', /whole number from 1/, /entries/],
    ['unpacked=lots', /it is a size/, /--limit unpacked=20Gi/],
    ['json=0', /it is a size/, /json/],
  ] as const) {
    assert.throws(
      () => parseLimits([word]),
      (error: { findings: { message: string; hint: string }[] }) => {
        assert.match(error.findings[0]!.message, message);
        assert.match(error.findings[0]!.hint, hint);
        return true;
      },
    );
  }
  assert.throws(() => parseLimits(['json=1', 'json=2']), { code: 'SAME1902', message: /given twice/ });
});

test('limits where no bundle is read are refused, and none are not', () => {
  assert.throws(() => refuseLimits({ entries: 5 }, 'study'), { code: 'SAME1902' });
  refuseLimits({}, 'study');
  refuseLimits(undefined, 'study');
});
