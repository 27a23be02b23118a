import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SameError } from '../../src/errors/same-error.ts';
import { coerceTexts } from '../../src/program/coercion.ts';
import type { JsonValue } from '../../src/program/json.ts';
import { parseParameterWords } from '../../src/program/parameter-words.ts';
import {
  coerceText,
  loadPatterns,
  type ParameterLayers,
  resolveParameters,
  validateValue,
} from '../../src/program/parameters.ts';
import type { ParameterSchema, Program } from '../../src/program/schema.ts';

const parameters: Record<string, ParameterSchema> = {
  epochs: { type: 'integer', default: 100, minimum: 1, maximum: 100000 },
  lr: { type: 'number', default: 0.001, exclusiveMinimum: 0 },
  optimizer: { type: 'string', default: 'adam', enum: ['sgd', 'adam'] },
};
const programOf = (
  declared: Record<string, ParameterSchema>,
  profiles: Program['profiles'] = {},
): Program => ({
  apiVersion: 'same/v1',
  kind: 'Program',
  metadata: { name: 'arXiv.1303.5778v1', version: '1.0' },
  parameters: declared,
  profiles,
  pipeline: { steps: { train: { run: 'true' } } },
});
const linesOf = (findings: readonly { code: string; message: string; hint?: string }[]) =>
  findings.map(({ code, message, hint }) => `${code} ${message}${hint === undefined ? '' : ` — ${hint}`}`);

describe('values', () => {
  const cases: [ParameterSchema, JsonValue, string[]][] = [
    [{ type: 'integer', minimum: 1 }, 0, ['0 is below the minimum 1']],
    [{ type: 'integer' }, 'ten', ['expected integer, got "ten"']],
    [{ type: 'integer' }, 1.5, ['expected integer, got 1.5']],
    [{ type: 'integer' }, 6e23, ['expected integer, got 6e+23']],
    [{ type: ['integer', 'null'] }, null, []],
    [{ type: ['integer', 'null'] }, true, ['expected integer or null, got true']],
    [{ type: 'number', maximum: 1, exclusiveMinimum: 0 }, 0, ['0 is not above the exclusive minimum 0']],
    [{ type: 'number', multipleOf: 0.1 }, 0.3, []],
    [{ type: 'number', multipleOf: 0.1 }, 0.35, ['0.35 is not a multiple of 0.1']],
    [{ type: 'string', minLength: 2, maxLength: 3 }, '😀', ['"😀" is shorter than the minimum length 2']],
    [{ type: 'string', enum: ['a', 'b'] }, 'c', ['"c" is not one of "a", "b"']],
    [{ type: 'object', const: { a: 1, b: 2 } }, { b: 2, a: 1 }, []],
    [
      { type: 'array', items: { type: 'integer', maximum: 3 }, maxItems: 1 },
      [1, 'x', 4],
      [
        '3 items are more than the maximum 1',
        '[1]: expected integer, got "x"',
        '[2]: 4 is above the maximum 3',
      ],
    ],
    [{ type: 'array', uniqueItems: true }, [{ a: 1 }, { a: 1 }], ['{"a":1} is there twice']],
    [
      { type: 'object', required: ['x'], properties: { y: { type: 'array', items: { type: 'boolean' } } } },
      { y: [1] },
      ['"x" is missing', 'y[0]: expected boolean, got 1'],
    ],
    [{ type: 'object', properties: { toString: { type: 'string' as const } } }, {}, []],
  ];
  for (const [schema, value, expected] of cases) {
    it(`${JSON.stringify(value)} as ${JSON.stringify(schema)}: ${expected.join('; ') || 'valid'}`, () => {
      assert.deepEqual(validateValue(schema, value), expected);
    });
  }

  it('match patterns of RE2 syntax, anywhere in the text, in linear time', async () => {
    const schema: ParameterSchema = { type: 'string', pattern: '^(a+)+$' };
    await loadPatterns(programOf({ tag: schema }));
    assert.deepEqual(validateValue(schema, 'aaa'), []);
    assert.deepEqual(validateValue({ type: 'string', pattern: 'b' }, 'abc'), []);
    const started = performance.now();
    assert.equal(validateValue(schema, `${'a'.repeat(50_000)}!`).length, 1);
    assert.ok(performance.now() - started < 5000);
  });
});

