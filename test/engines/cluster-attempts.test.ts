import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { StepAttempt } from '../../src/engines/attempt/step-attempt.ts';
import { tryOf } from '../../src/engines/kubernetes/attempt-job.ts';
import { whyOf } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError, refusedByCluster } from '../../src/engines/kubernetes/cluster-error.ts';
import { attemptEnd, parseExitRecord } from '../../src/engines/kubernetes/exit-record.ts';
import { Patient } from '../../src/engines/kubernetes/patient-cluster.ts';
import { endOf, type PodEnd, troubleOf } from '../../src/engines/kubernetes/pod-state.ts';
import { runNames } from '../../src/engines/kubernetes/run-names.ts';
import { unpackInto } from '../../src/engines/kubernetes/unpacking.ts';

const RUN = '01a20246-cc45-785e-894a-3b0e227c8e58';
const metadata = { name: 'pod', uid: '1', resourceVersion: '1' };

/** What a shim writes. */
const exitText = (changes: object) =>
  JSON.stringify({
    ...{ v: 1, ok: false, exit: 0, again: true, timeout: false, stopped: false, attempt: 1 },
    ...{ error: '', missing: '', start: '2026-01-01T00:00:00Z', end: '2026-01-01T00:00:03Z' },
    ...changes,
  });
const asked = { isCanceled: false, hasTimeout: true };
const pod: PodEnd = { exitCode: 0, isDisrupted: false, isDeleted: false };
const ends = (changes: object, of: PodEnd = pod, how = asked) =>
  attemptEnd(parseExitRecord(exitText(changes)), of, how);

describe('an attempt in a cluster', () => {
  it('is called the same by every client that goes on with its run, and like no other', () => {
    const task = (step: string, cell: string, attempt: number) =>
      ({ step: { name: step }, cell: { name: cell }, attempt }) as StepAttempt;
    const names = runNames(RUN);
    const first = tryOf(names, task('train', 'train.3', 1), 0);
    assert.equal(first.name, 'same-3b0e227c8e58-train-3-1');
    assert.match(first.keep, /^run-3b0e227c8e58\/train\/3-1-[0-9a-f]{8}$/);
    const again = tryOf(runNames(RUN), task('train', 'train.3', 1), 0);
    assert.equal(again.name, first.name);
    assert.notEqual(again.keep, first.keep, 'of one that was removed its account may still be there');
    const others = [
      tryOf(names, task('train', 'train.3', 1), 1),
      tryOf(names, task('train', 'train.3', 2), 0),
      tryOf(names, task('train', 'train.31', 1), 0),
      tryOf(names, task('train-3', 'train-3', 1), 0),
      tryOf(names, task('Train', 'Train.3', 1), 0),
      tryOf(names, task('x'.repeat(80), `${'x'.repeat(80)}.3`, 1), 0),
      tryOf(names, task('x'.repeat(80), `${'x'.repeat(80)}.4`, 1), 0),
    ].map(({ name }) => name);
    assert.equal(new Set([...others, first.name]).size, 8);
    for (const name of others) assert.match(name, /^[a-z0-9-]{1,52}$/);
  });

  it('has ended as its shim says, then as its pod does; what the cluster lost says nothing of the program', () => {
    assert.deepEqual(ends({ ok: true }), { status: 'succeeded', exitCode: 0, durationMs: 3000 });
    assert.deepEqual(ends({ exit: 3 }), { status: 'failed', exitCode: 3, durationMs: 3000 });
    assert.deepEqual(ends({ exit: 124, timeout: true }), {
      status: 'timeout',
      exitCode: 124,
      durationMs: 3000,
    });
    const killed = { ...pod, exitCode: 137, reason: 'OOMKilled' };
    assert.deepEqual(ends({ exit: 137 }, killed), {
      ...{ status: 'failed', exitCode: 137, durationMs: 3000 },
      isOutOfMemory: true,
    });
    // A command that got over the death of its child has succeeded.
    assert.deepEqual(ends({ ok: true }, killed), { status: 'succeeded', exitCode: 0, durationMs: 3000 });
    assert.equal(
      (ends({ exit: 143, stopped: true }, pod, { ...asked, isCanceled: true }) as { status?: string }).status,
      'canceled',
    );
    assert.ok('lost' in ends({ exit: 143, stopped: true }));
    assert.ok('startError' in ends({ exit: 125, error: 'SAME1610' }));
    const withoutWord = (of: PodEnd | undefined) => attemptEnd(undefined, of, asked);
    assert.deepEqual(withoutWord(killed), {
      status: 'failed',
      exitCode: 137,
      isOutOfMemory: true,
      durationMs: 0,
    });
    assert.ok('startError' in withoutWord({ ...pod, reason: 'StartError', message: 'no sh' }));
    assert.ok('startError' in withoutWord({ ...pod, exitCode: 126, message: exitText({ exit: 126 }) }));
    for (const of of [
      undefined,
      { ...pod, isDeleted: true },
      { ...pod, isDisrupted: true, podReason: 'Evicted' },
      pod,
    ])
      assert.ok('lost' in withoutWord(of));
    for (const text of [
      '',
      '{}',
      'null',
      '[]',
      exitText({ exit: 1e9 }),
      exitText({ v: 2 }),
      exitText({ error: 3 }),
    ])
      assert.equal(parseExitRecord(text), undefined, text);
  });

  it('tells what keeps its pod from running, and how that ended, from what the API says', () => {
    const waiting = (reason: string, message = 'why') => ({
      metadata,
      status: {
        phase: 'Pending',
        containerStatuses: [{ name: 'main', state: { waiting: { reason, message } } }],
      },
    });
    assert.equal(troubleOf(waiting('ImagePullBackOff'))!.kind, 'image');
    assert.equal(troubleOf(waiting('InvalidImageName'))!.isFinal, true);
    assert.equal(troubleOf(waiting('ContainerCreating')), undefined);
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' },
    ];
    assert.equal(troubleOf({ metadata, status: { conditions } })!.message, '0/1 nodes');
    assert.equal(endOf(waiting('ContainerCreating')), undefined);
    assert.deepEqual(
      endOf({ metadata, status: { phase: 'Failed', reason: 'Evicted', message: 'low on disk' } }),
      {
        ...{ podReason: 'Evicted', message: 'low on disk' },
        ...{ isDisrupted: true, isDeleted: false },
      },
    );
  });
});

