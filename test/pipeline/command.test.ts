import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type CommandPlaces,
  fillCommand,
  flagWords,
  planCommand,
  quoteForShell,
  renderCommand,
  wordOf,
} from '../../src/pipeline/command.ts';

const places: CommandPlaces = {
  input: (name) => `/in put/${name}`,
  output: (name) => `/out'put/${name}`,
  matrix: (name) => `matrix ${name}`,
  scratch: () => '/scratch$x',
};

/** Any text a process can be given: every character but NUL. */
const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));
const nasty = fc.constantFrom(
  "'",
  "''",
  "'\\''",
  '"',
  '\\',
  '\\\n',
  '$(id)',
  '`id`',
  '${HOME}',
  '$',
  '!',
  '!!',
  '*',
  '?',
  '[a]',
  '~',
  '{a,b}',
  '#',
  '# x',
  '&',
  ';',
  '|',
  '<',
  '>',
  '(',
  ')',
  '\n',
  '\r\n',
  '\t',
  ' ',
  '',
  '-',
  '--',
  '-n',
  '%s',
  '=',
  '{{flags}}',
  '{{parameters.a}}',
  '\u0001\u007f',
  '\u2028',
  'é',
);
const word = fc.oneof(
  anyText,
  fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join('')),
  nasty,
);

function argvIn(shell: string, text: string): string[] {
  const out = execFileSync(shell, ['-c', text], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
    // bash takes a pipe on its input for a remote login, and reads the user's start-up file.
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return out.split('\0').slice(0, -1);
}

describe('quoting for a shell', () => {
  for (const shell of ['sh', 'bash']) {
    it(`brings any text through ${shell} as one word`, () => {
      fc.assert(
        fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
          const text = `printf '%s\\0' ${words
            .map(quoteForShell)
            .map((quoted) => quoted || "''")
            .join(' ')}`;
          assert.deepEqual(argvIn(shell, text), words);
        }),
        { numRuns: 150 },
      );
    });

    it(`brings every value of a string command through ${shell}: places, parts of words and flags`, () => {
      const run = `printf '%s\\0' {{parameters.a}} x{{parameters.a}}{{parameters.b}}y {{inputs.i}} {{outputs.o}}/z {{scratch}} {{flags}} end`;
      fc.assert(
        fc.property(word, word, (a, b) => {
          const filled = fillCommand(planCommand(run, { a, b }), places);
          assert.ok('shell' in filled);
          assert.deepEqual(argvIn(shell, filled.shell), [
            a,
            `x${a}${b}y`,
            '/in put/i',
            "/out'put/o/z",
            '/scratch$x',
            `--a=${a}`,
            `--b=${b}`,
            'end',
          ]);
        }),
        { numRuns: 150 },
      );
    });
  }

  it('brings every byte from 1 to 127 through', () => {
    const all = String.fromCharCode(...Array.from({ length: 127 }, (_, i) => i + 1));
    assert.deepEqual(argvIn('sh', `printf '%s\\0' ${quoteForShell(all)}`), [all]);
  });

  it('leaves plain words plain', () => {
    assert.equal(quoteForShell('--epochs=1000'), '--epochs=1000');
    assert.equal(quoteForShell('data/x-1_2.csv'), 'data/x-1_2.csv');
  });
});

describe('a list command', () => {
  it('keeps each word one word, whatever the values hold', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const command = planCommand(
          ['python', '{{parameters.a}}', 'x{{parameters.a}}-{{parameters.b}}', '{{inputs.i}}:{{outputs.o}}'],
          { a, b },
        );
        assert.deepEqual(fillCommand(command, places), {
          exec: ['python', a, `x${a}-${b}`, "/in put/i:/out'put/o"],
        });
      }),
    );
  });

  it('never reads a value as a template again', () => {
    const command = planCommand(['{{parameters.a}}'], {
      a: '{{parameters.b}} {{flags}} {{inputs.i}}',
      b: 'secret',
    });
    assert.deepEqual(fillCommand(command, places), { exec: ['{{parameters.b}} {{flags}} {{inputs.i}}'] });
  });

  it('makes as many words of {{flags}} as there are flags, possibly none', () => {
    assert.deepEqual(planCommand(['x', '{{flags}}', 'y'], { a: 1, b: 'p q' }), {
      exec: [['x'], ['--a=1'], ['--b=p q'], ['y']],
    });
    assert.deepEqual(planCommand(['x', '{{flags}}', 'y'], {}), { exec: [['x'], ['y']] });
    assert.deepEqual(planCommand(['x', '{{flags}}'], { a: null, b: false }), { exec: [['x']] });
  });

  it('keeps an empty value as an empty word', () => {
    assert.deepEqual(fillCommand(planCommand(['x', '{{parameters.a}}'], { a: '' }), places), {
      exec: ['x', ''],
    });
  });
});