describe('texts', () => {
  const ok: [ParameterSchema['type'], string, JsonValue][] = [
    ['string', '7e013608', '7e013608'],
    ['string', 'null', 'null'],
    ['string', '', ''],
    [['string', 'null'], 'null', null],
    ['integer', '-5', -5],
    ['integer', '-0', 0],
    ['number', '1e-3', 0.001],
    ['number', '.5', 0.5],
    ['number', '1', 1],
    ['boolean', 'true', true],
    ['array', '[1, "a"]', [1, 'a']],
    ['object', '{"a": 1}', { a: 1 }],
  ];
  for (const [type, text, value] of ok) {
    it(`${JSON.stringify(text)} is ${JSON.stringify(value)} as ${type}`, () => {
      const coerced = coerceText({ type } as ParameterSchema, text);
      assert.ok('value' in coerced);
      assert.deepEqual(coerced.value, value);
    });
  }

  const refused: [string, string[]][] = [
    ['integer', ['', 'ten', '1e3', '1.0', '0x10', '+1', '007', ' 1', '1 ', '1\n', '9007199254740992', '١']],
    ['number', ['', '.', '1.', '0x10', 'NaN', 'Infinity', '1e999', '1_000', '12345678901234567890', 'e5']],
    ['boolean', ['', 'True', 'yes', '1', 'null']],
    ['array', ['1,2', '[1', '']],
    ['object', ['x', '{', '{"a": 1e999}', '{"__proto__": 1}']],
  ];
  for (const [type, texts] of refused) {
    it(`of other spellings are no ${type}`, () => {
      for (const text of texts)
        assert.ok('problem' in coerceText({ type } as ParameterSchema, text), JSON.stringify(text));
    });
  }

  it('of lists are repeated, or JSON', () => {
    const schema: ParameterSchema = { type: 'array', items: { type: 'integer' } };
    assert.deepEqual(coerceTexts(schema, ['1', '2']), { value: [1, 2] });
    assert.deepEqual(coerceTexts(schema, ['[1,2]']), { value: [1, 2] });
    assert.deepEqual(coerceTexts(schema, ['1', 'x']), { problem: '[1]: expected integer, got "x"' });
    assert.match(
      (coerceTexts({ type: 'integer' }, ['1', '2']) as { problem: string }).problem,
      /given 2 times/,
    );
  });

  it('are read back as they were written', () => {
    const round = (type: ParameterSchema['type'], value: JsonValue) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      assert.deepEqual(coerceText({ type } as ParameterSchema, text), { value });
    };
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => round('integer', value)));
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), (value) =>
        round('number', value + 0),
      ),
    );
    fc.assert(fc.property(fc.string(), (value) => round('string', value)));
    fc.assert(fc.property(fc.boolean(), (value) => round('boolean', value)));
  });
});

describe('resolving parameters', () => {
  const program = programOf(parameters, {
    smoke: { parameters: { epochs: 2 } },
    broken: { parameters: { epochs: 0 } },
  });
  const resolve = (layers: ParameterLayers) => resolveParameters(program, layers);

  it('takes the highest layer and says which it was', () => {
    const layers: ParameterLayers[] = [
      {},
      { profile: 'smoke' },
      { profile: 'smoke', file: { name: 'p.json', values: { epochs: 3 } } },
      {
        profile: 'smoke',
        file: { name: 'p.json', values: { epochs: 3 } },
        set: [{ name: 'epochs', text: '4' }],
      },
      {
        profile: 'smoke',
        set: [{ name: 'epochs', text: '4' }],
        flags: [{ name: 'epochs', flag: '--epochs', texts: ['5'] }],
      },
    ];
    const expected = [
      { value: 100, source: 'default', default: 100 },
      { value: 2, source: 'profile smoke', default: 100 },
      { value: 3, source: '--parameters p.json', default: 100 },
      { value: 4, source: '--set', default: 100 },
      { value: 5, source: '--epochs', default: 100 },
    ];
    for (const [index, each] of layers.entries()) {
      const { parameters: resolved, findings } = resolve(each);
      assert.deepEqual(findings, []);
      assert.deepEqual(resolved.epochs, expected[index]);
      assert.deepEqual(Object.keys(resolved), ['epochs', 'lr', 'optimizer']);
    }
  });

  it('reports everything together in the words of the spec', () => {
    const { findings } = resolve({
      profile: 'broken',
      file: { name: 'p.json', values: { lr: '0.1' } },
      set: [{ name: 'epoch', text: '1' }],
      flags: [{ name: 'epochs', flag: '--epochs', texts: ['ten'] }],
    });
    assert.deepEqual(linesOf(findings), [
      'SAME1103 parameter "epochs": 0 is below the minimum 1 (from profile "broken")',
      'SAME1102 parameter "lr": expected number, got "0.1" (from p.json)',
      'SAME1101 unknown parameter "epoch" for arXiv.1303.5778v1:1.0 — did you mean --epochs? (known: epochs, lr, optimizer)',
      'SAME1102 parameter "epochs": expected integer, got "ten" (from --epochs)',
    ]);
  });

  it('misses what has no default, and says an unknown profile', () => {
    const bare = programOf({ seed: { type: 'integer' }, tag: { type: ['string', 'null'] } });
    assert.deepEqual(
      linesOf(resolveParameters(bare, { profile: 'x', set: [{ name: 'tag', text: 'null' }] }).findings),
      [
        'SAME1107 unknown profile "x" for arXiv.1303.5778v1:1.0 — it declares no profiles',
        'SAME1104 parameter "seed" has no value — give --seed=VALUE (integer)',
      ],
    );
    assert.deepEqual(resolveParameters(bare, { set: [{ name: 'tag', text: 'null' }] }).parameters.tag, {
      value: null,
      source: '--set',
    });
  });

  it('has no parameter of the name of an object method', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      assert.equal(resolve({ set: [{ name, text: 'x' }] }).findings[0]!.code, 'SAME1101');
      assert.equal(resolve({ profile: name }).findings[0]!.code, 'SAME1107');
    }
  });
});

