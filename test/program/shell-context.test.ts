import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planCommand } from '../../src/pipeline/command.ts';
import { parseManifest } from '../../src/program/manifest.ts';
import { unsafePlaces } from '../../src/program/shell-context.ts';

const X = '{{parameters.x}}';

describe('places in a shell text', () => {
  for (const text of [
    X,
    `echo ${X}`,
    `echo --a=${X} b`,
    `printf %s ${X} | tr a b && echo "done"`,
    `echo "$(cat ${X})"`,
    `for i in ${X}; do echo "$i"; done`,
    `(cd a; echo ${X}) > {{outputs.o}}`,
    `echo 'a' ${X} "b" # a comment`,
    `case a in a) echo ${X};; esac`,
    `cat <<< ${X}`,
    `echo a#${X}`,
  ]) {
    it(`may stand in ${text}`, () => assert.deepEqual(unsafePlaces(text), []));
  }

  for (const [text, where] of [
    [`echo '${X}'`, 'inside single quotes'],
    [`echo "v=${X}"`, 'inside double quotes'],
    [`echo "$(echo "${X}")"`, 'inside double quotes'],
    [`echo \\${X}`, 'right after \\'],
    [`echo $${X}`, 'inside ${…}'],
    [`echo \${a:-${X}}`, 'inside ${…}'],
    [`echo \`echo ${X}\``, 'inside backquotes'],
    [`echo $((${X} + 1))`, 'inside arithmetic'],
    [`echo a # ${X}`, 'inside a comment'],
    [`cat <<EOF\n${X}\nEOF`, 'after the start of a here-document'],
    [`echo $'a' ${X}`, "after $'…'"],
  ] as const) {
    it(`may not stand ${where}: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(unsafePlaces(text)[0]?.where, where);
    });
  }

  it('never become syntax where they may stand, in sh and in bash', () => {
    const fragments = [
      'echo ',
      X,
      ' ',
      '"a"',
      "'b'",
      '; ',
      '$(echo ',
      ')',
      '"',
      "'",
      '\\',
      '#',
      '\n',
      '(',
      '$',
      'x',
    ];
    const evil = "a';touch INJECTED;'$(touch INJECTED)`touch INJECTED`\ntouch INJECTED\n\"\\";
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...fragments), { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        fc.pre(text.includes(X) && unsafePlaces(text).length === 0);
        const { shell } = planCommand(text, { x: evil }) as { shell: string[] };
        for (const name of ['sh', 'bash']) {
          // A touch that tells on itself stands in for the real one.
          const { stderr, stdout } = spawnSync(name, [
            '-c',
            `touch() { echo "RAN"; echo "RAN" >&2; exit 99; }\n${shell.join('')}`,
          ]);
          assert.ok(!/^RAN$/m.test(stderr.toString()) && !/^RAN$/m.test(stdout.toString()), shell.join(''));
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('places in a list', () => {
  const codes = (run: string[]) =>
    parseManifest(
      Buffer.from(
        JSON.stringify({
          apiVersion: 'same/v1',
          kind: 'Program',
          metadata: { name: 'p', version: '1.0' },
          parameters: { x: { type: 'string', default: '' } },
          pipeline: { steps: { a: { run } } },
        }),
      ),
      'same.yaml',
    ).findings.map(({ code }) => code);

  it('may not be the command of a shell', () => {
    assert.deepEqual(codes(['sh', '-c', `echo ${X}`]), ['SAME1010']);
    assert.deepEqual(codes(['env', 'A=b', '/bin/bash', '-ec', X]), ['SAME1010']);
  });

  it('may be an argument of a shell command', () => {
    assert.deepEqual(codes(['sh', '-c', 'echo "$1"', 'sh', X]), []);
  });

  it('may not be flags inside a longer word', () => {
    assert.deepEqual(codes(['echo', 'a{{flags}}']), ['SAME1010']);
    assert.deepEqual(codes(['echo', '{{ flags }}']), []);
  });
});
