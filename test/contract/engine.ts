import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isAlive as isAliveHere, until } from '../components/facts.ts';
import { cellsContract } from './cells.ts';
import { parallelContract } from './parallel.ts';
import { type OpenEngine, type Ran, runFixture } from './workbench.ts';

/** A manifest of one step called `main`, its fields in flow style lines. */
function oneStep(fields: string, rest = ''): string {
  return `${rest}\npipeline:\n  steps:\n    main:\n${fields.trim().replace(/^/gm, '      ')}\n`;
}

/** A manifest of one step that runs `attack.sh` and reads what `make` wrote, two files. */
function attackOn(output: string, input: string, extra = ''): string {
  return `
pipeline:
  steps:
    make:
      run: ${JSON.stringify(output)}
      outputs: {x: {}}
    attack:
      run: [sh, attack.sh, "{{inputs.x}}"]
      inputs: {x: {from: make.x${input}}}
      outputs: {done: {}}
      ${extra}
`;
}

const succeeded = (ran: Ran): void => {
  assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
  assert.deepEqual(ran.problems, []);
};

const failedWith = (ran: Ran, ...codes: string[]): void => {
  assert.equal(ran.record.status, 'failed');
  assert.deepEqual(ran.codes, codes, JSON.stringify(ran.problems));
  assert.equal(ran.record.error?.code, codes[0]);
};

/** In what an engine differs from others though it keeps the contract. */
export interface EngineTraits {
  /** What stands in manifests for `system: true`. */
  environment?(): string;
  /** Steps cannot write where they may not, instead of being found out. */
  isClosed?: boolean;
  /** Whether a process lives, by the number that a step knows it by. */
  isAlive?(pid: number): boolean;
  /** Steps are given no GPUs. */
  hasNoGpus?: boolean;
  /** Of an end by signal n, which the engine did not send, it knows no more than 128 + n. */
  codesSignals?: boolean;
  /** Variables that steps have beside those of the contract. */
  variables?: string[];
}

/** What every engine does with the same fixture programs (spec chapter step-contract). */
export function engineContract(name: string, open: OpenEngine, traits: EngineTraits = {}): void {
  const run = (fixture: Parameters<typeof runFixture>[1]) =>
    runFixture(open, fixture, traits.environment?.());
  // Where a step cannot do what it must not, it fails by itself; elsewhere the engine finds what it did.
  const [changed, strayed] = traits.isClosed
    ? (['SAME1601', 'SAME1601'] as const)
    : (['SAME1605', 'SAME1604'] as const);

  parallelContract(name, run, traits);
  const isAlive = traits.isAlive ?? isAliveHere;
  cellsContract(name, run);

  describe(`engine ${name}: order and artifacts`, () => {
    it('runs a chain in order and hands each output on', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    c: {run: 'cat {{inputs.b}} > {{outputs.c}}; echo c >> {{outputs.c}}', inputs: {b: {from: b.b}}, outputs: {c: {}}}
    b: {run: 'cat {{inputs.a}} > {{outputs.b}}; echo b >> {{outputs.b}}', inputs: {a: {from: a.a}}, outputs: {b: {path: b.txt}}}
    a: {run: 'echo a > {{outputs.a}}', outputs: {a: {path: deep/down/a.txt}}}
outputs: {all: {from: c.c}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.output('c', 'c'), 'a\nb\nc\n');
      assert.deepEqual(ran.record.outputs.all, ran.step('c').outputs.c);
      assert.deepEqual(ran.step('c').inputs.b, ran.step('b').outputs.b);
      const started = ran.events.flatMap((event) => (event.type === 'step-started' ? [event.step] : []));
      assert.deepEqual(started, ['a', 'b', 'c']);
    });

    it('joins several inputs of several steps in one', async () => {
      const ran = await run({
        manifest: `
data: {d: {uri: data/d.txt}}
pipeline:
  steps:
    join:
      run: [cat, "{{inputs.l}}", "{{inputs.r1}}", "{{inputs.r2}}", "{{inputs.d}}"]
      inputs: {l: {from: left.o}, r1: {from: right.one}, r2: {from: right.two}, d: {data: d}}
    left: {run: 'printf left- > {{outputs.o}}', outputs: {o: {}}}
    right: {run: 'printf one- > {{outputs.one}}; printf two- > {{outputs.two}}', outputs: {one: {}, two: {path: two}}}
`,
        files: { 'data/d.txt': 'data' },
      });
      succeeded(ran);
      assert.equal(await ran.log('join'), 'left-one-two-data');
    });

    it('stops after the first step that failed and says why the others did not start', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'exit 3', outputs: {o: {}}}
    b: {run: 'true', inputs: {i: {from: a.o}}, outputs: {o: {}}}
    c: {run: 'true', inputs: {i: {from: b.o}}}
`,
      });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('a').exitCode, 3);
      for (const later of ['b', 'c']) {
        assert.equal(ran.step(later).status, 'skipped');
        assert.match(ran.step(later).because!, /\ba\b/);
        assert.equal(ran.step(later).attempts, 0);
      }
      assert.equal(ran.events.filter(({ type }) => type === 'step-started').length, 1);
    });

    it('keeps the executable bit of an output and of an input', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: "printf '#!/bin/sh\\necho I ran\\n' > tool; chmod +x tool", outputs: {tool: {path: tool}}}
    b: {run: ["{{inputs.tool}}"], inputs: {tool: {from: a.tool}}}
`,
      });
      succeeded(ran);
      assert.equal(ran.step('a').outputs.tool!.executable, true);
      assert.equal(await ran.log('b'), 'I ran\n');
    });

    it('takes directories as trees, nested, executable bits kept, and hands them on', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'mkdir -p t/sub/deep; echo 1 > t/one; echo 2 > t/sub/deep/two; chmod 700 t/one; mkdir t/hollow', outputs: {t: {path: t}}}
    b: {run: '(cd {{inputs.t}} && find . -type f | sort && cat one sub/deep/two)', inputs: {t: {from: a.t}}}
    c: {run: 'mkdir {{outputs.t}}; cp -r {{inputs.t}}/. {{outputs.t}}/', inputs: {t: {from: a.t}}, outputs: {t: {}}}