describe('words', () => {
  const declared: Record<string, ParameterSchema> = {
    ...parameters,
    'batch-size': { type: 'integer' },
    cuda: { type: 'boolean' },
    'no-amp': { type: 'boolean' },
    layers: { type: 'array', items: { type: 'integer' } },
    config: { type: 'object' },
    note: { type: 'string' },
  };
  const parse = (words: string[], afterDashes: string[] = []) =>
    parseParameterWords(words, declared, {
      afterDashes,
      label: 'p:1.0',
      readFile: (path) => {
        if (path === 'gone.json')
          throw new SameError({ code: 'SAME1404', message: 'ENOENT while reading gone.json' });
        return '{"from": "file"}';
      },
    });

  it('are parameters in every spelling', () => {
    const cases: [string[], string, string[]][] = [
      [['--epochs=5'], 'epochs', ['5']],
      [['--epochs', '5'], 'epochs', ['5']],
      [['--lr', '-1'], 'lr', ['-1']],
      [['--batch_size=4'], 'batch-size', ['4']],
      [['--cuda'], 'cuda', ['true']],
      [['--cuda=false'], 'cuda', ['false']],
      [['--no-cuda'], 'cuda', ['false']],
      [['--no_cuda'], 'cuda', ['false']],
      [['--no-amp'], 'no-amp', ['true']],
      [['--no-no-amp'], 'no-amp', ['false']],
      [['--layers=1', '--layers', '2'], 'layers', ['1', '2']],
      [['--config=@c.json'], 'config', ['{"from": "file"}']],
      [['--note=@me'], 'note', ['@me']],
      [['--note=--epochs'], 'note', ['--epochs']],
      [['--note=a=b'], 'note', ['a=b']],
      [['--note='], 'note', ['']],
    ];
    for (const [words, name, texts] of cases) {
      for (const { flags, findings } of [parse(words), parse([], words)]) {
        assert.deepEqual(findings, [], words.join(' '));
        assert.deepEqual(
          flags.map((flag) => [flag.name, flag.texts]),
          [[name, texts]],
        );
      }
    }
  });

  it('report all problems together', () => {
    const { flags, findings } = parse([
      '--epoch',
      '5',
      'stray',
      '--lr',
      '--no-cuda=1',
      'epochs=3',
      '-v',
      '--config=@gone.json',
      '--no-lr',
      '--epochs=7',
    ]);
    assert.deepEqual(flags, [{ name: 'epochs', flag: '--epochs', texts: ['7'] }]);
    assert.deepEqual(
      findings.map(({ code, message }) => `${code} ${message}`),
      [
        'SAME1101 unknown parameter "epoch" for p:1.0',
        'SAME1902 unexpected word "stray"',
        'SAME1102 parameter "lr": --lr needs a value',
        'SAME1102 parameter "cuda": --no-cuda takes no value',
        'SAME1902 unexpected word "epochs=3"',
        'SAME1902 unexpected word "-v"',
        'SAME1108 parameter "config": ENOENT while reading gone.json',
        'SAME1101 unknown parameter "no-lr" for p:1.0',
      ],
    );
    assert.match(findings[0]!.hint!, /^did you mean --epochs\? \(known: /);
    assert.equal(findings[4]!.hint, 'write --epochs=3');
  });

  it('never crash the reader', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--', '--epochs', '--no-', '--=', '--cuda=', '--no-cuda', '-', '--constructor'),
    );
    fc.assert(fc.property(fc.array(word), (words) => void parse(words, words)));
  });
});
