import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SHIM_BYTES, shimText } from '../../src/engines/shim.ts';
import { type ScriptCell, stepScript } from '../../src/engines/step-script.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Program, Step } from '../../src/program/schema.ts';
import { processesOf } from '../components/processes.ts';

const home = mkdtempSync(join(tmpdir(), 'same-shim-'));
const shim = join(home, 'shim.sh');
writeFileSync(shim, shimText());
after(() => rmSync(home, { recursive: true, force: true }));

/** What nothing on the way to the command may interpret. */
const NASTY = [
  '{{x}}',
  '{{inputs.parameters.i}} {{=1+1}} {{item}}',
  '$(VAR)',
  '$$(VAR) $$ $HOME ${PATH}',
  '$(params.x) $(context.taskRun.name) $(echo hello)',
  '`echo hello`',
  "it's 'quoted' ''",
  'a "quoted" \\"word\\"',
  'two\nlines\n\nand an end\n',
  '\ttab\r return',
  'ünïcödé 日本 😀 \u2028 \u0085 \ufeff',
  'back\\slash \\n \\\\ \\',
  '--',
  '-n',
  '--flag=-x',
  '',
  ' ',
  '*',
  '[a-z]? ~ !! # & ; | < >',
  '%s %d %%',
  '\u0001\u001b[31m\u007f',
];

interface Exit {
  ok: boolean;
  exit: number;
  again: boolean;
  timeout: boolean;
  stopped: boolean;
  attempt: number;
  error: string;
  missing: string;
}

/** A directory of an attempt with the script of a step in it. */
function attempt(
  step: Step,
  {
    parameters = {},
    cells,
    ...given
  }: { parameters?: JsonObject; cells?: ScriptCell[] } & Partial<{
    variables: Record<string, string>;
    gpus: number;
    code: string;
  }> = {},
): string {
  const root = mkdtempSync(join(home, 'attempt-'));
  const planned = planStep('train', 'steps', step, parameters, { resources: {} } as Program);
  writeFileSync(
    join(root, 'step.sh'),
    stepScript({
      step: planned,
      cells: cells ?? planned.cells.map(({ name, matrix }) => ({ name, matrix, inputs: {} })),
      runId: '0123456789ab',
      root,
      variables: {},
      gpus: 0,
      ...given,
    }),
  );
  return root;
}