`,
      });
      succeeded(ran);
      assert.deepEqual(await ran.tree('a', 't'), { 'one!': '1\n', 'sub/deep/two': '2\n' });
      assert.equal(ran.step('a').outputs.t!.sizeBytes, 4);
      assert.equal(await ran.log('b'), './one\n./sub/deep/two\n1\n2\n');
      assert.deepEqual(ran.step('c').outputs.t, ran.step('a').outputs.t);
    });

    it('gives equal runs equal keys and equal outputs', async () => {
      const fixture = {
        manifest: oneStep(
          `run: 'mkdir o; seq 1 50 | while read n; do echo $n > o/$n; done'\noutputs: {o: {path: o}}`,
        ),
      };
      const [one, two] = [await run(fixture), await run(fixture)];
      assert.notEqual(one.record.id, two.record.id);
      assert.equal(one.step('main').cacheKey, two.step('main').cacheKey);
      assert.deepEqual(one.step('main').outputs, two.step('main').outputs);
      assert.equal(one.record.display, two.record.display);
    });

    it('does not take what the code held at a path as an output or a report of this attempt', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'\noutputs: {o: {path: results.csv}}`),
        files: { 'results.csv': 'old', 'metrics.json': '{"old": 1}' },
      });
      failedWith(ran, 'SAME1603');
      const without = await run({
        manifest: oneStep(`run: 'true'`),
        files: { 'metrics.json': '{"old": 1}' },
      });
      succeeded(without);
      assert.deepEqual(without.record.metrics, []);
    });
  });

  describe(`engine ${name}: inputs`, () => {
    const make = 'printf precious > {{outputs.x}}';
    const attacks: Record<string, string> = {
      'writes into': 'set -e; chmod u+w "$1"; printf changed > "$1"; touch "$SAME_OUT/done"',
      'appends to': 'set -e; chmod u+w "$1"; printf more >> "$1"; touch "$SAME_OUT/done"',
      removes: 'set -e; rm -f "$1"; touch "$SAME_OUT/done"',
      'replaces by equal bytes': 'set -e; rm -f "$1"; printf precious > "$1"; touch "$SAME_OUT/done"',
      'replaces by a link': 'set -e; mv "$1" "$TMPDIR/x"; ln -s "$TMPDIR/x" "$1"; touch "$SAME_OUT/done"',
      'moves away': 'set -e; mv "$1" "$TMPDIR/x"; touch "$SAME_OUT/done"',
    };
    for (const [what, script] of Object.entries(attacks)) {
      for (const at of ['', ', at: in/x']) {
        it(`fail a step that ${what} one${at && ' at a path'}, and the store gives out no changed byte`, async () => {
          const ran = await run({ manifest: attackOn(make, at), files: { 'attack.sh': script } });
          failedWith(ran, changed);
          assert.equal(ran.step('attack').status, 'failed');
          assert.deepEqual(ran.step('attack').outputs, {});
          const { digest } = ran.step('make').outputs.x!;
          const blob = ran.content.pathOf(digest);
          if (existsSync(blob)) assert.equal(readFileSync(blob, 'utf8'), 'precious');
          else assert.equal(readdirSync(join(ran.home, 'content/quarantine')).length, 1);
        });
      }
    }

    it('fail a step that changed one even when the step fails by itself', async () => {
      const ran = await run({
        manifest: attackOn(make, ''),
        files: { 'attack.sh': 'chmod u+w "$1"; printf changed > "$1"; exit 1' },
      });
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual([...new Set(['SAME1601', changed])], [...ran.codes].sort());
    });

    it('fail a step that changed one that is executable', async () => {
      const ran = await run({
        manifest: attackOn(`${make}; chmod +x {{outputs.x}}`, ''),
        files: { 'attack.sh': 'set -e; chmod u+w "$1"; printf changed > "$1"; touch "$SAME_OUT/done"' },
      });
      failedWith(ran, changed);
    });

    it('fail a step that changed, removed or added a file of a directory', async () => {
      for (const attack of ['printf changed > "$1/a"', 'rm -f "$1/a"', 'touch "$1/b"', 'ln -s a "$1/b"']) {
        const ran = await run({
          manifest: attackOn('mkdir {{outputs.x}}; printf precious > {{outputs.x}}/a', ''),
          files: { 'attack.sh': `set -e; chmod u+w "$1/a"; ${attack}; touch "$SAME_OUT/done"` },
        });
        failedWith(ran, changed);
      }
    });

    it('are read-only in their mode, of one time, and whole', async () => {
      const ran = await run({
        manifest: attackOn(make, ''),
        files: { 'attack.sh': 'stat -L -c "%a %Y" "$1"; cat "$1"; touch "$SAME_OUT/done"' },
      });
      succeeded(ran);
      assert.equal(await ran.log('attack'), '444 315619200\nprecious');
    });

    it('in mode copy belong to the step, and the original stays as it was', async () => {
      const ran = await run({
        manifest: attackOn(make, ', mode: copy', 'environment: default'),
        files: { 'attack.sh': 'printf changed > "$1"; cp "$1" "$SAME_OUT/done"; rm "$1"' },
      });
      succeeded(ran);
      assert.equal(await ran.output('attack', 'done'), 'changed');
      assert.equal(await ran.output('make', 'x'), 'precious');
    });

    it('lie at their `at` path below the workdir, in place of a file of the program', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'printf fresh > {{outputs.x}}', outputs: {x: {}}}
    use:
      run: 'echo {{inputs.x}}; cat data/x.txt; ls "$SAME_IN" | wc -l'
      workdir: sub
      inputs: {x: {from: make.x, at: data/x.txt}}
`,
        files: { 'sub/data/x.txt': 'stale' },
      });
      succeeded(ran);
      assert.equal((await ran.log('use')).replace(/ +/g, ''), 'data/x.txt\nfresh0\n');
    });
  });

  describe(`engine ${name}: outputs`, () => {
    it('are taken from $SAME_OUT and from their paths below the workdir', async () => {
      const ran = await run({
        manifest: oneStep(`
run: 'printf 1 > "$SAME_OUT/free"; printf 2 > out/fixed.txt; echo {{outputs.fixed}}; test {{outputs.free}} = "$SAME_OUT/free"; pwd'
workdir: sub
outputs: {free: {}, fixed: {path: out/fixed.txt}}`),
      });
      succeeded(ran);
      assert.equal(await ran.output('main', 'free'), '1');
      assert.equal(await ran.output('main', 'fixed'), '2');
      assert.match(await ran.log('main'), /^out\/fixed\.txt\n\/.*\/sub\n$/);
    });

    const refused: [what: string, script: string, code: string][] = [
      ['was not written', 'true', 'SAME1603'],
      ['is an empty directory', 'mkdir o', 'SAME1603'],
      ['is a directory of empty directories', 'mkdir -p o/a/b', 'SAME1603'],
      ['is a symbolic link', 'echo x > y; ln -s y o', 'SAME1611'],
      ['is a link to nothing', 'ln -s nowhere o', 'SAME1611'],
      ['is a link to a directory', 'mkdir d; echo x > d/x; ln -s d o', 'SAME1611'],
      ['is a named pipe', 'mkfifo o', 'SAME1611'],
      ['is a directory with a link', 'mkdir o; echo x > o/x; ln -s x o/y', 'SAME1611'],
      ['is a directory with a named pipe', 'mkdir o; mkfifo o/p', 'SAME1611'],
    ];
    for (const [what, script, code] of refused) {
      it(`fail a step with ${code} when one ${what}`, async () => {
        const ran = await run({
          manifest: oneStep(`run: ${JSON.stringify(script)}\noutputs: {o: {path: o}}`),
        });
        failedWith(ran, code);
        assert.equal(ran.step('main').exitCode, 0);
        assert.deepEqual(ran.step('main').outputs, {});
        assert.match(ran.problems[0]!.message, /"o"/);
      });
    }

    it('may be empty files', async () => {
      const ran = await run({ manifest: oneStep(`run: ': > o'\noutputs: {o: {path: o}}`) });
      succeeded(ran);
      assert.equal(ran.step('main').outputs.o!.sizeBytes, 0);
    });

    const strays: [what: string, script: string, code: 'SAME1601' | 'SAME1604'][] = [
      ['into $SAME_OUT under another name', 'touch "$SAME_OUT/other"', 'SAME1604'],
      ['beside the work tree', 'touch ../other', 'SAME1604'],
      ['beside the directories of the attempt', 'touch ../../other', strayed],
      ['into $SAME_IN', 'touch "$SAME_IN/other"', strayed],
    ];
    for (const [where, script, code] of strays) {
      it(`fail a step that wrote ${where}`, async () => {
        const ran = await run({
          manifest: oneStep(`run: ${JSON.stringify(`touch {{outputs.o}}; ${script}`)}\noutputs: {o: {}}`),
        });
        failedWith(ran, code);
        if (code === 'SAME1604') assert.match(ran.problems[0]!.message, /other/);
        else assert.match(await ran.log('main', 'stderr'), /other/);
      });
    }

    it('fail a step whose output lies outside through a link in its path', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'rmdir d; mkdir "$HOME/../../../elsewhere"; ln -s "$HOME/../../../elsewhere" d; touch d/o'\noutputs: {o: {path: d/o}}`,
        ),
      });
      assert.equal(ran.record.status, 'failed');
      assert.ok(ran.codes.includes(strayed), JSON.stringify(ran.problems));
    });

    it('are not needed for what a step writes in its work tree, home and temporary directory', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'touch here "$HOME/.cache" "$TMPDIR/x"; mkdir -p a/b; mkdir ro; touch ro/x; chmod 500 ro'`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(readdirSync(join(ran.home, 'work')), []);
    });
  });

  describe(`engine ${name}: reports`, () => {
    it('are not taken from elsewhere through a link in place of the workdir', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'same-outside-'));
      try {
        writeFileSync(join(outside, 'metrics.json'), '{"stolen": 1}');
        const ran = await run({
          manifest: oneStep(`run: 'cd ..; rmdir d; ln -s ${outside} d'\nworkdir: d`),
        });
        failedWith(ran, 'SAME1604');
        assert.deepEqual(ran.record.metrics, []);
        assert.equal(readFileSync(join(outside, 'metrics.json'), 'utf8'), '{"stolen": 1}');
      } finally {
        rmSync(outside, { recursive: true, force: true });
      }
    });

    for (const script of [
      'ln -s m metrics.json; echo {} > m',
      'ln -s m metrics.json',
      'mkdir metrics.jsonl',
    ]) {
      it(`are regular files, and the logs are kept and masked when they are not: ${script}`, async () => {
        const ran = await run({
          manifest: oneStep(
            `run: 'echo "$TOKEN"; ${script}'\nsecrets: [TOKEN]`,
            'secrets: {TOKEN: {description: a token}}',
          ),
          variables: { TOKEN: 'correct-horse' },
        });
        failedWith(ran, 'SAME1611');
        assert.equal(await ran.log('main'), '***TOKEN***\n');
      });
    }

    it('are none where an input lies', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'echo {\\"other\\": 1} > {{outputs.m}}', outputs: {m: {}}}
    use: {run: 'true', inputs: {m: {from: make.m, at: ./metrics.json}}}
`,
      });
      succeeded(ran);
      assert.deepEqual(ran.record.metrics, []);
    });

    it('count only of the attempt that succeeded', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo {\\"x\\":$SAME_ATTEMPT} > metrics.json; test $SAME_ATTEMPT = 2 || touch "$SAME_OUT/stray$SAME_ATTEMPT"; test $SAME_ATTEMPT != 3'\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(
        ran.record.metrics.map(({ name, value }) => [name, value]),
        [['x', 2]],
      );
      const left = await run({
        manifest: oneStep(`run: 'echo {\\"x\\":1} > metrics.json'\noutputs: {o: {}}`),
      });
      failedWith(left, 'SAME1603');
      assert.deepEqual(left.record.metrics, []);
    });

    it('that are too big to read fail the step', async () => {
      const ran = await run({ manifest: oneStep(`run: 'truncate -s 257M metrics.jsonl'`) });
      failedWith(ran, 'SAME1606');
    });
  });

  describe(`engine ${name}: attempts apart`, () => {
    it('no step can put files into the directories of a later one', async () => {
      const plant = (up: string) => ({
        manifest: `
pipeline:
  steps:
    a:
      run: 'mkdir -p "$HOME/${up}/b/1/work"; touch "$HOME/${up}/b/1/work/planted"; touch {{outputs.o}}'
      outputs: {o: {}}
    b: {run: 'ls', inputs: {o: {from: a.o}}}
`,
      });
      for (const up of ['../..', '../../..']) {
        const ran = await run(plant(up));
        if (ran.record.status === 'succeeded') assert.equal(await ran.log('b'), '');
        else failedWith(ran, 'SAME1604');
      }
    });

    it('what a failed attempt left beside its directories is gone at the next', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo "$HOME"; test $SAME_ATTEMPT = 2 || { touch ../../litter; exit 1; }'\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      const homes = await Promise.all(
        ran.attempts('main').map(async ({ logs }) => (await ran.content.read(logs.stdout.digest)).toString()),
      );
      assert.notEqual(homes[0], homes[1]);
    });

    it('a step may be called like any directory of the runner', async () => {
      succeeded(await run({ manifest: "pipeline: {steps: {staged: {run: 'true'}, steps: {run: 'true'}}}" }));
    });
  });

  describe(`engine ${name}: ends`, () => {
    it('says SAME1610 when the variables are longer than the system takes', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'`, 'parameters: {long: {type: string, default: ""}}'),
        set: [`long=${'x'.repeat(200_000)}`],
      });
      failedWith(ran, 'SAME1610');
      assert.equal(await ran.log('main'), '');
    });

    it('keeps a log of any length', async () => {
      const ran = await run({ manifest: oneStep(`run: 'truncate -s 2200M /dev/stdout'`) });
      succeeded(ran);
      assert.equal(ran.step('main').logs!.stdout.sizeBytes, 2200 * 2 ** 20);
    });

    for (const code of [1, 2, 77, 127, 130, 255]) {
      it(`records exit code ${code} as a failure of the step`, async () => {
        const ran = await run({ manifest: oneStep(`run: 'exit ${code}'`) });
        failedWith(ran, 'SAME1601');
        assert.equal(ran.step('main').exitCode, code);
        assert.equal(ran.step('main').signal, undefined);
        assert.match(ran.problems[0]!.message, new RegExp(`\\b${code}\\b`));
      });
    }

    for (const signal of ['KILL', 'TERM', 'SEGV', 'INT'] as const) {
      it(`records an end by SIG${signal}`, async () => {
        const ran = await run({ manifest: oneStep(`run: [sh, -c, 'kill -${signal} $$']`) });
        failedWith(ran, 'SAME1601');
        const { signal: told, exitCode } = ran.step('main');
        if (traits.codesSignals) {
          assert.equal(exitCode, 128 + constants.signals[`SIG${signal}`]);
          assert.equal(told, undefined);
        } else {
          assert.equal(told, `SIG${signal}`);
          assert.equal(exitCode, undefined);
        }
      });
    }

    it('says SAME1610 when a command is not there or not executable, and never started', async () => {
      for (const command of ['no-such-command-anywhere', './missing.sh', './plain.txt']) {
        const ran = await run({
          manifest: oneStep(`run: [${JSON.stringify(command)}]`),
          files: { 'plain.txt': 'text' },
        });
        failedWith(ran, 'SAME1610');
        assert.equal(ran.step('main').exitCode, undefined);
      }
    });

    it('leaves a command that a shell cannot find to the shell', async () => {
      const ran = await run({ manifest: oneStep(`run: no-such-command-anywhere now`) });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('main').exitCode, 127);
    });

    it('sees a failure in the first part of a pipe', async () => {
      failedWith(await run({ manifest: oneStep(`run: '(exit 4) | cat'`) }), 'SAME1601');
    });

    it('kills what a command left running in its group', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'sleep 1000 & echo $! > pid; (trap "" TERM HUP INT; exec sleep 1001) & echo $! >> pid'\noutputs: {pid: {path: pid}}`,
        ),
      });
      succeeded(ran);
      const pids = (await ran.output('main', 'pid')).trim().split('\n').map(Number);
      assert.equal(pids.length, 2);
      for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
    });

    it('does not wait for a child that keeps its output open', async () => {
      const startedAt = performance.now();
      const ran = await run({ manifest: oneStep(`run: 'sleep 1000 & echo done'`) });
      succeeded(ran);
      assert.ok(performance.now() - startedAt < 30_000);
      assert.equal(await ran.log('main'), 'done\n');
    });
  });

  describe(`engine ${name}: retries`, () => {
    const counting = (script: string, retries: string): string =>
      oneStep(
        `run: ${JSON.stringify(`test "$SAME_ATTEMPT" -ge 3 || { ${script}; }; echo "attempt $SAME_ATTEMPT"`)}\nretries: ${retries}`,
      );

    it('try a failed step again, each time in fresh directories, and count the attempts', async () => {
      const ran = await run({
        manifest: counting('ls; touch litter "$HOME/litter" "$SAME_OUT/o"; exit 9', '{max: 5, backoff: 1ms}'),
        files: { 'only.txt': 'x' },
      });
      succeeded(ran);
      assert.equal(ran.step('main').attempts, 3);
      assert.deepEqual(
        ran.attempts('main').map(({ status, retrying, exitCode }) => [status, retrying, exitCode]),
        [
          ['failed', true, 9],
          ['failed', true, 9],
          ['succeeded', false, 0],
        ],
      );
      assert.equal(await ran.log('main'), 'attempt 3\n');
      const second = ran.attempts('main')[1]!;
      assert.equal((await ran.content.read(second.logs.stdout.digest)).toString(), 'only.txt\n');
    });

    it('end with the last failure when they are used up', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'exit $SAME_ATTEMPT'\nretries: {max: 2, backoff: 1ms}`),
      });
      failedWith(ran, 'SAME1601');
      assert.equal(ran.step('main').attempts, 3);
      assert.equal(ran.step('main').exitCode, 3);
    });

    it('are not made for other exit codes than those named', async () => {
      const other = await run({ manifest: counting('exit 9', '{max: 5, backoff: 1ms, codes: [8, 10]}') });
      failedWith(other, 'SAME1601');
      assert.equal(other.step('main').attempts, 1);
      const named = await run({ manifest: counting('exit 9', '{max: 5, backoff: 1ms, codes: [9]}') });
      succeeded(named);
      assert.equal(named.step('main').attempts, 3);
    });

    it('count an end by signal n as code 128 + n', async () => {
      for (const [signal, code, attempts] of [
        ['KILL', 137, 3],
        ['TERM', 143, 3],
        ['KILL', 143, 1],
      ] as const) {
        const ran = await run({
          manifest: counting(`kill -${signal} $$`, `{max: 5, backoff: 1ms, codes: [${code}]}`),
        });
        assert.equal(ran.step('main').attempts, attempts, `${signal} with codes [${code}]`);
      }
    });

    it('are made for a step that left out an output, and its other outputs are not used', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'printf $SAME_ATTEMPT > {{outputs.a}}; test $SAME_ATTEMPT = 1 || touch {{outputs.b}}'\noutputs: {a: {}, b: {}}\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      assert.equal(await ran.output('main', 'a'), '2');
    });

    it('are not made after a timeout', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sleep, "1000"]\ntimeout: 50ms\nretries: {max: 5, backoff: 1ms}`),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.equal(ran.step('main').attempts, 1);
    });
  });

  describe(`engine ${name}: timeout and cancelling`, () => {
    it('sends TERM to the group first', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'trap "echo politely; exit 0" TERM; echo ready; while :; do sleep 0.02; done']\ntimeout: 500ms`,
        ),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.deepEqual(ran.codes, ['SAME1602']);
      assert.equal(ran.step('main').status, 'timeout');
      assert.equal(await ran.log('main'), 'ready\npolitely\n');
    });

    it('kills what ignores TERM, children included, after the grace', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'trap "" TERM; (trap "" TERM; echo $$; exec sleep 1000) & echo $!; while :; do sleep 0.02; done']\ntimeout: 500ms`,
        ),
        graceMs: 300,
      });
      assert.equal(ran.record.status, 'timeout');
      assert.equal(ran.step('main').signal, 'SIGKILL');
      assert.ok(ran.step('main').usage!.durationMs >= 790, `${ran.step('main').usage!.durationMs} ms`);
      const pids = (await ran.log('main')).trim().split('\n').map(Number);
      assert.ok(pids.length > 0 && pids.every((pid) => pid > 1));
      for (const pid of pids) await until(`process ${pid} is gone`, () => !isAlive(pid));
    });

    it('takes no output of a step that timed out', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'echo x > o; exec sleep 1000']\ntimeout: 300ms\noutputs: {o: {path: o}}`,
        ),
      });
      assert.equal(ran.record.status, 'timeout');
      assert.deepEqual(ran.step('main').outputs, {});
    });

    it('runs a step to its end when its timeout is longer than any timer', async () => {
      succeeded(await run({ manifest: oneStep(`run: 'sleep 0.05'\ntimeout: 100d`) }));
    });

    it('stops politely at the first interrupt, and starts no further step', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: [sh, -c, 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done'], outputs: {o: {}}}
    b: {run: 'true', inputs: {o: {from: a.o}}}
`,
        onEvent(event, { cancel }) {
          if (event.type === 'step-output' && event.lines.includes('ready')) cancel();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('a').status, 'canceled');
      assert.equal(ran.step('b').status, 'skipped');
      assert.equal(ran.record.error?.code, 'SAME1607');
      assert.equal(await ran.log('a'), 'ready\nbye\n');
    });

    it('kills at once at the second interrupt', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sh, -c, 'trap "" TERM; echo ready; while :; do sleep 0.02; done']`),
        onEvent(event, { cancel, kill }) {
          if (event.type !== 'step-output' || !event.lines.includes('ready')) return;
          cancel();
          kill();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('main').signal, 'SIGKILL');
      assert.ok(ran.step('main').usage!.durationMs < 9_000);
    });

    it('does not wait out the backoff of a retry when it is interrupted', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'exit 1'\nretries: {max: 3, backoff: 1d}`),
        onEvent(event, { cancel }) {
          if (event.type === 'step-finished') cancel();
        },
      });
      assert.notEqual(ran.record.status, 'succeeded');
      assert.ok(ran.step('main').attempts <= 2);
    });

    it('starts nothing when it is interrupted before the first step', async () => {
      const ran = await run({
        manifest: oneStep(`run: 'true'`),
        onEvent(event, { cancel }) {
          if (event.type === 'run-started') cancel();
        },
      });
      assert.equal(ran.record.status, 'canceled');
      assert.equal(ran.step('main').attempts, 0);
      assert.equal(ran.step('main').status, 'skipped');
    });
  });

  describe(`engine ${name}: what a step sees`, () => {
    const variablesOf = (text: string): Record<string, string> =>
      Object.fromEntries(
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );

    it('are exactly the variables of the contract, whatever the caller has', async () => {
      process.env.SAME_TEST_LEAK = 'leak';
      process.env.PYTHONPATH = '/leak';
      try {
        const ran = await run({
          manifest: oneStep(
            `run: [env]\ninputs: {d: {data: d}}\noutputs: {}`,
            `parameters: {epochs: {type: integer, default: 3}, learning-rate: {type: number, default: 0.5}, none: {type: [string, 'null'], default: null}, list: {type: array, default: [1, a]}, on: {type: boolean, default: true}}
data: {d: {uri: d.txt}}
environments: {default: {system: true, variables: {OMP_NUM_THREADS: "1"}}}`,
          ),
          files: { 'd.txt': 'd' },
          variables: { LD_PRELOAD: 'leak', LC_ALL: 'de_DE', TZ: 'Asia/Tokyo' },
        });
        succeeded(ran);
        const seen = variablesOf(await ran.log('main'));
        const others = traits.variables ?? [];
        const contract = Object.keys(seen).filter((name) => !others.includes(name));
        assert.deepEqual(contract.sort(), [
          'HOME',
          'LANG',
          'OMP_NUM_THREADS',
          'PATH',
          'SAME_ATTEMPT',
          'SAME_IN',
          'SAME_OUT',
          'SAME_PARAMS',
          'SAME_PARAM_EPOCHS',
          'SAME_PARAM_LEARNING_RATE',
          'SAME_PARAM_LIST',
          'SAME_PARAM_NONE',
          'SAME_PARAM_ON',
          'SAME_RUN_ID',
          'SAME_SCRATCH',
          'SAME_STEP',
          'TMPDIR',
          'TZ',
        ]);
        assert.equal(seen.LANG, 'C.UTF-8');
        assert.equal(seen.TZ, 'UTC');
        assert.equal(seen.OMP_NUM_THREADS, '1');
        assert.equal(seen.SAME_PARAM_EPOCHS, '3');
        assert.equal(seen.SAME_PARAM_LEARNING_RATE, '0.5');
        assert.equal(seen.SAME_PARAM_NONE, '');
        assert.equal(seen.SAME_PARAM_LIST, '[1,"a"]');
        assert.equal(seen.SAME_PARAM_ON, 'true');
        assert.equal(seen.SAME_STEP, 'main');
        assert.equal(seen.SAME_ATTEMPT, '1');
        assert.equal(seen.SAME_RUN_ID, ran.record.id);
      } finally {
        delete process.env.SAME_TEST_LEAK;
        delete process.env.PYTHONPATH;
      }
    });

    it('are directories of its own: HOME and TMPDIR are empty and writable, and gone afterwards', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'for d in "$HOME" "$TMPDIR" "$SAME_IN" "$SAME_OUT" "$SAME_SCRATCH"; do echo "$d"; ls -A "$d"; done; touch "$HOME/x" "$TMPDIR/x"'`,
        ),
      });
      succeeded(ran);
      const paths = (await ran.log('main')).trim().split('\n');
      assert.equal(paths.length, 5, 'each directory is empty');
      assert.equal(new Set(paths).size, 5);
      for (const path of paths) assert.ok(path.startsWith('/'));
      for (const path of paths.slice(0, 4)) assert.equal(existsSync(path), false, path);
    });

    it('is a scratch directory that runs in the same environment share', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'touch {{scratch}}/kept {{outputs.o}}', outputs: {o: {}}}
    b: {run: [ls, "{{scratch}}"], inputs: {o: {from: a.o}}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.log('b'), 'kept\n');
    });

    it('are variables of the environment that may say another LANG and TZ', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo $LANG $TZ'`,
          `environments: {default: {system: true, variables: {LANG: C, TZ: Europe/Berlin}}}`,
        ),
      });
      assert.equal(await ran.log('main'), 'C Europe/Berlin\n');
    });

    it('are its parameters with their types in params.json, and no others', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'cat "$SAME_PARAMS"; env']\nparameters: [i, f, s, b, n, a, o]`,
          `parameters:
  i: {type: integer, default: 1000}
  f: {type: number, default: 0.001}
  s: {type: string, default: "1000"}
  b: {type: boolean, default: false}
  n: {type: [integer, 'null'], default: null}
  a: {type: array, default: [1, "2", null]}
  o: {type: object, default: {k: {d: true}}}
  hidden: {type: string, default: not-for-this-step}`,
        ),
        set: ['i=7'],
      });
      succeeded(ran);
      const log = await ran.log('main');
      assert.deepEqual(JSON.parse(log.slice(0, log.indexOf('\n'))), {
        i: 7,
        f: 0.001,
        s: '1000',
        b: false,
        n: null,
        a: [1, '2', null],
        o: { k: { d: true } },
      });
      assert.doesNotMatch(log, /hidden|not-for-this-step/i);
      assert.equal(ran.record.parameters.hidden!.value, 'not-for-this-step');
    });

    it('is all code but documents, manifest, lock and declared data', async () => {
      const files = {
        'README.md': 'r',
        LICENSE: 'l',
        'CITATION.cff': 'c',
        'data/x.csv': 'd',
        'a.sh!': '#!/bin/sh\nfind . -type f | sort',
        'lib/README.md': 'r',
        'lib/b.txt': 'b',
      };
      const all = await run({ manifest: oneStep(`run: [./a.sh]`, 'data: {x: {uri: data/x.csv}}'), files });
      succeeded(all);
      assert.equal(await all.log('main'), './a.sh\n./lib/README.md\n./lib/b.txt\n');
      const some = await run({
        manifest: oneStep(
          `run: [./a.sh]\ncode: [a.sh, 'lib/*.txt', README.md]`,
          'data: {x: {uri: data/x.csv}}',
        ),
        files,
      });
      succeeded(some);
      assert.equal(await some.log('main'), './README.md\n./a.sh\n./lib/b.txt\n');
      assert.notEqual(some.step('main').cacheKey, all.step('main').cacheKey);
    });

    it('is a copy of the code, written freely without a change to the program or the next step', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'echo spoiled > code.txt; rm other.txt; touch {{outputs.o}}', outputs: {o: {}}}
    b: {run: 'cat code.txt other.txt', inputs: {o: {from: a.o}}}
`,
        files: { 'code.txt': 'clean\n', 'other.txt': 'other\n' },
      });
      succeeded(ran);
      assert.equal(await ran.log('b'), 'clean\nother\n');
    });

    it('has nothing on standard input', async () => {
      const ran = await run({ manifest: oneStep(`run: [cat]`) });
      succeeded(ran);
      assert.equal(await ran.log('main'), '');
    });

    it('are secrets only where a step names them, masked in logs, events, files and record', async () => {
      const secret = 'hunter2-$"\\é';
      const ran = await run({
        manifest: `
secrets: {TOKEN: {}, TINY: {}}
pipeline:
  steps:
    a: {run: 'echo "out: $TOKEN$TOKEN."; echo "err: $TOKEN" >&2; printf %s "$TOKEN" | wc -c; env', secrets: [TOKEN]}
    b: {run: 'test -z "$TOKEN"; env'}
`,
        variables: { TOKEN: secret, TINY: 'abc' },
      });
      succeeded(ran);
      const log = await ran.log('a');
      assert.ok(log.startsWith(`out: ***TOKEN******TOKEN***.\n`), log);
      assert.match(log, new RegExp(`^\\s*${Buffer.byteLength(secret)}$`, 'm'));
      assert.match(log, /^TOKEN=\*\*\*TOKEN\*\*\*$/m);
      assert.equal(await ran.log('a', 'stderr'), 'err: ***TOKEN***\n');
      assert.doesNotMatch(await ran.log('b'), /TOKEN/);
      const told = JSON.stringify(ran.events) + JSON.stringify(ran.record);
      assert.ok(!told.includes('hunter2'));
      assert.ok(told.includes('***TOKEN***'));
      for (const file of readdirSync(ran.home, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const bytes = readFileSync(join(file.parentPath, file.name));
        assert.ok(!bytes.includes('hunter2'), `${file.parentPath}/${file.name} holds the secret`);
      }
    });
  });

  describe(`engine ${name}: commands`, () => {
    it('give every value to the command as it is, in a list and in a shell', async () => {
      const values = [
        `it's`,
        '$HOME `id` $(id)',
        '* ? ~',
        '; rm -rf x &',
        'a\nb',
        '',
        ' ',
        '--flag',
        '\\',
        '"',
        'ü\u{1f600}',
      ];
      for (const value of values) {
        const ran = await run({
          manifest: `
parameters: {p: {type: string, default: ""}}
pipeline:
  steps:
    list: {run: [printf, '<%s>', '{{parameters.p}}', 'x{{parameters.p}}y']}
    text: {run: "printf '<%s>' {{parameters.p}} x{{parameters.p}}y"}
`,
          set: [`p=${value}`],
        });
        succeeded(ran);
        assert.equal(await ran.log('list'), `<${value}><x${value}y>`);
        assert.equal(await ran.log('text'), `<${value}><x${value}y>`);
      }
    });

    it('get {{flags}} as words', async () => {
      const ran = await run({
        manifest: `
parameters: {epochs: {type: integer, default: 1}, name: {type: string, default: "a b"}, cuda: {type: boolean, default: true}, off: {type: boolean, default: false}, none: {type: [string, 'null'], default: null}}
pipeline:
  steps:
    list: {run: [printf, '<%s>', '{{flags}}']}
    text: {run: "printf '<%s>' {{flags}}"}
`,
      });
      succeeded(ran);
      for (const step of ['list', 'text'])
        assert.equal(await ran.log(step), '<--cuda><--epochs=1><--name=a b>');
    });

    it('keep both streams byte for byte and apart', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sh, -c, "printf '\\\\000\\\\377\\\\r\\\\n'; printf err >&2"]`),
      });
      succeeded(ran);
      const { digest } = ran.step('main').logs!.stdout;
      assert.deepEqual(await ran.content.read(digest), Buffer.from([0, 255, 13, 10]));
      assert.equal(await ran.log('main', 'stderr'), 'err');
    });

    it('may print 64 MiB: all of it is in the log, and only the last lines are events', async () => {
      const ran = await run({
        manifest: oneStep(`run: "head -c 67108864 /dev/zero | tr '\\\\0' x; echo; echo the end"`),
      });
      succeeded(ran);
      assert.equal(ran.step('main').logs!.stdout.sizeBytes, 67_108_864 + 9);
      const shown = ran.events.flatMap((event) => (event.type === 'step-output' ? event.lines : []));
      assert.ok(shown.reduce((sum, line) => sum + line.length, 0) < 8 * 2 ** 20);
      assert.equal(shown.at(-1), 'the end');
    });

    it('show a last line that has no line feed', async () => {
      const ran = await run({ manifest: oneStep(`run: 'printf "one\\ntwo"'`) });
      const shown = ran.events.flatMap((event) => (event.type === 'step-output' ? event.lines : []));
      assert.deepEqual(shown, ['one', 'two']);
    });
  });

  describe(`engine ${name}: figures`, () => {
    it('are read from metrics.json, metrics.jsonl and outputs of kind metrics', async () => {
      const ran = await run({
        manifest: oneStep(`
run: [sh, report.sh]
workdir: w
outputs: {scores: {path: scores.json, kind: metrics}, curve: {path: curve.jsonl, kind: metrics}}`),
        files: {
          'w/report.sh': `
echo '{"accuracy": 0.5, "test": {"per": 17.5, "name": "x"}, "ok": true, "loss": 9}' > metrics.json
printf '{"step":1,"loss":2}\\n{"step":2,"loss":1,"lr":0.1}\\n{"step":3,"lo' > metrics.jsonl
echo '{"f1": 0.25}' > scores.json
printf '{"epoch":1,"val":3}\\n{"epoch":2,"val":4}\\n' > curve.jsonl`,
        },
      });
      succeeded(ran);
      const figures = Object.fromEntries(ran.record.metrics.map(({ name, value }) => [name, value]));
      assert.deepEqual(figures, {
        accuracy: 0.5,
        'test.per': 17.5,
        ok: 1,
        loss: 9,
        lr: 0.1,
        f1: 0.25,
        val: 4,
      });
      assert.ok(ran.record.metrics.every(({ step }) => step === 'main'));
    });

    it('that cannot be understood make the step fail with SAME1606', async () => {
      for (const script of ['echo "[1]" > metrics.json', 'printf "x\\n{}\\n" > metrics.jsonl']) {
        failedWith(await run({ manifest: oneStep(`run: ${JSON.stringify(script)}`) }), 'SAME1606');
      }
    });

    it('that are not finite are left out with a warning, and the others stay', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'printf "{\\"loss\\": NaN, \\"top\\": -Infinity, \\"acc\\": 0.5}" > metrics.json'`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(ran.record.metrics, [{ name: 'acc', step: 'main', value: 0.5 }]);
      assert.equal(ran.record.warnings.filter((warning) => /"(loss|top)"/.test(warning)).length, 2);
    });

    it('that the manifest declares are read from printed lines and outputs', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    main: {run: 'echo "loss: 3.5"; echo "loss: 2.5"; echo "{\\"a\\": {\\"b\\": 7}}" >&2; echo "{\\"t\\": [1, {\\"x/y\\": 5}]}" > o.json', outputs: {o: {path: o.json}}}
metrics:
  loss: {from: main.stdout, regex: 'loss: ([0-9.]+)', unit: nats, direction: lower}
  first: {from: main.stdout, regex: 'loss: ([0-9.]+)', take: first}
  b: {from: main.stderr, json: /a/b}
  deep: {from: main.o, json: /t/1/x~1y}
claims: [{id: c, metric: loss, expect: 2.4, tolerance: {abs: 0.2}}]
`,
      });
      succeeded(ran);
      assert.deepEqual(
        ran.record.metrics.map(({ name, value }) => [name, value]),
        [
          ['b', 7],
          ['deep', 5],
          ['first', 3.5],
          ['loss', 2.5],
        ],
      );
      assert.equal(ran.record.metrics.find(({ name }) => name === 'loss')?.unit, 'nats');
      assert.equal(ran.record.claims[0]!.outcome, 'within');
    });
  });
}
