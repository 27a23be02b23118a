import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfiguration } from '../../src/program/configuration.ts';
import { expandAlias, isAliasName, parseAliasAddress } from '../../src/program/registry-alias.ts';

const read = (text: string | Buffer) => parseConfiguration(Buffer.from(text), 'config.yaml');
const aliasesIn = (text: string) => [...read(text).configuration!.aliases.values()];

describe('a configuration', () => {
  it('holds aliases in the order of the file, hosts in lower case', () => {
    const text =
      '# mine\nregistries:\n  aliases:\n    Lab: oci://Registry.example.org/Papers # ours\n    a-1: "oci://[::1]:5000"\n';
    assert.deepEqual(aliasesIn(text), [
      { name: 'Lab', address: 'oci://registry.example.org/Papers' },
      { name: 'a-1', address: 'oci://[::1]:5000' },
    ]);
    assert.deepEqual([...read(text).configuration!.aliases.keys()], ['lab', 'a-1']);
    assert.deepEqual(aliasesIn('{"registries": {"aliases": {"lab": "oci://ghcr.io"}}}'), [
      { name: 'lab', address: 'oci://ghcr.io' },
    ]);
  });

  it('may set nothing', () => {
    for (const text of [
      '',
      '\n',
      '# registries:\n#   aliases:\r\n\r\n',
      '---\n# none\n',
      '{}',
      'registries:\n',
      'registries: {}',
      'registries:\n  aliases:\n',
      'registries:\n  aliases: {}\n',
      'registries:\n  aliases:\n    # lab: oci://ghcr.io\n',
    ])
      assert.deepEqual([aliasesIn(text), read(text).findings], [[], []], JSON.stringify(text));
  });

  it('is refused with all of its problems at once, each with its place', () => {
    const { configuration, findings } = read(`registry: {}
registries:
  mirrors: {}
  aliases:
    lab: oci://ghcr.io/org
    LAB: oci://ghcr.io/other
    my.lab: oci://ghcr.io
    localhost: oci://ghcr.io
    list: [oci://ghcr.io]
    again: oci://lab/more
    web: https://ghcr.io/org
    port: oci://ghcr.io:99999
    space: oci://ghcr.io/a..b
    full: oci://ghcr.io/org/study:1.0
    slash: oci://ghcr.io/
`);
    assert.equal(configuration, undefined);
    assert.deepEqual(
      findings.map(({ code, place }) => `${code} ${place}`),
      [
        'SAME1004 config.yaml:1:1',
        'SAME1004 config.yaml:3:3',
        'SAME1805 config.yaml:6:5',
        'SAME1805 config.yaml:7:5',
        'SAME1805 config.yaml:8:5',
        'SAME1005 config.yaml:9:11',
        'SAME1805 config.yaml:10:12',
        'SAME1805 config.yaml:11:10',
        'SAME1805 config.yaml:12:11',
        'SAME1805 config.yaml:13:12',
        'SAME1805 config.yaml:14:11',
        'SAME1805 config.yaml:15:12',
      ],
    );
    const messages = findings.map(({ message }) => message).join('\n');
    assert.match(messages, /"LAB" differs only in spelling from "lab"/);
    assert.match(messages, /"lab" in "oci:\/\/lab\/more" is an alias itself/);
    for (const { message, hint } of findings) assert.ok(hint, message);
  });

  it('is held to what manifests are held to', () => {
    const cases: [string | Buffer, string][] = [
      ['registries: &a {}\n', 'SAME1002 config.yaml:1:16'],
      ['registries: {}\nregistries: {}\n', 'SAME1003 config.yaml:2:1'],
      ['registries: {aliases: [}\n', 'SAME1001 config.yaml:1:24'],
      ['registries: 5\n', 'SAME1005 config.yaml:1:13'],
      ['registries:\n  aliases: oci://ghcr.io\n', 'SAME1005 config.yaml:2:12'],
      ['- registries\n', 'SAME1005 config.yaml:1:1'],
      ['registries: {aliases: {1: "oci://ghcr.io"}}\n', 'SAME1002 config.yaml:1:24'],
      ['registries: {aliases: {__proto__: "oci://ghcr.io"}}\n', 'SAME1015 config.yaml:1:24'],
      [Buffer.from([0xff]), 'SAME1011 config.yaml:1:1'],
      [`# ${'x'.repeat(2 ** 20)}\n{}`, 'SAME1011 config.yaml:1:1'],
    ];
    for (const [text, finding] of cases)
      assert.deepEqual(
        read(text).findings.map(({ code, place }) => `${code} ${place}`),
        [finding],
        text.slice(0, 40).toString(),
      );
  });

  it('is read quickly however its comments end', () => {
    assert.equal(read(`${'#\r\n'.repeat(50_000)}x`).findings.length, 1);
  });
});

describe('the name of an alias', () => {
  it('is what no host with a point, a port or brackets is', () => {
    for (const name of ['lab', 'LAB-2', '7', 'a', 'x'.repeat(63), 'constructor'])
      assert.ok(isAliasName(name), name);
    for (const name of [
      '',
      'localhost',
      'LocalHost',
      'a.b',
      'a:1',
      '[::1]',
      '-a',
      'a-',
      'a_b',
      'x'.repeat(64),
      'é',
    ])
      assert.ok(!isAliasName(name), name);
  });

  it('is known in any spelling', () => {
    const aliases = new Map([['lab', { name: 'Lab', address: 'oci://ghcr.io/org' }]]);
    assert.equal(expandAlias('oci://LAB/Study:1.0', aliases), 'oci://ghcr.io/org/Study:1.0');
    assert.equal(expandAlias('oci://lab', aliases), 'oci://ghcr.io/org');
    assert.equal(expandAlias('oci://lab:80/x', aliases), 'oci://lab:80/x');
  });
});

describe('the address of an alias', () => {
  it('is a host and a namespace', () => {
    assert.equal(parseAliasAddress('oci://GHCR.io/Org/Papers'), 'oci://ghcr.io/Org/Papers');
    assert.equal(parseAliasAddress('oci://localhost'), 'oci://localhost');
    for (const text of [
      'oci://',
      'oci:///x',
      'oci://ghcr.io/x@y',
      'oci://ghcr.io//x',
      'OCI://ghcr.io',
      ' oci://ghcr.io',
    ])
      assert.throws(() => parseAliasAddress(text), { code: 'SAME1805' }, text);
  });
});
