import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseConfiguration } from '../../src/program/configuration.ts';
import { withAlias, withoutAlias } from '../../src/program/edit-configuration.ts';
import { foldName } from '../../src/program/name.ts';

const lab = { name: 'lab', address: 'oci://ghcr.io/org' };
const aliasesIn = (text: string) => {
  const { configuration, findings } = parseConfiguration(Buffer.from(text), 'config.yaml');
  assert.deepEqual(findings, [], text);
  return [...configuration!.aliases.values()];
};

describe('an alias set in a configuration', () => {
  const cases: [name: string, before: string, after: string][] = [
    ['in an empty file', '', 'registries:\n  aliases:\n    lab: "oci://ghcr.io/org"\n'],
    [
      'below comments alone',
      '# nothing yet',
      '# nothing yet\nregistries:\n  aliases:\n    lab: "oci://ghcr.io/org"\n',
    ],
    [
      'after those that are there, with their indentation and comments',
      '# top\nregistries: # r\n    aliases: # a\n\n        # one\n        one: oci://localhost   # first\n\n# end\n',
      '# top\nregistries: # r\n    aliases: # a\n\n        # one\n        one: oci://localhost   # first\n        lab: "oci://ghcr.io/org"\n\n# end\n',
    ],
    [
      'where a line break is missing at the end',
      'registries:\n  aliases:\n    one: oci://localhost',
      'registries:\n  aliases:\n    one: oci://localhost\n    lab: "oci://ghcr.io/org"\n',
    ],
    [
      'with the line breaks of the file',
      'registries:\r\n  aliases:\r\n    one: oci://localhost\r\n',
      'registries:\r\n  aliases:\r\n    one: oci://localhost\r\n    lab: "oci://ghcr.io/org"\r\n',
    ],
    [
      'after text in block style',
      'registries:\n  aliases:\n    one: >-\n      oci://localhost\n# end\n',
      'registries:\n  aliases:\n    one: >-\n      oci://localhost\n    lab: "oci://ghcr.io/org"\n# end\n',
    ],
    [
      'above what is commented out',
      'registries:\n  aliases: # mine\n    # lab: oci://old.example.org\n',
      'registries:\n  aliases: # mine\n    lab: "oci://ghcr.io/org"\n    # lab: oci://old.example.org\n',
    ],
    ['below registries alone', 'registries:\n', 'registries:\n  aliases:\n    lab: "oci://ghcr.io/org"\n'],
    [
      'in place of {}',
      'registries: {} # none\n',
      'registries: # none\n  aliases:\n    lab: "oci://ghcr.io/org"\n',
    ],
    [
      'in place of {} below',
      'registries:\n  aliases: {}\n',
      'registries:\n  aliases:\n    lab: "oci://ghcr.io/org"\n',
    ],
    [
      'in JSON, which stays JSON',
      '{"registries": {"aliases": {"one": "oci://localhost"}}}\n',
      '{"registries": {"aliases": {"one": "oci://localhost", "lab": "oci://ghcr.io/org"}}}\n',
    ],
    [
      'with another address in its place',
      'registries:\n  aliases:\n    LAB: oci://old.example.org # ours\n    one: oci://localhost\n',
      'registries:\n  aliases:\n    LAB: "oci://ghcr.io/org" # ours\n    one: oci://localhost\n',
    ],
  ];
  for (const [name, before, after] of cases) {
    it(`stands ${name}`, () => assert.equal(withAlias(before, lab), after));
  }

  it('is quoted where YAML would read no text', () => {
    for (const name of ['7', '1e3', 'true', 'Null', '0x1F'])
      assert.deepEqual(aliasesIn(withAlias('', { ...lab, name })), [{ ...lab, name }]);
  });
});

describe('an alias taken out of a configuration', () => {
  const cases: [name: string, before: string, after: string][] = [
    [
      'with its line, and no comment of another line',
      '# top\nregistries:\n  aliases:\n    # about lab\n    lab: oci://ghcr.io/org # ours\n    # about one\n    one: oci://localhost\n',
      '# top\nregistries:\n  aliases:\n    # about lab\n    # about one\n    one: oci://localhost\n',
    ],
    ['as the last', 'registries:\n  aliases:\n    lab: oci://ghcr.io', 'registries:\n  aliases:\n'],
    [
      'with all lines of its text',
      'registries:\n  aliases:\n    lab: >-\n      oci://ghcr.io\n    one: oci://localhost\n',
      'registries:\n  aliases:\n    one: oci://localhost\n',
    ],
    [
      'of JSON',
      '{"registries": {"aliases": {"one": "oci://localhost", "lab": "oci://ghcr.io/org"}}}\n',
      '{"registries": {"aliases": {"one": "oci://localhost"}}}\n',
    ],
    [
      'of JSON, from its start',
      '{"registries": {"aliases": {"Lab": "oci://ghcr.io", "one": "oci://localhost"}}}\n',
      '{"registries": {"aliases": {"one": "oci://localhost"}}}\n',
    ],
    ['where it is not', 'registries: {} # none\n', 'registries: {} # none\n'],
  ];
  for (const [name, before, after] of cases) {
    it(`goes ${name}`, () => assert.equal(withoutAlias(before, 'LAB'), after));
  }
});

describe('any sequence of edits', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?$/);
  const address = fc.constantFrom(
    'oci://ghcr.io',
    'oci://localhost:5000/x',
    'oci://[::1]/a/b',
    'oci://a.b/C',
  );
  const start = fc.constantFrom(
    '',
    '# c\n',
    '---\n# c\n',
    '{}',
    'registries:',
    'registries: ~ # c\n',
    'registries:\n\n  # c\n\n  aliases:\n',
    'registries:\n  aliases: {}\n',
    'registries: {aliases: {x: oci://localhost, # c\n  y: oci://localhost}}\n',
    '"registries":\n    "aliases": # c\n        "x": \'oci://localhost\'\n\n\n        y:   oci://localhost\n# end\n...\n',
    '{\n\t"registries": {\n\t\t"aliases": {\n\t\t\t"x": "oci://localhost"\n\t\t}\n\t}\n}\n',
    '? registries\n: ? aliases\n  : ? x\n    : oci://localhost # c\n',
    'registries: # c\n  aliases: { }\n',
    'registries: {\n  aliases:\n}\n',
  );

  it('leaves the aliases that were asked for, and every comment', () => {
    fc.assert(
      fc.property(start, fc.array(fc.tuple(name, fc.option(address)), { maxLength: 8 }), (text, edits) => {
        const expected = new Map(aliasesIn(text).map((alias) => [foldName(alias.name), alias.address]));
        let now: string = text;
        for (const [name, address] of edits) {
          if (address === null) expected.delete(foldName(name));
          else expected.set(foldName(name), address);
          now = address === null ? withoutAlias(now, name) : withAlias(now, { name, address });
        }
        const found = aliasesIn(now).map(({ name, address }) => [foldName(name), address]);
        assert.deepEqual(new Map(found as [string, string][]), expected);
        if (text.includes('# c') && !edits.some(([name]) => /^[xy]$/i.test(name)))
          assert.ok(now.includes('# c'), now);
      }),
      { numRuns: 300 },
    );
  });
});