for (const shell of ['dash', 'bash', 'busybox sh']) {
  const [command, ...words] = shell.split(' ') as [string, ...string[]];

  const start = (root: string, variables: Record<string, string> = {}): ChildProcess =>
    spawn(command, [...words, shim], {
      env: {
        PATH: process.env.PATH,
        SAME_DIR: root,
        SAME_STEP_FILE: join(root, 'step.sh'),
        SECRET_OF_CALLER: 'x',
        ...variables,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const run = async (root: string, variables: Record<string, string> = {}) => {
    const child = start(root, variables);
    return ended(root, child);
  };

  describe(`the shim in ${shell}`, { concurrency: 2 }, () => {
    it('gives every argument of a list to the command as it is', async () => {
      const print = `process.stdout.write(JSON.stringify(process.argv.slice(1)))`;
      const root = attempt({
        run: [process.execPath, '-e', print, '--', ...NASTY.filter((word) => !word.includes('{{'))],
      });
      const { stdout, code } = await run(root);
      assert.equal(code, 0);
      assert.deepEqual(
        JSON.parse(stdout),
        NASTY.filter((word) => !word.includes('{{')),
      );
    });

    it('gives values of parameters and cells to commands, variables and the parameters file as they are', async () => {
      const parameters = Object.fromEntries(NASTY.map((value, number) => [`p${number}`, value]));
      const matrix = Object.fromEntries(NASTY.map((value, number) => [`m${number}`, value]));
      const print = `const given = require('fs').readFileSync(process.env.SAME_PARAMS, 'utf8');
        const variables = (prefix) => process.argv.slice(1).map((_, n) => process.env[prefix + n]).filter((x) => x !== undefined);
        process.stdout.write(JSON.stringify([process.argv.slice(1), JSON.parse(given), variables('SAME_PARAM_P'), variables('SAME_MATRIX_M')]))`;
      const words = NASTY.flatMap((_, number) => [`p={{parameters.p${number}}}`, `{{matrix.m${number}}}`]);
      const root = attempt(
        {
          run: [process.execPath, '-e', print, '--', ...words],
          matrix: Object.fromEntries(Object.entries(matrix).map(([name, value]) => [name, [value]])),
        },
        { parameters: { ...parameters, n: 3, list: [1, NASTY[0]!], none: null } },
      );
      assert.deepEqual(JSON.parse((await run(root)).stdout), [
        NASTY.flatMap((value) => [`p=${value}`, value]),
        { ...parameters, n: 3, list: [1, NASTY[0]], none: null },
        NASTY,
        NASTY,
      ]);
    });

    it('gives values to a string for a shell as one word each', async () => {
      const parameters = Object.fromEntries(NASTY.map((value, number) => [`p${number}`, value]));
      const words = NASTY.map((_, number) => `{{parameters.p${number}}} {{matrix.m${number}}}`);
      const root = attempt(
        {
          run: `printf '[%s]' ${words.join(' ')} "it's"`,
          matrix: Object.fromEntries(NASTY.map((value, number) => [`m${number}`, [value]])),
        },
        { parameters },
      );
      assert.equal(
        (await run(root)).stdout,
        `${NASTY.map((value) => `[${value}][${value}]`).join('')}[it's]`,
      );
    });

    it('takes an argument as long as the system does', async () => {
      const long = 'x'.repeat(120_000);
      const root = attempt({ run: ['sh', '-c', 'echo ${#1}', 'sh', long] });
      assert.equal((await run(root)).stdout, '120000\n');
    });

    it('takes its step from a variable in base64 too', async () => {
      const root = attempt({ run: ['echo', 'ünï $(X)'] });
      const text = readFileSync(join(root, 'step.sh')).toString('base64');
      const { stdout } = await run(root, { SAME_STEP_FILE: '', SAME_STEP_B64: text });
      assert.equal(stdout, 'ünï $(X)\n');
    });

    it('shows a step the variables of the contract and none of its own or of the cluster', async () => {
      const root = attempt(
        { run: ['env'], matrix: { seed: [7] } },
        { parameters: { 'l-r': 0.5 }, variables: { OMP_NUM_THREADS: '1' }, gpus: 2 },
      );
      const { stdout } = await run(root, { KUBERNETES_SERVICE_HOST: '10.0.0.1', JOB_COMPLETION_INDEX: '0' });
      const seen = Object.fromEntries(
        stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(/=(.*)/s, 2)),
      );
      for (const name of ['PWD', 'OLDPWD', 'SHLVL', '_', 'PATH', 'SECRET_OF_CALLER']) delete seen[name];
      assert.deepEqual(seen, {
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        OMP_NUM_THREADS: '1',
        CUDA_VISIBLE_DEVICES: '0,1',
        SAME_GPUS: '0,1',
        SAME_PARAM_L_R: '0.5',
        SAME_MATRIX_SEED: '7',
        HOME: `${root}/home`,
        TMPDIR: `${root}/tmp`,
        SAME_PARAMS: `${root}/params.json`,
        SAME_IN: `${root}/in`,
        SAME_OUT: `${root}/out`,
        SAME_SCRATCH: `${root}/scratch`,
        SAME_RUN_ID: '0123456789ab',
        SAME_STEP: 'train.0',
        SAME_ATTEMPT: '1',
      });
    });

    it('ends with the code of the command, and 128 and its number for a signal', async () => {
      for (const [script, code] of [
        ['exit 7', 7],
        ['kill -SEGV $$', 139],
        ['exit 0', 0],
      ] as const) {
        const { code: found, exit } = await run(attempt({ run: ['sh', '-c', script] }));
        assert.equal(found, code);
        assert.equal(exit.exit, code);
        assert.equal(exit.ok, code === 0);
      }
    });

    it('keeps outputs under their names, reports, and standard output and error apart', async () => {
      const root = attempt({
        run: `echo out; echo err >&2; mkdir -p m; echo 1 > m/a; echo 2 > "$SAME_OUT/plain"; echo '{"loss":1}' > metrics.json`,
        outputs: { model: { path: 'm/' }, plain: {} },
      });
      const { stdout, stderr, exit, kept } = await run(root);
      assert.deepEqual([stdout, stderr, exit.ok], ['out\n', 'err\n', true]);
      assert.deepEqual(['.same/stdout', '.same/stderr', 'model/a', 'plain', '.same/metrics.json'].map(kept), [
        'out\n',
        'err\n',
        '1\n',
        '2\n',
        '{"loss":1}\n',
      ]);
    });

    it('fails a step that lacks an output, and keeps nothing for others to read of one that failed', async () => {
      const lacking = await run(attempt({ run: ['true'], outputs: { a: {}, b: { path: 'x/y' } } }));
      assert.deepEqual(
        [lacking.code, lacking.exit.ok, lacking.exit.error, lacking.exit.missing],
        [125, false, 'SAME1603', 'a b'],
      );
      assert.match(lacking.stderr, /no output a\n.*no output b/);
      const root = attempt({ run: 'echo 1 > "$SAME_OUT/a"; exit 3', outputs: { a: {} } });
      const failed = await run(root);
      assert.equal(failed.code, 3);
      assert.ok(!existsSync(join(root, 'keep/a')));
    });

    it('refuses an output that is a link or a pipe', async () => {
      for (const make of ['ln -s /etc/passwd', 'mkfifo']) {
        const { code, exit } = await run(attempt({ run: `${make} "$SAME_OUT/a"`, outputs: { a: {} } }));
        assert.deepEqual([code, exit.error], [125, 'SAME1611']);
      }
    });

    it('puts inputs into their places, and starts nothing without one', async () => {
      const step: Step = {
        run: ['sh', '-c', 'cat "$SAME_IN/x" data/l/f "$SAME_IN/all/1"'],
        inputs: { x: { from: 'prep.f' }, l: { data: 'd', at: 'data/l' }, all: { from: 'many.o' } },
      };
      const inputs = (root: string): ScriptCell['inputs'] => ({
        x: { sources: [{ source: { step: 'prep', slot: 0, output: 'f' } }] },
        l: { sources: [{ source: { archive: join(root, 'l.tgz') } }] },
        all: { sources: [{ entry: '1', source: { step: 'many', slot: 1, output: 'o' } }] },
      });
      const there = (root: string, name: string, slot: number, output: string, ok = true) => {
        mkdirSync(join(root, 'from', name, `${slot}`, '.same'), { recursive: true });
        writeFileSync(join(root, 'from', name, `${slot}`, '.same/exit.json'), `{"v":1,"ok":${ok}}\n`);
        writeFileSync(join(root, 'from', name, `${slot}`, output), `${name}\n`);
      };
      const made = mkdtempSync(join(home, 'given-'));
      const cells = [{ name: 'train', matrix: {}, inputs: inputs(made) }];
      mkdirSync(join(made, 'content'));
      writeFileSync(join(made, 'content/f'), 'data\n');
      execFileSync('tar', ['-czf', 'l.tgz', 'content'], { cwd: made });
      const root = attempt(step, { cells });
      there(root, 'prep', 0, 'f');
      there(root, 'many', 1, 'o');
      assert.equal((await run(root)).stdout, 'prep\ndata\nmany\n');
      for (const ok of [undefined, false]) {
        const other = attempt(step, { cells });
        there(other, 'prep', 0, 'f');
        if (ok !== undefined) there(other, 'many', 1, 'o', ok);
        const { code, exit, stderr, stdout } = await run(other);
        assert.deepEqual([code, exit.error, exit.ok, stdout], [125, 'SAME1305', false, '']);
        assert.match(stderr, /step many \(1\) has not succeeded/);
      }
    });

    it('is told the cell by its number, and refuses one that is not there', async () => {
      const root = attempt({ run: ['echo', '{{matrix.a}}'], matrix: { a: ['x', 'y'] } });
      assert.equal((await run(root, { SAME_CELL: '1' })).stdout, 'y\n');
      const { code, stderr } = await run(root, { SAME_CELL: '2' });
      assert.equal(code, 125);
      assert.match(stderr, /no cell 2/);
    });

    it('says of a command that is not there, or of a script that is none, that it cannot start', async () => {
      const missing = await run(attempt({ run: ['no-such-command-x'] }));
      assert.deepEqual([missing.code, missing.exit.error], [125, 'SAME1610']);
      const root = attempt({ run: ['true'] });
      const { code } = await run(root, { SAME_STEP_FILE: '', SAME_STEP_B64: '!!!' });
      assert.equal(code, 125);
      const bad = attempt({ run: ['true'] });
      for (const [file, text] of [
        [join(bad, 'no-such-file'), ''],
        ['', Buffer.from('if').toString('base64')],
      ] as const) {
        const { exit } = await run(bad, { SAME_STEP_FILE: file, SAME_STEP_B64: text });
        assert.deepEqual([exit.exit, exit.error], [125, 'SAME1610']);
      }
    });

    it('sends TERM to the whole step at its timeout, KILL after the grace, and ends with 124', async () => {
      const root = attempt({
        run: 'trap "" TERM; sleep 60 & echo $! >"$SAME_OUT/pid"; while :; do sleep 1; done',
        timeout: '1s',
      });
      const { code, exit } = await run(root, { SAME_GRACE: '1' });
      assert.deepEqual([code, exit.timeout, exit.ok, exit.again], [124, true, false, false]);
      assert.ok(await isGone(Number(readFileSync(join(root, 'out/pid'), 'utf8'))));
    });

    it('hands TERM on to the step, waits for its end, and keeps what it said last', async () => {
      const root = attempt({
        run: ['sh', '-c', 'trap "echo bye; exit 3" TERM; echo ready; sleep 60 & wait'],
      });
      const child = start(root);
      await once(child.stdout!, 'data');
      child.kill('SIGTERM');
      const { code, exit, kept } = await ended(root, child);
      assert.deepEqual([code, exit.stopped, exit.ok], [3, true, false]);
      assert.equal(kept('.same/stdout'), 'ready\nbye\n');
    });

    it('ends with no success where it was stopped, whatever the command made of it', async () => {
      const root = attempt({
        run: ['sh', '-c', 'trap "exit 0" TERM; echo ready; sleep 60 & wait'],
        outputs: { a: {} },
      });
      const child = start(root);
      await once(child.stdout!, 'data');
      child.kill('SIGTERM');
      const { code, exit } = await ended(root, child);
      assert.deepEqual([code, exit.exit, exit.stopped, exit.ok, exit.again], [143, 143, true, false, true]);
    });

    it('waits for no output of what left the group of the command', async () => {
      const root = attempt({
        run: 'setsid sh -c \'echo $$ >"$SAME_OUT/pid"; exec sleep 60\' & until [ -s "$SAME_OUT/pid" ]; do :; done; echo done',
        outputs: { pid: {} },
      });
      const { code, kept } = await run(root, { SAME_GRACE: '1' });
      const pid = Number(kept('pid'));
      try {
        assert.deepEqual([code, kept('.same/stdout')], [0, 'done\n']);
        assert.ok(existsSync(`/proc/${pid}`));
      } finally {
        process.kill(pid);
      }
    });

    it('leaves nothing of its own running', async () => {
      const grace = `SAME_GRACE=${4_000_000 + process.pid}`;
      const root = attempt({ run: ['true'] });
      assert.equal((await run(root, { SAME_GRACE: grace.slice('SAME_GRACE='.length) })).code, 0);
      const until = Date.now() + 5000;
      while (processesOf((variables) => variables.includes(grace)).length > 0)
        assert.ok(Date.now() < until, 'it waits for its grace to end');
    });

    it('kills what the command left running', async () => {
      const root = attempt({ run: ['sh', '-c', 'sleep 60 >/dev/null 2>&1 & echo $! >"$SAME_OUT/pid"'] });
      assert.equal((await run(root)).code, 0);
      assert.ok(await isGone(Number(readFileSync(join(root, 'out/pid'), 'utf8'))));
    });

    it('says whether another attempt may help, and repeats an end that is final', async () => {
      const root = attempt({ run: 'echo run; exit $(($SAME_ATTEMPT + 4))', retries: { max: 2, codes: [5] } });
      const first = await run(root);
      assert.deepEqual([first.code, first.exit.again], [5, true]);
      const second = await run(root, { SAME_RETRIES: '1' });
      assert.deepEqual(
        [second.code, second.exit.again, second.exit.attempt, second.stdout],
        [6, false, 2, 'run\n'],
      );
      const third = await run(root, { SAME_RETRIES: '2' });
      assert.deepEqual([third.code, third.stdout], [6, '']);
    });

    it('copies its last word to where an engine reads it', async () => {
      const root = attempt({ run: ['sh', '-c', 'exit 4'] });
      const copy = join(root, 'copy');
      const { exit } = await run(root, { SAME_EXIT_COPY: copy });
      assert.deepEqual(JSON.parse(readFileSync(copy, 'utf8')), exit);
    });
  });
}

describe('the shim', () => {
  it('is to warn of a lacking bash only where a pipe could hide a failure', () => {
    const warns = (run: string) =>
      readFileSync(join(attempt({ run }, { parameters: { sign: 'a|b' } }), 'step.sh'), 'utf8').includes(
        'there is no bash',
      );
    assert.deepEqual(['make | sort', 'make || true', 'make {{parameters.sign}}'].map(warns), [
      true,
      false,
      false,
    ]);
  });

  it('is small enough to travel in a variable', () => {
    assert.ok(Buffer.byteLength(shimText()) <= SHIM_BYTES);
  });
});

async function ended(root: string, child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  const kept = (path: string) => readFileSync(join(root, 'keep', path), 'utf8');
  const exit = JSON.parse(kept('.same/exit.json')) as Exit;
  return { code, stdout, stderr, exit, kept };
}

/** Whether a process has ended, be it that nobody has asked for its end. */
async function isGone(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 100; turn++) {
    let state: string | undefined;
    try {
      state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
    } catch {
      return true;
    }
    if (state === 'Z') return true;
    await new Promise((done) => setImmediate(done));
  }
  return false;
}