describe('what comes back from a cluster', () => {
  it('is unpacked into its own directory alone, and what is no regular file is none here', async () => {
    const root = mkdtempSync(join(tmpdir(), 'same-unpacking-'));
    try {
      const shell = (text: string) => execFileSync('sh', ['-c', text], { cwd: root });
      shell(
        'mkdir -p left/dir out; echo a > left/dir/a; chmod 700 left/dir/a; ln left/dir/a left/b; ln -s /etc left/link; mkfifo left/pipe',
      );
      const archive = shell('tar -cf - -C left .');
      const unpacking = unpackInto(join(root, 'out'));
      for (let at = 0; at < archive.length; at += 1000) unpacking.take(archive.subarray(at, at + 1000));
      await unpacking.end();
      const out = (name: string) => join(root, 'out', name);
      assert.equal(readFileSync(out('dir/a'), 'utf8'), 'a\n');
      assert.equal(readFileSync(out('b'), 'utf8'), 'a\n');
      assert.equal(lstatSync(out('dir/a')).mode & 0o777, 0o755);
      assert.equal(lstatSync(out('b')).nlink, 1);
      for (const name of ['link', 'pipe']) {
        assert.ok(lstatSync(out(name)).isSymbolicLink());
        assert.equal(existsSync(out(name)), false, 'it leads nowhere');
      }
      // Out of the directory, by its own name or through a link that came before, and cut short.
      shell('mkdir evil; echo x > evil/x; ln -s /tmp evil/l; mkdir -p deep/l; echo x > deep/l/x');
      const wrong = [
        shell("tar -cPf - --transform 's,^evil/x,../out-of-it,' evil/x"),
        shell('tar -cPf - "$PWD/evil/x"'),
        shell('tar -cf - -C evil l > both.tar; tar -rf both.tar -C deep l/x; cat both.tar'),
        archive.subarray(0, archive.length - 10_240),
        archive.subarray(0, 700),
      ];
      for (const [index, bytes] of wrong.entries()) {
        const place = mkdtempSync(join(root, 'wrong-'));
        await assert.rejects(
          async () => {
            const each = unpackInto(place);
            each.take(bytes);
            await each.end();
          },
          { code: 'SAME1306' },
          `archive ${index}`,
        );
      }
      assert.deepEqual(
        readdirSync(root).filter((name) => name === 'out-of-it'),
        [],
      );
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

describe('an API that does not do what it is asked for', () => {
  it('is asked again while it is gone or busy, and no more when the run is killed', async () => {
    const told: string[] = [];
    const kill = new AbortController();
    const say = (line: string) => void told.push(line);
    const patient = new Patient({ signal: kill.signal, say, limitMs: 60_000, wakingMs: 0 });
    let times = 0;
    const answer = await patient.ask(async () => {
      if (++times < 3)
        throw clusterError(times === 1 ? 'unreachable' : 'busy', 'the cluster cannot be reached');
      return 'yes';
    });
    assert.equal(answer, 'yes');
    assert.equal(told.length, 2);
    assert.match(told[1]!, /answers again/);
    await assert.rejects(
      patient.ask(async () => Promise.reject(clusterError('forbidden', 'no'))),
      { code: 'SAME1704' },
    );
    kill.abort();
    await assert.rejects(
      patient.ask(async () => Promise.reject(clusterError('unreachable', 'gone'))),
      {
        code: 'SAME1703',
      },
    );
  });

  it('is understood by its status: login, rights, quota, what is there and what is not', () => {
    const why = (status: number, reason: string, message = 'm') =>
      whyOf(refusedByCluster('create jobs', status, JSON.stringify({ reason, message })));
    assert.equal(why(401, 'Unauthorized'), 'login');
    assert.equal(why(403, 'Forbidden'), 'forbidden');
    assert.equal(why(403, 'Forbidden', 'exceeded quota: small'), 'quota');
    assert.equal(why(404, 'NotFound'), 'missing');
    assert.equal(why(409, 'AlreadyExists'), 'exists');
    assert.equal(why(409, 'Conflict'), 'conflict');
    assert.equal(why(410, 'Expired'), 'expired');
    assert.equal(why(422, 'Invalid'), 'invalid');
    for (const status of [429, 500, 503]) assert.equal(why(status, ''), 'busy');
    assert.match(refusedByCluster('create jobs', 500, '<html>').message, /<html>/);
  });
});
