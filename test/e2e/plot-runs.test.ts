import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';
import { atTerminal } from './terminal.ts';

describe('curves of a figure', () => {
  let rig: Rig;
  let ids: string[];
  before(async () => {
    rig = openRig();
    const lines = [0, 1, 2, 3].map(
      (step) => `echo '{"step": ${step}, "loss": '"$SAME_PARAM_N.${9 - step}"', "lone": 1}'`,
    );
    rig.write({
      'study/same.yaml': manifest(
        `run: |\n  { ${lines.join('; ')}; } > metrics.jsonl`,
        'parameters: {n: {type: integer, default: 1}}',
      ),
      'taken.svg': 'mine',
    });
    for (const n of [1, 2]) assert.equal((await rig.same(['run', '-f', 'study', `--n=${n}`])).code, 0);
    ids = (await rig.same(['list', 'runs', '--json'])).json().items.map(({ id }: { id: string }) => id);
  });
  after(() => rig[Symbol.dispose]());

  it('are text with axes and a legend, told apart without colours by signs', async () => {
    const { code, stdout } = await rig.same(['plot', 'runs', ...ids, '--metric', 'loss']);
    assert.equal(code, 0);
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
    assert.match(stdout, /^loss\n/);
    assert.match(stdout, /[┤│]\*[\s\S]*[┤│]\+/);
    assert.match(stdout, /^ +0 +step +3$/m);
    for (const [index, sign] of ['\\*\\*', '\\+\\+'].entries())
      assert.match(
        stdout,
        new RegExp(
          `^  ${sign} ${ids[index]!.slice(-6)} n=${2 - index}  study:1\\.0  ${2 - index}\\.6 after 4 points$`,
          'm',
        ),
      );
    assert.doesNotMatch(stdout, /\u001b/);
    const one = await rig.same(['plot', 'runs', 'latest', '--metric', 'loss']);
    assert.match(one.stdout, /[\u2801-\u28ff]/);
  });

  it('are as wide as the terminal, in colours unless NO_COLOR is set', async () => {
    const words = ['plot', 'runs', ...ids, '--metric', 'loss'];
    const { written } = await atTerminal(rig, words, { columns: 50, rows: 40, env: { NO_COLOR: '' } });
    assert.match(written, /\u001b\[34m[\u2801-\u28ff]/);
    const plain = await atTerminal(rig, words, { columns: 50, rows: 40, env: { NO_COLOR: '1' } });
    assert.doesNotMatch(plain.written, /\u001b\[3/);
    assert.ok(plain.written.split('\r\n').every((line) => line.length <= 50));
  });

  it('are points in JSON, a picture and a page that need nothing else', async () => {
    const { curves, along } = (
      await rig.same(['plot', 'runs', ids[0]!, '--metric', 'loss', '--json'])
    ).json();
    assert.equal(along, 'step');
    assert.deepEqual(curves, [
      {
        run: ids[0],
        program: 'study:1.0',
        points: [
          [0, 2.9],
          [1, 2.8],
          [2, 2.7],
          [3, 2.6],
        ],
      },
    ]);
    for (const file of ['loss.svg', 'loss.html']) {
      const { stdout } = await rig.same(['plot', 'runs', ...ids, '--metric', 'loss', '-o', file]);
      assert.equal(stdout, `wrote ${file}\n`);
      const text = readFileSync(rig.path(file), 'utf8');
      assert.equal(text.match(/<path d="M[0-9. L]+" fill="none" stroke="#/g)!.length, 2);
      assert.match(text, /<title id="title">loss by step<\/title>/);
      assert.doesNotMatch(text, /<script|href=|url\(|@import/);
      assert.deepEqual(text.match(/https?:[^"]*/g), ['http://www.w3.org/2000/svg']);
    }
    rig.write({ 'paper/same.yaml': 'a program' });
    const into = async (file: string) =>
      (await rig.same(['plot', 'runs', ids[0]!, '--metric', 'loss', '-o', file])).stderr;
    assert.match(
      await into('paper/loss.svg'),
      /paper\/loss\.svg is in the folder of a program .*files\.exclude/,
    );
    assert.doesNotMatch(await into('elsewhere.svg'), /the folder of a program/);
  });

  it('of runs that came along are not here, which is said as it is', async () => {
    const words = ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'all.tgz'];
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
    assert.equal((await rig.same(words)).code, 0);
    const env = { SAME_HOME: rig.path('other') };
    assert.equal((await rig.same(['create', '-f', 'all.tgz'], { env })).code, 0);
    const { code, stderr } = await rig.same(['plot', 'runs', ids[0]!, '--metric', 'loss'], { env });
    assert.equal(code, 2);
    assert.match(stderr, /no series of "loss" is here: of runs that came along the records travelled/);
    assert.match(stderr, /same run program study:1\.0/);
    assert.doesNotMatch(stderr, /series here|did you mean/);
  });

  it('of which there are none are refused, and what is near is named', async () => {
    const { code, stderr } = await rig.same(['plot', 'runs', ...ids, '--metric', 'los']);
    assert.equal(code, 2);
    assert.match(stderr, /none of these runs has a series of "los" here .*did you mean loss\?/);
    for (const [more, wanted] of [
      [['-o', 'loss.png'], { code: 'SAME1902', exit: 2, message: /FILE\.svg or FILE\.html/ }],
      [['-o', 'nowhere/x.svg'], { code: 'SAME1902', exit: 2, message: /no folder/, hint: /mkdir -p/ }],
      [['-o', 'taken.svg'], { code: 'SAME1403', exit: 4, hint: /--force/ }],
      [['--force'], { code: 'SAME1902', exit: 2, message: /--force has nothing to do/ }],
    ] as const)
      await assertRefused(rig, ['plot', 'runs', ids[0]!, '--metric', 'loss', ...more], wanted);
    assert.equal(existsSync(rig.path('nowhere')), false);
    const forced = ['plot', 'runs', ids[0]!, '--metric', 'lone', '-o', 'taken.svg', '--force'];
    assert.equal((await rig.same(forced)).code, 0);
    assert.match(readFileSync(rig.path('taken.svg'), 'utf8'), /^<svg /);
  });
});
