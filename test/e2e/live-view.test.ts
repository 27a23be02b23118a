import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { columnsOf } from '../../src/cli/render/columns.ts';
import { openRig, type Rig } from './rig.ts';
import { atTerminal, screenOf, type Terminal } from './terminal.ts';

const VIEW = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|waiting:|running [0-9]/;

/** What each frame drew, the lines of it. */
function framesOf(written: string): string[][] {
  return written.split('\u001b[?25h').map((frame) =>
    frame
      .slice(frame.lastIndexOf('\u001b[J') + '\u001b[J'.length)
      .replace(/\r$/, '')
      .split(/\r?\n/),
  );
}

describe('the live view of a run', () => {
  let rig: Rig;
  let go: string;
  before(async () => {
    rig = openRig();
    go = rig.path('go');
    const waits = `until test -e ${go}; do sleep 0.05; done`;
    rig.write({
      'study/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters:
  bad: {type: integer, default: 1}
pipeline:
  steps:
    prepare:
      run: "echo 1 > {{outputs.data}}"
      parameters: []
      outputs: {data: {}}
    train:
      matrix: {seed: [0, 1, 2]}
      parallel: 2
      inputs: {data: {from: prepare.data}}
      outputs: {model: {}}
      run: |
        echo this is seed {{matrix.seed}}; ${waits}
        test {{matrix.seed}} != {{parameters.bad}} || exit 3
        echo 1 > {{outputs.model}}
    report:
      inputs: {models: {from: train.model, cells: all}}
      run: "ls {{inputs.models}}"
`,
      'deaf/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: deaf, version: "1.0"}
pipeline:
  steps:
    main: {run: "trap '' TERM; echo deaf; while :; do sleep 0.1; done"}
`,
    });
    for (const name of ['study', 'deaf']) {
      const { code, stderr } = await rig.same(['create', '-f', name]);
      assert.equal(code, 0, stderr);
    }
  });
  after(() => rig[Symbol.dispose]());
  afterEach(() => rmSync(go, { force: true }));

  const run = (words: string[], terminal: Partial<Terminal> = {}) =>
    atTerminal(rig, ['run', ...words], { columns: 100, rows: 30, ...terminal });

  it('is drawn in place and gone at the end, which holds what came of each step', {
    timeout: 120_000,
  }, async () => {
    const first = await run(['study', '--bad=9', '-j', '2'], {
      acts: [{ at: 'waiting: train.2', touch: go }],
    });
    assert.equal(first.code, 0, first.written);
    rmSync(go);
    const { written, code } = await run(['study', '-j', '2', '--keep-going'], {
      acts: [{ at: 'this is seed 0' }, { at: 'waiting: train.2 (its turn), report (3 of train)', touch: go }],
    });
    assert.equal(code, 1);
    assert.match(written, /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] train\.0 \(seed=0\) {2}[0-9.]+ s.* {2}(\u001b\[2m)?this is seed 0/);
    assert.match(written, /reused 1 · running 2 · waiting 2 · [0-9.]+ s/);
    const { rows, cursorVisible } = screenOf(written, 100);
    assert.equal(cursorVisible, true);
    const text = rows.join('\n');
    assert.doesNotMatch(text, VIEW);
    assert.match(rows[0]!, /^run [0-9a-f-]{36}$/);
    assert.match(rows[1]!, /^= prepare reused from run [0-9a-f]{12}$/);
    const ended = rows.slice(2, 5).sort();
    assert.match(ended[0]!, /^✓ train\.0 \(seed=0\) in /);
    assert.match(ended[1]!, /^✓ train\.2 \(seed=2\) in /);
    assert.match(ended[2]!, /^✗ train\.1 \(seed=1\) failed \(exit 3\) in /);
    assert.match(rows[5]!, /^- report skipped: step train\.1 did not succeed$/);
    assert.match(text, /\n {2}5 steps: 1 reused, 2 ran, 1 failed, 1 skipped\n/);
    assert.match(text, /\nlast lines of step train\.1:\n {2}this is seed 1\nSAME1601 /);
  });

  it('follows the size of its terminal', { timeout: 120_000 }, async () => {
    const { written, code } = await run(['study', '--bad=8', '-j', '2'], {
      columns: 200,
      acts: [
        { at: 'report (3 of train)', size: [30, 4] },
        { at: '  2 running', touch: go },
      ],
      env: { NO_COLOR: '1' },
    });
    assert.equal(code, 0, written);
    const narrow = framesOf(written).find((lines) => lines.includes('  2 running'));
    assert.equal(narrow?.length, 3);
    for (const line of narrow!) assert.ok(columnsOf(line) < 30, line);
    assert.doesNotMatch(written, /\u001b\[[0-9;]*m/, 'NO_COLOR');
  });

  it('leaves a terminal to work with after Ctrl-C, and after a second one', {
    timeout: 120_000,
  }, async () => {
    const { written, code } = await run(['deaf'], {
      acts: [
        { at: 'deaf', keys: '\u0003' },
        { at: 'stopping; once more to kill at once', keys: '\u0003' },
      ],
    });
    assert.equal(code, 130, written);
    const { rows, cursorVisible } = screenOf(written, 100);
    assert.equal(cursorVisible, true);
    assert.doesNotMatch(rows.join('\n'), VIEW);
    assert.match(rows.join('\n'), /\n(\^C)?stopping; once more to kill at once\n(.*\n)*✗ main canceled/);
  });

  const without: [where: string, env: Record<string, string>][] = [
    ['on a dumb terminal', { TERM: 'dumb' }],
    ['in CI', { CI: 'true' }],
  ];
  for (const [where, env] of without) {
    it(`is not there ${where}, but whole lines`, { timeout: 120_000 }, async () => {
      const { written, code } = await run(['study', '--bad=7', '--no-cache'], {
        env,
        acts: [{ at: 'step train.0 started', touch: go }],
      });
      assert.equal(code, 0, written);
      assert.doesNotMatch(written, VIEW);
      assert.doesNotMatch(written, /\u001b\[(\?|[0-9]*[AJK])/);
      assert.match(written, /^step train\.2 succeeded in [0-9.]+ s\r$/m);
    });
  }

  it('is not there with --quiet', { timeout: 120_000 }, async () => {
    rig.write({ go: '' });
    assert.ok(existsSync(go));
    const { written, code } = await run(['study', '--bad=6', '--quiet', '--json']);
    assert.equal(code, 0, written);
    assert.equal(JSON.parse(written).kind, 'Run');
  });
});
