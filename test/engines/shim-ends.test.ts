import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isAlive, until } from '../components/facts.ts';
import { processesOf } from '../components/processes.ts';
import { attempt, ended, shims } from './shim-lab.ts';

for (const [shell, { start, run }] of shims) {
  describe(`an attempt of the shim in ${shell}`, { concurrency: 2 }, () => {
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

    it('sends TERM to the whole step at its timeout, KILL after the grace, and ends with 124', async () => {
      const root = attempt({
        run: 'trap "" TERM; sleep 60 & echo $! >"$SAME_OUT/pid"; while :; do sleep 1; done',
        timeout: '1s',
      });
      const { code, exit } = await run(root, { SAME_GRACE: '1' });
      assert.deepEqual([code, exit.timeout, exit.ok, exit.again], [124, true, false, false]);
      const pid = Number(readFileSync(join(root, 'out/pid'), 'utf8'));
      await until('what it started has ended', () => !isAlive(pid));
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
      const left = () => processesOf((variables) => variables.includes(grace));
      await until('nothing waits for its grace to end', () => left().length === 0);
    });

    it('kills what the command left running', async () => {
      const root = attempt({ run: ['sh', '-c', 'sleep 60 >/dev/null 2>&1 & echo $! >"$SAME_OUT/pid"'] });
      assert.equal((await run(root)).code, 0);
      const pid = Number(readFileSync(join(root, 'out/pid'), 'utf8'));
      await until('what it started has ended', () => !isAlive(pid));
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
