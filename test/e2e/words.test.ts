import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

/** What these tests read of a run record. */
interface RunDocument {
  parameters: Record<string, { value: unknown }>;
  steps: { name: string; outputs: Record<string, { digest: string }> }[];
}

/** The bytes of an output of a step, from the content store. */
function output(rig: Rig, record: RunDocument, step: string, name: string): Buffer {
  const { digest } = record.steps.find((each) => each.name === step)!.outputs[name]!;
  return readFileSync(rig.path('home/content/blobs/sha256', digest.replace('sha256:', '')));
}

/** Words that were written with a NUL after each. */
const words = (bytes: Buffer): string[] => bytes.toString('utf8').split('\0').slice(0, -1);

describe('words after the program become values by the declared type, and the record says whose they are', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    const parameters = {
      epochs: { type: 'integer', default: 10, minimum: 1 },
      lr: { type: 'number', default: 0.1 },
      cuda: { type: 'boolean', default: true },
      'no-log': { type: 'boolean', default: false },
      layers: { type: 'array', items: { type: 'integer' }, default: [] },
      names: { type: 'array', items: { type: 'string' }, default: [] },
      options: { type: 'object', default: {} },
      tag: { type: 'string', default: 'main' },
      resume: { type: ['string', 'null'], default: 'here' },
      limit: { type: ['integer', 'null'], default: 1 },
      learning_rate: { type: 'number', default: 1 },
      profile: { type: 'string', default: 'mine' },
      json: { type: 'boolean', default: false },
    };
    rig.write({
      'study/same.yaml': JSON.stringify({
        apiVersion: 'same/v1',
        kind: 'Program',
        metadata: { name: 'study', version: '1.0' },
        parameters,
        profiles: { smoke: { parameters: { epochs: 2, lr: 0.2, tag: 'profile', cuda: false } } },
        pipeline: { steps: { main: { run: ['true'] } } },
      }),
      'values.yaml': 'lr: 0.3\ntag: file\ncuda: true\nlearning-rate: 3\n',
      'values.json': '{"options": {"a": [1, "two"]}}',
      'options.json': '{"from": "a file"}',
      'layers.json': '[3, 4]',
    });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(() => rig[Symbol.dispose]());

  const cases: [given: string[], expected: Record<string, [value: unknown, source: string]>][] = [
    [['--epochs', '1000'], { epochs: [1000, '--epochs'], lr: [0.1, 'default'] }],
    [['--epochs=1000', '--no-cuda'], { epochs: [1000, '--epochs'], cuda: [false, '--cuda'] }],
    [['--cuda'], { cuda: [true, '--cuda'] }],
    [['--cuda=false', '--tag', 'x'], { cuda: [false, '--cuda'], tag: ['x', '--tag'] }],
    // A declared no-log is not the negation of something called log.
    [['--no-log'], { 'no-log': [true, '--no-log'] }],
    [['--no-no-log'], { 'no-log': [false, '--no-log'] }],
    [['--layers', '3', '--layers=4'], { layers: [[3, 4], '--layers'] }],
    [['--layers=[5,6]'], { layers: [[5, 6], '--layers'] }],
    [['--layers=@layers.json'], { layers: [[3, 4], '--layers'] }],
    [['--layers', '7'], { layers: [[7], '--layers'] }],
    [['--names', 'a b', '--names', '7', '--names=@x'], { names: [['a b', '7', '@x'], '--names'] }],
    [['--options={"a":{"b":null}}'], { options: [{ a: { b: null } }, '--options'] }],
    [['--options', '@options.json'], { options: [{ from: 'a file' }, '--options'] }],
    [['--tag=7e013608'], { tag: ['7e013608', '--tag'] }],
    [['--tag', '007'], { tag: ['007', '--tag'] }],
    [['--tag=null'], { tag: ['null', '--tag'] }],
    [['--tag=-x'], { tag: ['-x', '--tag'] }],
    [['--tag', '-x'], { tag: ['-x', '--tag'] }],
    [['--tag=a=b'], { tag: ['a=b', '--tag'] }],
    [['--tag='], { tag: ['', '--tag'] }],
    [['--tag=--epochs=3'], { tag: ['--epochs=3', '--tag'], epochs: [10, 'default'] }],
    [['--resume=null', '--limit', 'null'], { resume: [null, '--resume'], limit: [null, '--limit'] }],
    [['--limit=-3'], { limit: [-3, '--limit'] }],
    [['--limit', '-3'], { limit: [-3, '--limit'] }],
    [['--lr=1e-3'], { lr: [0.001, '--lr'] }],
    [['--lr=.5'], { lr: [0.5, '--lr'] }],
    [['--learning-rate=2'], { learning_rate: [2, '--learning_rate'] }],
    [['--learning_rate=2'], { learning_rate: [2, '--learning_rate'] }],
    [['--set', 'learning-rate=2'], { learning_rate: [2, '--set'] }],
    // Names of the tool's own options.
    [['--set', 'profile=theirs'], { profile: ['theirs', '--set'], epochs: [10, 'default'] }],
    [
      ['--profile', 'smoke', '--', '--profile=theirs'],
      { profile: ['theirs', '--profile'], epochs: [2, 'profile smoke'] },
    ],
    [['--', '--json'], { json: [true, '--json'] }],
    [['--', '--epochs', '3', '--no-cuda'], { epochs: [3, '--epochs'], cuda: [false, '--cuda'] }],
    // Lowest to highest: default, profile, file, --set, flag.
    [
      ['--profile=smoke', '--parameters', 'values.yaml', '--set', 'tag=set', '--set=cuda=false', '--cuda'],
      {
        names: [[], 'default'],
        epochs: [2, 'profile smoke'],
        lr: [0.3, '--parameters values.yaml'],
        learning_rate: [3, '--parameters values.yaml'],
        tag: ['set', '--set'],
        cuda: [true, '--cuda'],
      },
    ],
    [['--parameters=values.json'], { options: [{ a: [1, 'two'] }, '--parameters values.json'] }],
    [['--set', 'names=a', '--set', 'names=b'], { names: [['a', 'b'], '--set'] }],
    [['--set', 'tag=a=b c'], { tag: ['a=b c', '--set'] }],
  ];
  for (const [given, expected] of cases) {
    test(given.join(' '), async () => {
      const ended = await rig.same(['run', 'study', '--json', '--plan', ...given]);
      assert.equal(ended.code, 0, ended.stderr);
      const { parameters } = ended.json();
      for (const [name, [value, source]] of Object.entries(expected)) {
        assert.deepEqual([parameters[name].value, parameters[name].source], [value, source], name);
      }
    });
  }

  const refusals: [given: string[], code: string | string[], message: RegExp][] = [
    [['--epochs=1e3'], 'SAME1102', /expected integer, got "1e3"/],
    [
      ['--epochs=1.0', '--limit=0x10', '--layers=+1'],
      ['SAME1102', 'SAME1102', 'SAME1102'],
      /"1\.0".*\n.*"0x10".*\n.*"\+1"/,
    ],
    [['--epochs=9007199254740993'], 'SAME1102', /9007199254740993/],
    [['--epochs=007'], 'SAME1102', /"007"/],
    [['--lr=nan', '--epochs= 3'], ['SAME1102', 'SAME1102'], /"nan".*\n.*" 3"/],
    [['--cuda=yes'], 'SAME1102', /expected boolean, got "yes"/],
    [['--cuda', 'true'], 'SAME1902', /unexpected word "true"/],
    [['--epochs', '1', '--epochs', '2'], 'SAME1102', /given 2 times/],
    [['--set', 'epochs=1', '--set', 'epochs=2'], 'SAME1102', /given 2 times/],
    [['--options=[]'], 'SAME1102', /expected object/],
    [['--options=@none.json'], 'SAME1108', /none\.json/],
    [['--layers=[1,"two"]'], 'SAME1102', /two/],
    // A higher layer does not hide what a lower one says wrongly.
    [['--set', 'epochs=0', '--epochs=5'], 'SAME1103', /0 is below the minimum 1 \(from --set\)/],
    [['--epochs', '--tag=x'], 'SAME1102', /--epochs needs a value/],
  ];
  for (const [given, code, message] of refusals) {
    test(`${given.join(' ')} is refused`, async () =>
      void (await assertRefused(rig, ['run', 'study', ...given], { code, message })));
  }

  test('a parameter is not taken from the environment', async () => {
    const env = { SAME_PARAM_EPOCHS: '77', EPOCHS: '77' };
    const { parameters } = (await rig.same(['run', 'study', '--plan', '--json'], { env })).json();
    assert.equal(parameters.epochs.value, 10);
  });

  test('the record of a run and what show says of it name value, source and default', async () => {
    const ended = await rig.same(['run', 'study', '--profile=smoke', '--epochs=1000', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const { id, parameters } = ended.json();
    assert.deepEqual(parameters.epochs, { value: 1000, source: '--epochs', default: 10 });
    assert.deepEqual(parameters.tag, { value: 'profile', source: 'profile smoke', default: 'main' });
    const { stdout } = await rig.same(['show', 'run', id]);
    assert.match(stdout, /epochs: 1000 \(--epochs; default 10\)/);
    assert.match(stdout, /tag: "profile" \(profile smoke; default "main"\)/);
    assert.match(stdout, /lr: 0\.2 \(profile smoke; default 0\.1\)/);
    assert.match(stdout, /limit: 1 \(default\)/);
  });
});

describe('values arrive byte for byte and execute nothing', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
  });
  after(() => rig[Symbol.dispose]());

  test('in a list, in a shell command, as flags, in SAME_PARAM_… and in params.json', async () => {
    const witness = rig.path('executed');
    const hostile = [
      'plain',
      'two words',
      '  edges  ',
      "it's",
      '"double"',
      'line\nbreak',
      'ends with a line feed\n',
      '\n',
      'tab\tand\rreturn',
      'grüße 世界 🎉 \u2028',
      'e\u0301 is not é',
      `$(touch ${witness})`,
      `\`touch ${witness}\``,
      `; touch ${witness};`,
      `' ; touch ${witness} ; '`,
      `" ; touch ${witness} ; "`,
      `| touch ${witness}`,
      `&& touch ${witness} #`,
      `\n touch ${witness} \n`,
      `>${witness}`,
      '$HOME ${IFS} $$',
      '!history',
      '* ? [a-z] ~ {a,b}',
      '-rf',
      '--',
      '--no-such-flag=1',
      '\\',
      '\\n \\0 %s %%',
      '{{parameters.t00}} {{flags}} {{outputs.argv}}',
      '@/etc/passwd',
      '=',
      '#',
      '\u001b[31mred\u0007',
      '',
    ];
    const names = hostile.map((_, index) => `t${String(index).padStart(2, '0')}`);
    const places = names.map((name) => `{{parameters.${name}}}`);
    const capture = (target: string) =>
      `printf '%s\\0' "$@" > "${target}"; env -0 > "$SAME_OUT/env"; cp "$SAME_PARAMS" "$SAME_OUT/params"`;
    const outputs = { argv: { path: 'argv' }, flags: { path: 'flags' }, env: {}, params: {} };
    rig.write({
      'study/same.yaml': JSON.stringify({
        apiVersion: 'same/v1',
        kind: 'Program',
        metadata: { name: 'study', version: '1.0' },
        parameters: Object.fromEntries(names.map((name) => [name, { type: 'string', default: 'untouched' }])),
        pipeline: {
          steps: {
            list: {
              run: ['sh', '-c', `${capture('argv')}`, 'sh', ...places],
              outputs: { argv: { path: 'argv' }, env: {}, params: {} },
            },
            flags: {
              run: ['sh', '-c', `${capture('argv')}`, 'sh', '{{flags}}'],
              outputs: { argv: { path: 'argv' }, env: {}, params: {} },
            },
            text: {
              run: `printf '%s\\0' ${places.join(' ')} > argv && printf '%s\\0' {{flags}} > flags; env -0 > "$SAME_OUT/env"; cp "$SAME_PARAMS" "$SAME_OUT/params"`,
              outputs,
            },
          },
        },
      }),
    });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    const flags = hostile.map((value, index) => `--${names[index]}=${value}`);
    const ended = await rig.same(['run', 'study', '--json', ...flags]);
    assert.equal(ended.code, 0, ended.stderr);
    const record = ended.json();
    assert.deepEqual(
      Object.values((record as RunDocument).parameters).map(({ value }) => value),
      hostile,
    );
    assert.deepEqual(words(output(rig, record, 'list', 'argv')), hostile);
    assert.deepEqual(words(output(rig, record, 'flags', 'argv')), flags);
    assert.deepEqual(words(output(rig, record, 'text', 'argv')), hostile);
    assert.deepEqual(words(output(rig, record, 'text', 'flags')), flags);
    for (const step of ['list', 'flags', 'text']) {
      const environment = new Map(
        words(output(rig, record, step, 'env')).map((line) => [
          line.slice(0, line.indexOf('=')),
          line.slice(line.indexOf('=') + 1),
        ]),
      );
      assert.deepEqual(
        names.map((name) => environment.get(`SAME_PARAM_${name.toUpperCase()}`)),
        hostile,
        step,
      );
      const params = JSON.parse(output(rig, record, step, 'params').toString('utf8'));
      assert.deepEqual(Object.values(params), hostile, step);
    }
    assert.ok(!existsSync(witness), 'a value was executed');
    const shown = await rig.same(['show', 'run', record.id]);
    assert.ok(!shown.stdout.includes('\u001b'), 'a value reaches the terminal as a control sequence');
  });

  test('values of the other types arrive in their own JSON, flags leave out false and null', async () => {
    rig.write({
      'typed/same.yaml': JSON.stringify({
        apiVersion: 'same/v1',
        kind: 'Program',
        metadata: { name: 'typed', version: '1.0' },
        parameters: {
          count: { type: 'integer', default: 1 },
          rate: { type: 'number', default: 0.5 },
          yes: { type: 'boolean', default: true },
          not: { type: 'boolean', default: false },
          list: { type: 'array', default: [1, 'a b', null] },
          'my-map': { type: 'object', default: { b: 1, a: { c: true } } },
          nothing: { type: ['string', 'null'], default: null },
        },
        pipeline: {
          steps: {
            main: {
              run: [
                'sh',
                '-c',
                'printf "%s\\0" "$@" > "$SAME_OUT/argv"; env -0 > "$SAME_OUT/env"; cp "$SAME_PARAMS" "$SAME_OUT/params"',
                'sh',
                '{{flags}}',
                'x{{parameters.nothing}}y',
                '{{parameters.list}}',
              ],
              outputs: { argv: {}, env: {}, params: {} },
            },
          },
        },
      }),
    });
    const ended = await rig.same(['run', '-f', 'typed', '--json', '--count=-3']);
    assert.equal(ended.code, 0, ended.stderr);
    const record = ended.json();
    assert.deepEqual(words(output(rig, record, 'main', 'argv')), [
      '--count=-3',
      '--list=[1,"a b",null]',
      '--my-map={"a":{"c":true},"b":1}',
      '--rate=0.5',
      '--yes',
      'xy',
      '[1,"a b",null]',
    ]);
    const environment = words(output(rig, record, 'main', 'env'))
      .filter((line) => line.startsWith('SAME_PARAM_'))
      .sort();
    assert.deepEqual(environment, [
      'SAME_PARAM_COUNT=-3',
      'SAME_PARAM_LIST=[1,"a b",null]',
      'SAME_PARAM_MY_MAP={"a":{"c":true},"b":1}',
      'SAME_PARAM_NOT=false',
      'SAME_PARAM_NOTHING=',
      'SAME_PARAM_RATE=0.5',
      'SAME_PARAM_YES=true',
    ]);
    assert.deepEqual(JSON.parse(output(rig, record, 'main', 'params').toString('utf8')), {
      count: -3,
      rate: 0.5,
      yes: true,
      not: false,
      list: [1, 'a b', null],
      'my-map': { a: { c: true }, b: 1 },
      nothing: null,
    });
  });
});
