import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import semver from 'semver';
import { SameError } from '../../src/errors/same-error.ts';
import { foldName, isName, pinDirectory } from '../../src/program/name.ts';
import { formatReference, parseReference } from '../../src/program/reference.ts';
import {
  compareInLists,
  compareVersions,
  highestVersion,
  isPrerelease,
  isVersion,
  tagOf,
  versionOfTag,
} from '../../src/program/version.ts';

const versions = fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,12}$/);
const hex = 'a'.repeat(64);

describe('names', () => {
  it('are segments of letters and digits with single separators', () => {
    for (const name of ['a', 'arXiv.1303.5778v1', 'Org/team_x/a-b', '1', 'a'.repeat(128)])
      assert.ok(isName(name), name);
    for (const name of [
      '',
      '.a',
      'a.',
      'a..b',
      'a._b',
      '/a',
      'a/',
      'a//b',
      'ä',
      'a b',
      'a:b',
      'a@b',
      'a~b',
      'a\n',
      'a'.repeat(129),
    ]) {
      assert.ok(!isName(name), JSON.stringify(name));
    }
  });

  it('are checked in linear time', () => {
    const name = `${'a'.repeat(127)}!`;
    const started = performance.now();
    for (let i = 0; i < 1000; i++) isName(name);
    assert.ok(performance.now() - started < 1000);
  });

  it('fold only ASCII letters', () => {
    assert.equal(foldName('arXiv.İK'), 'arxiv.İk');
    assert.equal(pinDirectory('Org/Name'), 'org~name');
  });
});

describe('versions', () => {
  it('start with a letter or digit and have no underscore', () => {
    for (const version of [
      '1.0',
      '0',
      '2024-05-01',
      '1.0.0-rc.1+build.5',
      'v1',
      '7e013608',
      `1${'0'.repeat(126)}`,
    ]) {
      assert.ok(isVersion(version), version);
    }
    for (const version of ['', 'latest', '1_0', '.1', '-1', '+1', '1 0', '1.0\n', `1${'0'.repeat(127)}`]) {
      assert.ok(!isVersion(version), JSON.stringify(version));
    }
  });

  it('are ordered as relaxed semver', () => {
    const ascending = [
      'abc',
      'main',
      '0.9',
      '1.0-alpha',
      '1.0-alpha.1',
      '1.0-rc.2',
      '1.0-rc.10',
      '1.0-rc.x',
      '1.0',
      '1.0.1',
      '1.2',
      '1.10',
      '1.10.0.1',
      '2',
      '18446744073709551617',
    ];
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} and ${b}`);
      }
    }
    for (const [a, b] of [
      ['1', '1.0.0'],
      ['1.0', '1.0+build'],
      ['01', '1'],
    ])
      assert.equal(compareVersions(a!, b!), 0);
  });

  it('are ordered as semver orders them where they are semver', () => {
    const part = fc.nat({ max: 30 });
    const identifier = fc.oneof(
      fc.nat({ max: 30 }).map(String),
      fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,3}$/),
    );
    const strict = fc
      .tuple(part, part, part, fc.array(identifier, { maxLength: 3 }))
      .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre.length > 0 ? `-${pre.join('.')}` : ''}`);
    fc.assert(
      fc.property(strict, strict, (a, b) => Math.sign(compareVersions(a, b)) === semver.compare(a, b)),
    );
  });

  it('have a total order', () => {
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        assert.equal(compareVersions(a, a), 0);
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('are highest without pre-releases, unless there is nothing else', () => {
    assert.equal(highestVersion(['1.0', '1.10', '2.0-rc.1', '1.9']), '1.10');
    assert.equal(highestVersion(['2.0-rc.1', '2.0-rc.2']), '2.0-rc.2');
    assert.equal(highestVersion([]), undefined);
    assert.equal(highestVersion(['1.0', '1.0.0', '1']), '1.0.0');
    assert.ok(isPrerelease('1.0-rc'));
    assert.ok(!isPrerelease('1.0+a-b'));
  });

  it('stand in one place of a list, also where they are equal in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(versions), fc.uniqueArray(versions), (some, others) => {
        const [there, back] = [
          [...new Set([...some, ...others])].sort(compareInLists),
          [...new Set([...others, ...some])].sort(compareInLists),
        ];
        assert.deepEqual(there, back);
        assert.equal(highestVersion(some), highestVersion(some.toReversed()));
      }),
    );
  });

  it('are tags and back without loss', () => {
    fc.assert(fc.property(versions, (version) => versionOfTag(tagOf(version)) === version));
    assert.equal(tagOf('1.0+cpu'), '1.0_cpu');
  });
});

describe('references', () => {
  it('name a program, a version and a digest', () => {
    const cases: Record<string, object> = {
      'arXiv.1303.5778v1': { name: 'arXiv.1303.5778v1' },
      'a/b:1.0': { name: 'a/b', version: '1.0' },
      [`a:1.0@sha256:${hex}`]: { name: 'a', version: '1.0', digest: `sha256:${hex}` },
      [`a@sha256:${hex}`]: { name: 'a', digest: `sha256:${hex}` },
      'oci://ghcr.io/org/team/name:2': { host: 'ghcr.io', namespace: 'org/team', name: 'name', version: '2' },
      'oci://localhost:5000/name': { host: 'localhost:5000', name: 'name' },
      'oci://[::1]:5000/name': { host: '[::1]:5000', name: 'name' },
    };
    for (const [text, reference] of Object.entries(cases)) {
      assert.deepEqual(parseReference(text), reference);
      assert.equal(formatReference(parseReference(text)), text);
    }
  });

  it('are refused with the code of the part that is wrong', () => {
    const cases = {
      SAME1201: ['', ':1.0', 'a b', '../x', 'oci://host/a//b'],
      SAME1202: ['a:', 'a:latest', 'a:1_0', 'a:1:2'],
      SAME1203: [
        'https://host/a',
        'oci://host',
        'oci:///a',
        'oci://ho st/a',
        'oci://host:0/a',
        'oci://host:65536/a',
        'a@sha256:12',
        `a@sha256:${'A'.repeat(64)}`,
      ],
    };
    for (const [code, texts] of Object.entries(cases)) {
      for (const text of texts) {
        assert.throws(
          () => parseReference(text),
          (error) =>
            error instanceof SameError && error.code === code && error.findings[0]!.hint !== undefined,
          text,
        );
      }
    }
  });

  it('never crash the reader', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.equal(formatReference(parseReference(text)), text);
        } catch (error) {
          assert.ok(error instanceof SameError);
        }
      }),
    );
  });
});
