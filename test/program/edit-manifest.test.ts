import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { editManifest, type ManifestEdit } from '../../src/program/edit-manifest.ts';
import type { JsonValue } from '../../src/program/json.ts';
import { parseManifest } from '../../src/program/manifest.ts';

const derivedFrom = { name: 'study', version: '1.0', digest: `sha256:${'a'.repeat(64)}` };
const edit = (defaults: Record<string, JsonValue> = {}, version = '1.1'): ManifestEdit => ({
  version,
  defaults,
  derivedFrom,
});
const stamp = JSON.stringify(derivedFrom);

const block = `# A study of things.
apiVersion: same/v1   # the format
kind: Program
metadata:
  # who we are
  name: study
  version: "1.0"  # of the paper

  title:   Things
parameters:

  epochs: {type: integer, default: 100}   # enough
  rate:
    type: number
    default: 0.001 # small
    description: step
  tag: {type: string}
pipeline:
  steps:
    main: { run: [sh, x.sh] } # go
`;

describe('an edited manifest', () => {
  it('differs only in the lines that were asked for', () => {
    const edited = editManifest(block, edit({ epochs: 1000, rate: 0.5 }));
    const expected = block
      .replace('  # who we are\n  name: study\n', `  # who we are\n  derivedFrom: ${stamp}\n  name: study\n`)
      .replace('version: "1.0"  # of', 'version: "1.1"  # of')
      .replace('default: 100}   # enough', 'default: 1000}   # enough')
      .replace('default: 0.001 # small', 'default: 0.5 # small');
    assert.deepEqual(edited.split('\n').sort(), expected.split('\n').sort());
    assert.deepEqual(parse(edited), parse(expected));
  });

  it('keeps every comment and every blank line', () => {
    const comments = (text: string) => text.match(/#.*$/gm);
    const edited = editManifest(block, edit({ epochs: 1, tag: 'x' }));
    assert.deepEqual(comments(edited), comments(block));
    assert.equal(
      edited.split('\n').filter((line) => line === '').length,
      block.split('\n').filter((line) => line === '').length,
    );
  });

  it('gets a default that was not there, in a flow map and in a block map', () => {
    const edited = editManifest(
      block.replace('    default: 0.001 # small\n', ''),
      edit({ tag: 'x', rate: 2 }),
    );
    assert.match(edited, /^ {2}tag: \{type: string, default: "x"\}$/m);
    const { parameters } = parse(edited);
    assert.deepEqual(parameters.tag, { type: 'string', default: 'x' });
    assert.deepEqual(parameters.rate, { type: 'number', default: 2, description: 'step' });
  });

  it('has its derivedFrom replaced when it was derived before', () => {
    const once = editManifest(block, edit({}, '1.1'));
    const again = editManifest(once, {
      version: '1.2',
      defaults: {},
      derivedFrom: { ...derivedFrom, version: '1.1' },
    });
    const { metadata } = parse(again);
    assert.equal(metadata.version, '1.2');
    assert.deepEqual(metadata.derivedFrom, { ...derivedFrom, version: '1.1' });
    assert.equal(again.match(/derivedFrom/g)!.length, 1);
  });

  it('may have metadata on one line', () => {
    const flow = block.replace(
      /metadata:\n[\s\S]*?parameters:/,
      'metadata: {name: study, version: "1.0"} # short\nparameters:',
    );
    const edited = editManifest(flow, edit());
    assert.deepEqual(parse(edited).metadata, { name: 'study', version: '1.1', derivedFrom });
    assert.match(edited, /^metadata: \{.*\} # short$/m);
  });

  it('may be JSON, and stays JSON', () => {
    const value = parse(block);
    value.parameters.list = { type: 'array', default: [1, { a: 2 }] };
    const json = `${JSON.stringify(value, null, 2)}\n`;
    const edited = JSON.parse(editManifest(json, edit({ epochs: 5, tag: 'é"\\', list: [{ b: null }] })));
    assert.deepEqual(edited.parameters.list.default, [{ b: null }]);
    assert.equal(edited.metadata.version, '1.1');
    assert.deepEqual(edited.metadata.derivedFrom, derivedFrom);
    assert.equal(edited.parameters.epochs.default, 5);
    assert.equal(edited.parameters.tag.default, 'é"\\');
  });

  it('may have defaults of many lines: lists, maps, texts', () => {
    const long = block.replace(
      '  tag: {type: string}\n',
      `  layers:\n    type: array\n    default:\n      - 1 # one\n      - 2\n  text:\n    type: string\n    default: |\n      two\n      lines\n  tag: {type: string}\n`,
    );
    const edited = editManifest(long, edit({ layers: [3, 4, 5], text: 'one line' }));
    const { parameters } = parse(edited);
    assert.deepEqual(parameters.layers, { type: 'array', default: [3, 4, 5] });
    assert.deepEqual(parameters.text, { type: 'string', default: 'one line' });
    assert.match(edited, /# enough/);
    assert.deepEqual(parse(edited).pipeline, parse(long).pipeline);
  });

  it('may have line ends as on Windows', () => {
    const edited = editManifest(block.replaceAll('\n', '\r\n'), edit({ epochs: 5 }));
    assert.equal(parse(edited).parameters.epochs.default, 5);
    assert.equal(parse(edited).metadata.version, '1.1');
  });

  it('is a manifest that parses', () => {
    const { findings, program } = parseManifest(
      Buffer.from(editManifest(block, edit({ epochs: 7, tag: 'a: b # c' }))),
      'same.yaml',
    );
    assert.deepEqual(findings, []);
    assert.equal(program!.parameters!.tag!.default, 'a: b # c');
  });

  const portable = fc
    .jsonValue({ maxDepth: 3 })
    .filter((value) => !JSON.stringify(value).includes('__proto__')) as fc.Arbitrary<JsonValue>;
  const text = fc.string({ unit: 'binary' }) as fc.Arbitrary<JsonValue>;
  const shapes = [
    (name: string) => `  ${name}: {type: string}\n`,
    (name: string) => `  ${name}: {type: string, default: old}\n`,
    (name: string) => `  ${name}: {default: [old, {a: 1}], type: string} # c\n`,
    (name: string) => `  ${name}:\n    type: string # c\n`,
    (name: string) => `  ${name}:\n    default: "old" # c\n    type: string\n`,
    (name: string) => `  ${name}:\n    type: array\n    default:\n    - old\n    # inside\n    - {b: 2}\n`,
    (name: string) => `  ${name}:\n\n    type: string\n    default: >-\n      folded\n      text\n`,
    (name: string) => `  "${name}": {"type": "string", "default": null}\n`,
    (name: string) => `  ${name}:\n    default:\n    type: string\n`,
  ];

  it('says exactly what was asked and nothing else changed, whatever its shape and the values', () => {
    const parameters = fc.array(
      fc.tuple(fc.nat(shapes.length - 1), fc.option(fc.oneof(portable, text), { nil: undefined })),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(parameters, (chosen) => {
        const lines = chosen.map(([shape], i) => shapes[shape]!(`p${i}`)).join('');
        const source = block.replace(/parameters:\n[\s\S]*?pipeline:/, `parameters:\n${lines}pipeline:`);
        const defaults = Object.fromEntries(
          chosen.flatMap(([, value], i): [string, JsonValue][] =>
            value === undefined ? [] : [[`p${i}`, value]],
          ),
        );
        const wanted = parse(source);
        wanted.metadata.version = '1.1';
        wanted.metadata.derivedFrom = derivedFrom;
        for (const [name, value] of Object.entries(defaults)) wanted.parameters[name].default = value;
        const edited = editManifest(source, edit(defaults));
        assert.deepEqual(normal(parse(edited)), normal(wanted));
        assert.match(edited, /^# A study of things\.$/m);
        assert.match(edited, / # go$/m);
      }),
      { numRuns: 300 },
    );
  });
});

/** −0 is 0 in JSON. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
