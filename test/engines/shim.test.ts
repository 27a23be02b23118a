import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SHIM_BYTES, shimText } from '../../src/engines/shim.ts';
import type { ScriptCell } from '../../src/engines/step-script.ts';
import type { Step } from '../../src/program/schema.ts';
import { attempt, home, shims } from './shim-lab.ts';

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

for (const [shell, { run }] of shims) {
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
      // Bash sets the first two of whatever it starts.
      for (const name of ['_', 'SHLVL', 'PATH', 'SECRET_OF_CALLER']) delete seen[name];
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

    it('hands variables and secrets on that are called like its own, and only to the step', async () => {
      const declared = {
        B: 'own b',
        O: "it's",
        R: 'x y',
        e: '1',
        p: '2',
        TAR_OPTIONS: '--no',
        IFS: 'x',
        BASH_ENV: '/no',
      };
      const root = attempt(
        { run: ['env'], secrets: ['K', 'M', 'n', 'q', 'HOSTNAME', 'PS4', 'EMPTY', 'UNSET'] },
        { variables: declared },
      );
      const told = { K: '/k', M: '/m', n: '7 8', q: '3', HOSTNAME: 'h', PS4: '+', EMPTY: '' };
      const { code, stdout, stderr } = await run(
        root,
        Object.fromEntries(Object.entries(told).map(([name, value]) => [`SAME_SECRET_${name}`, value])),
      );
      assert.deepEqual([code, stderr], [0, '']);
      const seen = stdout.split('\n');
      for (const [name, value] of Object.entries({ ...declared, ...told }))
        assert.ok(seen.includes(`${name}=${value}`), `${name}: ${stdout}`);
      assert.doesNotMatch(stdout, /UNSET|SAME_SECRET/);
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

    it('refuses what stands at the path of a report and is none, and one that is elsewhere', async () => {
      const outside = mkdtempSync(join(home, 'outside-'));
      for (const [script, error] of [
        ['mkdir metrics.json', 'SAME1611'],
        ['ln -s m metrics.jsonl', 'SAME1611'],
        [`echo {} > ${outside}/metrics.json; cd ..; rmdir d; ln -s ${outside} d`, 'SAME1604'],
        ['rmdir ../d', ''],
      ] as const) {
        const root = attempt({ run: ['sh', '-c', script], workdir: 'd' });
        const { exit } = await run(root);
        assert.deepEqual([exit.error, exit.ok], [error, error === ''], script);
      }
    });

    it('keeps figures of a command that failed, and nothing else, where somebody reads them', async () => {
      const step: Step = {
        run: 'for f in a b; do echo {} > "$SAME_OUT/$f"; done; ln -s b "$SAME_OUT/c"; echo {} > d; exit 3',
        outputs: {
          a: { kind: 'metrics' },
          b: {},
          c: { kind: 'metrics' },
          d: { kind: 'metrics', path: './d' },
        },
      };
      for (const [known, names] of [
        [[], ['a', 'd']],
        [undefined, []],
      ] as const) {
        const root = attempt(step, known ? { known } : {});
        assert.equal((await run(root)).code, 3);
        assert.deepEqual(readdirSync(join(root, 'keep')).sort(), ['.same', ...names]);
      }
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

  it('says of a lacking bash in a file too, for who does not see what it prints', async () => {
    const commands = mkdtempSync(join(home, 'commands-'));
    for (const name of ['dash', 'sh', 'mkdir', 'mv', 'rm', 'cat', 'date', 'sleep'])
      symlinkSync(
        execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
        join(commands, name),
      );
    const [, { run }] = shims[0]!;
    const lacking = await run(attempt({ run: 'echo a | cat' }), { PATH: commands });
    assert.deepEqual([lacking.code, lacking.kept('.same/no-bash')], [0, '']);
    const having = await run(attempt({ run: 'echo a | cat' }));
    assert.throws(() => having.kept('.same/no-bash'), { code: 'ENOENT' });
  });

  it('is small enough to travel in a variable', () => {
    assert.ok(Buffer.byteLength(shimText()) <= SHIM_BYTES);
  });
});
