import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { RunningCommand } from '../../src/engines/attempt/running-command.ts';
import type { StepAttempt, Workspace } from '../../src/engines/attempt/step-attempt.ts';
import { Carrier } from '../../src/engines/kubernetes/carrier.ts';
import { PLACE } from '../../src/engines/kubernetes/carrier-job.ts';
import { type Execution, JOBS, PODS } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import type { ClusterRun } from '../../src/engines/kubernetes/cluster-run.ts';
import { collect } from '../../src/engines/kubernetes/collection.ts';
import { Following } from '../../src/engines/kubernetes/following.ts';
import { Patient } from '../../src/engines/kubernetes/patient-cluster.ts';
import { JOB_NAME, MAIN } from '../../src/engines/kubernetes/pod-state.ts';
import { runNames } from '../../src/engines/kubernetes/run-names.ts';
import { RunningJob } from '../../src/engines/kubernetes/running-job.ts';
import { Watched } from '../../src/engines/kubernetes/watched.ts';
import { until } from '../components/facts.ts';
import { stored, ToldCluster } from '../components/told-cluster.ts';

const RUN = '01a20246-cc45-785e-894a-3b0e227c8e58';
const KEEP = 'run/train/0-1';
const { signal } = new AbortController();
const gone = () => clusterError('unreachable', 'the cluster cannot be reached');
const account = (ok: boolean) => `{"v":1,"ok":${ok},"exit":${ok ? 0 : 1},"end":"2026-01-02T03:04:05Z"}\n`;

/** Where a text ends in bytes, and one byte less. */
const endOf = (bytes: Buffer, text: string) => bytes.indexOf(text) + text.length - 1;

/** Files below a directory that this process has open. */
const openBelow = (directory: string) =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });

describe('the end of an attempt in a cluster', { timeout: 60_000 }, () => {
  let root: string;
  let volume: string;
  let path: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'same-accounts-'));
    volume = join(root, 'volume');
    path = process.env.PATH!;
    mkdirSync(volume);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** As a container with the volume runs a command: what is asked for it is done by a shell, below another directory. */
  async function execute({ command, input, take, signal: stop }: Execution): Promise<number> {
    const words = command.map((word) => (word.startsWith(PLACE) ? volume + word.slice(PLACE.length) : word));
    const child = spawn(words[0]!, words.slice(1), {
      env: { PATH: path },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const ended = once(child, 'close') as Promise<[number]>;
    child.stdin.on('error', () => {});
    const send = async () => {
      for await (const chunk of input ?? []) child.stdin.write(chunk);
      child.stdin.end();
    };
    void send();
    stop?.addEventListener('abort', () => child.kill('SIGKILL'));
    for await (const chunk of child.stdout) await take?.(chunk);
    const [exitCode] = await ended;
    if (stop?.aborted) throw gone();
    return exitCode;
  }

  /** An attempt whose pod runs, as far as the cluster knows, and the carrier of its run. */
  async function open() {
    const cluster = new ToldCluster();
    const names = runNames(RUN);
    const running = { phase: 'Running', containerStatuses: [{ name: MAIN, state: { running: {} } }] };
    for (const job of [names.carrier, 'train-0-1']) {
      const metadata = { ...stored(`${job}-pod`).metadata, labels: { [JOB_NAME]: job } };
      cluster.objects.set(`jobs/${job}`, stored(job));
      cluster.objects.set(`pods/${job}-pod`, stored(`${job}-pod`, { metadata, status: running }));
    }
    cluster.onExec = execute;
    cluster.onLogs = () => new PassThrough().end();
    const patient = new Patient({ signal, say: () => {} });
    const [jobs, pods] = [new Watched(cluster, JOBS, ''), new Watched(cluster, PODS, '')];
    await Promise.all([jobs.begin(), pods.begin()]);
    const say = () => {};
    const carrier = new Carrier({ cluster, patient, names, jobs, pods, image: 'busybox', say, kill: signal });
    const [cancel, kill] = [new AbortController(), new AbortController()];
    const logs = { stdout: join(root, 'stdout'), stderr: join(root, 'stderr') };
    const how: RunningCommand = {
      ...{ logs, cancel: cancel.signal, kill: kill.signal },
      ...{ onStart() {}, onLines() {} },
    };
    const run = { cluster, jobs, pods, say } as unknown as ClusterRun;
    const task = { cell: { name: 'train' }, environment: {} } as StepAttempt;
    const job = new RunningJob(run, task, stored('train-0-1'), how, () => carrier.await(KEEP));
    /** The kubelet tells of the end of the container. */
    const endPod = (exitCode: number) => {
      const pod = pods.objects.get('train-0-1-pod')!;
      const state = { terminated: { exitCode } };
      const status = { phase: 'Failed', containerStatuses: [{ name: MAIN, state }] };
      pods.objects.set('train-0-1-pod', { ...pod, status });
    };
    return {
      ...{ cluster, carrier, job, jobs, cancel, endPod },
      close: () => Promise.all([jobs.close(), pods.close()]),
    };
  }

  /** What a shim leaves last. */
  function leave(ok: boolean): void {
    const keep = join(volume, KEEP);
    mkdirSync(join(keep, '.same'), { recursive: true });
    writeFileSync(join(keep, 'model'), 'weights');
    writeFileSync(join(keep, '.same/exit.tmp'), account(ok));
    writeFileSync(join(keep, '.same/exit.json'), account(ok));
  }

  const fresh = () => mkdtempSync(join(root, 'taken-'));

  it('is known by its account on the volume while the cluster says that it runs, and what it left comes by the same way', async () => {
    const { cluster, carrier, job, close } = await open();
    let times = 0;
    cluster.onExec = (execution) => {
      times++;
      return execute(execution);
    };
    const end = job.end();
    await until('it is looked for', () => existsSync(join(volume, KEEP)));
    leave(true);
    const { pod, account } = await end;
    assert.equal(pod, undefined);
    const place = fresh();
    const told = readFileSync(join(volume, KEEP, '.same/exit.json'), 'utf8');
    assert.equal(await account!.take(KEEP, () => place, { isToSeal: true }), 'sealed');
    assert.equal(readFileSync(join(place, 'model'), 'utf8'), 'weights');
    assert.equal(readFileSync(join(place, '.same/exit.json'), 'utf8'), told);
    assert.equal(statSync(join(volume, KEEP, 'model')).mode & 0o777, 0o444);
    await job.close(false);
    assert.equal(times, 1);
    assert.equal(await carrier.take('run/other', fresh), undefined);
    await close();
  });

  it('is known where sleep takes whole seconds only', async () => {
    const commands = join(root, 'bin');
    mkdirSync(commands);
    writeFileSync(
      join(commands, 'sleep'),
      `#!/bin/sh\ncase $1 in *.*) echo "$1" >>'${root}/refused'; exit 1;; esac\nPATH='${path}' exec sleep "$1"\n`,
    );
    chmodSync(join(commands, 'sleep'), 0o755);
    path = `${commands}:${path}`;
    const { job, close } = await open();
    const end = job.end();
    await until('it is looked for', () => existsSync(join(root, 'refused')));
    leave(true);
    assert.ok((await end).account);
    await job.close(false);
    await close();
  });

  it('is the word of the cluster where the account is of a failure, which may be one of its memory', async () => {
    const { cluster, job, endPod, close } = await open();
    const codes: number[] = [];
    cluster.onExec = async (execution) => {
      codes.push(await execute(execution));
      return codes.at(-1)!;
    };
    leave(false);
    const end = job.end();
    await until('it was looked for', () => codes.length === 1);
    endPod(137);
    const { pod, account } = await end;
    assert.deepEqual([pod?.exitCode, account], [137, undefined]);
    await job.close(false);
    await close();
  });

  it('is the word of the cluster where the account is not one that a shim writes', async () => {
    const { cluster, job, endPod, close } = await open();
    const codes: number[] = [];
    cluster.onExec = async (execution) => {
      codes.push(await execute(execution));
      return codes.at(-1)!;
    };
    leave(true);
    writeFileSync(join(volume, KEEP, '.same/exit.json'), '"ok":true\n');
    const end = job.end();
    await until('it was looked for', () => codes.length === 1);
    endPod(0);
    assert.equal((await end).account, undefined);
    await job.close(false);
    await close();
  });

  it('is the word of the cluster where nothing can be asked on the volume', async () => {
    const { cluster, job, endPod, close } = await open();
    let times = 0;
    cluster.onExec = async () => {
      times++;
      throw gone();
    };
    leave(true);
    const end = job.end();
    await until('it was asked', () => times === 1);
    endPod(0);
    assert.equal((await end).pod?.exitCode, 0);
    await job.close(false);
    await close();
  });

  it('is the word of the cluster once it was asked to end', async () => {
    const { job, cluster, jobs, cancel, endPod, close } = await open();
    let isSaid = false;
    cluster.onExec = (execution) =>
      execute({
        ...execution,
        take(chunk) {
          isSaid = true;
          return execution.take?.(chunk);
        },
      });
    cluster.onAsk = (what) => {
      if (what === 'delete jobs') leave(true);
    };
    const end = job.end();
    cancel.abort();
    await until('its account was read', () => isSaid);
    endPod(143);
    jobs.objects.delete('train-0-1');
    const { pod, account, isCanceled } = await end;
    assert.deepEqual([pod?.exitCode, account, isCanceled], [143, undefined, true]);
    await job.close(false);
    await close();
  });

  it('brings what it left from its beginning again when the API went away in the middle of it', async () => {
    const { cluster, job, close } = await open();
    let times = 0;
    cluster.onExec = async (execution) => {
      const isFirst = ++times === 1;
      const exitCode = await execute({
        ...execution,
        // In the middle of a file.
        take: (chunk) => execution.take?.(isFirst ? chunk.subarray(0, endOf(chunk, 'weights')) : chunk),
      });
      if (isFirst) throw gone();
      return exitCode;
    };
    leave(true);
    const { account } = await job.end();
    let place = '';
    const taken = await account!.take(
      KEEP,
      () => {
        place = fresh();
        return place;
      },
      { isToSeal: true },
    );
    assert.deepEqual([taken, times], ['sealed', 2]);
    assert.deepEqual(openBelow(root), []);
    assert.equal(readFileSync(join(place, 'model'), 'utf8'), 'weights');
    await job.close(false);
    await close();
  });

  it('lets nothing be taken that nobody waits for any more', async () => {
    const { cluster, carrier, close } = await open();
    const codes: number[] = [];
    cluster.onExec = async ({ signal: _, ...execution }) => {
      codes.push(await execute(execution));
      return codes.at(-1)!;
    };
    leave(true);
    const account = carrier.await(KEEP)!;
    assert.equal(await account.succeeded, true);
    account.abandon();
    await until('its command has ended', () => codes.length === 1);
    assert.notEqual(codes[0], 0);
    assert.notEqual(statSync(join(volume, KEEP, 'model')).mode & 0o222, 0, 'it is not sealed');
    await close();
  });

  it('is looked for of so many at a time, and of the others the cluster tells', async () => {
    const { cluster, carrier, close } = await open();
    const asked = new Set<string>();
    cluster.onExec = async ({ command, signal: stop }) => {
      asked.add(command.at(-3)!);
      await new Promise((done) => stop!.addEventListener('abort', done));
      throw gone();
    };
    const awaited = Array.from({ length: 20 }, (_, cell) => carrier.await(`run/train/${cell}-1`));
    await until('they are looked for', () => asked.size === 16);
    assert.deepEqual(
      awaited.map((each) => each !== undefined),
      Array.from({ length: 20 }, (_, cell) => cell < 16),
    );
    for (const each of awaited) each?.abandon();
    await Promise.all(awaited.map((each) => each?.succeeded));
    const next = carrier.await('run/train/20-1');
    assert.ok(next);
    next.abandon();
    await next.succeeded;
    await close();
  });

  it('tells of a lacking bash by what came back, for nobody may have seen it say so', async () => {
    const take = async (_: string, place: () => string) => {
      const told = join(place(), '.same');
      mkdirSync(told);
      for (const name of ['exit.json', 'stdout', 'stderr', 'no-bash']) writeFileSync(join(told, name), '');
      return 'sealed' as const;
    };
    const task = { step: { outputs: {} }, kill: signal } as unknown as StepAttempt;
    const workspace = { berth: join(root, 'berth') } as Workspace;
    const logs = { stdout: join(root, 'stdout'), stderr: join(root, 'stderr') };
    const { hasNoBash, isSealed } = await collect({ take }, task, workspace, KEEP, logs);
    assert.deepEqual([hasNoBash, isSealed], [true, true]);
  });

  describe('and what it printed', () => {
    /** Its logs as they have been brought here. */
    function logsOf(stdout: string, stderr: string): string[] {
      return Object.entries({ stdout, stderr }).map(([name, text]) => {
        writeFileSync(join(root, name), text);
        return join(root, name);
      });
    }

    function follow(print?: PassThrough) {
      const lines: string[] = [];
      const cluster = new ToldCluster();
      if (print) cluster.onLogs = () => print;
      const how = { kill: signal, onLines: (told: string[]) => void lines.push(...told) };
      return { lines, following: new Following({ cluster, say: () => {} }, 'train', how) };
    }

    it('is shown from its logs where it was over before anybody looked', async () => {
      const { lines, following } = follow();
      await following.end(logsOf('one\ntwo', 'three\n'));
      assert.deepEqual(lines, ['one', 'two', 'three']);
    });

    it('is waited for until all of it has come, though nobody says that this was the last', async () => {
      const print = new PassThrough();
      const { lines, following } = follow(print);
      following.begin('train-0-1-pod');
      print.write('same: a word of the shim\none\nth');
      const ended = following.end(logsOf('one\ntwo', 'three\n'));
      print.write('ree\ntwo');
      await ended;
      assert.deepEqual(lines, ['one', 'three', 'two']);
      assert.equal(print.writableEnded, false);
    });
  });
});