describe('a string command', () => {
  it('keeps an empty or null value as an empty word', () => {
    for (const a of ['', null]) {
      const filled = fillCommand(planCommand("printf '%s\\0' {{parameters.a}} end", { a }), places);
      assert.deepEqual(argvIn('sh', (filled as { shell: string }).shell), ['', 'end']);
    }
  });

  it('has nothing for {{flags}} when there are none', () => {
    assert.deepEqual(fillCommand(planCommand('x {{flags}}', {}), places), { shell: 'x ' });
  });

  it('is otherwise the text that the author wrote', () => {
    const text = `a | b > c && echo "$HOME" '{x}' {1..3} # {`;
    assert.deepEqual(fillCommand(planCommand(text, {}), places), { shell: text });
  });
});

describe('a value as a word', () => {
  it('is a text as it is, null the empty word, and everything else JSON', () => {
    const words: [unknown, string][] = [
      ['x y', 'x y'],
      ['', ''],
      [null, ''],
      [1000, '1000'],
      [0.001, '0.001'],
      [1e21, '1e+21'],
      [-0.5, '-0.5'],
      [true, 'true'],
      [false, 'false'],
      [[1, 'a', null], '[1,"a",null]'],
      [{ a: { b: 1 } }, '{"a":{"b":1}}'],
    ];
    for (const [value, expected] of words) assert.equal(wordOf(value as never), expected);
  });

  it('is a flag by its name; a true boolean is bare, false and null are left out', () => {
    assert.deepEqual(
      flagWords({
        s: 'a b',
        'learning-rate': 0.1,
        on: true,
        off: false,
        none: null,
        empty: '',
        list: [1],
        text: 'true',
      }),
      ['--empty=', '--learning-rate=0.1', '--list=[1]', '--on', '--s=a b', '--text=true'],
    );
  });

  it('is in the order of names by code unit', () => {
    assert.deepEqual(flagWords({ b: 1, a: 1, B: 1, a1: 1, a_: 1, 'a-': 1 }), [
      '--B=1',
      '--a=1',
      '--a-=1',
      '--a1=1',
      '--a_=1',
      '--b=1',
    ]);
  });
});

describe('a command shown to people', () => {
  it('has variables where paths will stand, and quotes where words have spaces', () => {
    assert.equal(
      renderCommand({
        command: planCommand(['cat', '{{inputs.i}}', '{{outputs.o}}', '{{scratch}}', '{{parameters.p}}'], {
          p: 'a b',
        }),
        inputs: {},
        outputs: {},
      }),
      "cat $SAME_IN/i $SAME_OUT/o $SAME_SCRATCH 'a b'",
    );
  });

  it('has the paths that the manifest declares', () => {
    assert.equal(
      renderCommand({
        command: planCommand(['cp', '{{inputs.i}}', '{{outputs.o}}'], {}),
        inputs: { i: { from: { data: 'd' }, at: 'data/i.csv', mode: 'link' } },
        outputs: { o: { path: 'out/o.csv', kind: 'file' } },
      }),
      'cp data/i.csv out/o.csv',
    );
    assert.equal(
      renderCommand({ command: planCommand('cat {{inputs.i}} | wc', {}), inputs: {}, outputs: {} }),
      'cat $SAME_IN/i | wc',
    );
  });
});

describe('a word that many commands have', () => {
  it('comes to the values of each, and to the same places in all', () => {
    const run = ['{{parameters.a}}-{{outputs.o}}', '{{outputs.o}}', '{{flags}}', ''];
    const exec = (a: string) => planCommand(run, { a });
    assert.deepEqual(exec('1'), { exec: [['1-', { output: 'o' }], [{ output: 'o' }], ['--a=1'], []] });
    assert.deepEqual(exec('2'), { exec: [['2-', { output: 'o' }], [{ output: 'o' }], ['--a=2'], []] });
  });
});
