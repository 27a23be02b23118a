import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isAlive, until } from '../components/facts.ts';
import { costIn, measuring } from '../components/peak-memory.ts';
import { kill, processesOf } from '../components/processes.ts';
import { unavailable as noMounts, openMounts } from './mounts.ts';
import { type Ended, openRig, type Rig, same } from './rig.ts';

const noProc = existsSync('/proc/self/environ') ? false : 'there is no /proc';
/** What the tool itself may hold of what a step prints. */
const PEAK_BYTES = 150e6;

/** A rig whose study has these steps, as JSON; a run of another home that failed to end one is ended with it. */
async function openStudy(steps: object, files: Record<string, string> = {}): Promise<Rig> {
  const rig = openRig();
  rig.write({
    'study/same.yaml': JSON.stringify({
      apiVersion: 'same/v1',
      kind: 'Program',
      metadata: { name: 'study', version: '1.0' },
      pipeline: { steps },
    }),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`study/${name}`, text])),
  });
  const created = await rig.same(['create', '-f', 'study']);
  assert.equal(created.code, 0, created.stderr);
  const close = rig[Symbol.dispose];
  rig[Symbol.dispose] = () => {
    for (const pid of leftOf(rig)) kill(pid);
    close();
  };
  return rig;
}

const run = ['run', 'study:1.0', '--json', '-j4'];

/** Processes that have a step's variables and came out of this home. */
const leftOf = ({ home }: Rig): number[] =>
  processesOf((text) => text.includes('SAME_RUN_ID=') && text.includes(`${home}/`));

function below(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
}

/** What is left when a run has ended, however it did: nothing that runs, nothing in work, one record that is final. */
async function assertOver(rig: Rig): Promise<void> {
  await until('no process of a step is left', () => leftOf(rig).length === 0, 5_000);
  assert.deepEqual(below(join(rig.home, 'work')), []);
}

/** The newest run as the home has it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
async function recordIn(rig: Rig): Promise<any> {
  const shown = await rig.same(['show', 'run', 'latest', '--json']);
  assert.equal(shown.code, 0, shown.stderr);
  return shown.json();
}

/** Steps by status, as the journal has them and as the record does. */
function assertJournalSays(rig: Rig, steps: { name: string; status: string }[]): void {
  const [journal] = below(join(rig.home, 'runs')).filter((path) => path.endsWith('journal.jsonl'));
  const said = new Map<string, string>();
  for (const line of readFileSync(join(rig.home, 'runs', journal!), 'utf8')
    .split('\n')
    .slice(0, -1)) {
    const { event } = JSON.parse(line);
    if (event.type === 'step-finished') said.set(event.step, event.status);
    if (event.type === 'step-skipped') said.set(event.step, 'skipped');
    if (event.type === 'step-cached') said.set(event.step, 'succeeded');
  }
  assert.deepEqual(
    Object.fromEntries(said),
    Object.fromEntries(steps.map(({ name, status }) => [name, status])),
  );
}

/** Two steps that run at the same time and one that waits for them; each leaves its children in a file when it is there. */
function together(rig: { path(name: string): string }, trap = ''): object {
  const stay = (name: string) =>
    `${trap}echo said by ${name}; sleep 1000 & echo "$$ $!" > ${rig.path(name)}.new; mv ${rig.path(name)}.new ${rig.path(name)}; while :; do sleep 0.05; done`;
  return {
    quick: { run: 'echo done > {{outputs.o}}', outputs: { o: {} } },
    left: { run: stay('left'), inputs: { i: { from: 'quick.o' } }, outputs: { o: {} } },
    right: { run: stay('right'), inputs: { i: { from: 'quick.o' } } },
    after: { run: 'true', inputs: { i: { from: 'left.o' } } },
  };
}

/** A rig with two steps that stay, whose files lie beside it. */
async function openStaying(trap = ''): Promise<Rig & { there(): boolean; pids(): number[] }> {
  const place = openRig();
  const rig = await openStudy(together(place, trap));
  const close = rig[Symbol.dispose];
  const files = [place.path('left'), place.path('right')];
  return Object.assign(rig, {
    there: () => files.every((file) => existsSync(file)),
    pids: () => files.flatMap((file) => readFileSync(file, 'utf8').trim().split(' ').map(Number)),
    [Symbol.dispose]: () => {
      close();
      place[Symbol.dispose]();
    },
  });
}

/** The state of a run of {@link together} that was stopped while two steps ran. */
async function assertCanceled(rig: Rig & { pids(): number[] }, signal?: string): Promise<void> {
  for (const pid of rig.pids()) await until(`process ${pid} is gone`, () => !isAlive(pid));
  await assertOver(rig);
  const record = await recordIn(rig);
  assert.equal(record.status, 'canceled');
  assert.equal(record.error.code, 'SAME1607');
  const steps: { name: string; status: string; signal?: string }[] = record.steps;
  const status = Object.fromEntries(steps.map((step) => [step.name, step.status]));
  assert.deepEqual(status, { quick: 'succeeded', left: 'canceled', right: 'canceled', after: 'skipped' });
  assertJournalSays(rig, steps);
  for (const step of ['left', 'right']) {
    const { stdout } = await rig.same(['logs', 'latest', '--step', step]);
    assert.match(stdout, new RegExp(`said by ${step}`));
    if (signal) assert.equal(steps.find(({ name }) => name === step)?.signal, signal);
  }
}

describe('a run of steps at the same time ends in a true state', { skip: noProc }, () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`at one ${signal}`, async () => {
      using rig = await openStaying();
      const { child, ended } = rig.start(run);
      await until('both run', rig.there);
      child.kill(signal);
      const { code, stderr } = await ended;
      assert.equal(code, 130, stderr);
      await assertCanceled(rig, 'SIGTERM');
    });
  }

  it('at the second Ctrl-C, which does not wait for steps that ignore TERM', async () => {
    using rig = await openStaying('trap "" TERM; ');
    const { child, ended } = rig.start(run);
    let said = '';
    child.stderr!.on('data', (text) => {
      said += text;
    });
    await until('both run', rig.there);
    child.kill('SIGINT');
    await until('it says that it stops', () => said.includes('stopping'));
    assert.ok(rig.pids().every(isAlive), 'both ignore TERM');
    child.kill('SIGINT');
    assert.equal((await ended).code, 130);
    await assertCanceled(rig, 'SIGKILL');
  });

  it('ten seconds after one Ctrl-C, where steps ignore TERM', async () => {
    using rig = await openStaying('trap "" TERM; ');
    const { child, ended } = rig.start(run);
    await until('both run', rig.there);
    const startedAt = performance.now();
    child.kill('SIGINT');
    assert.equal((await ended).code, 130);
    assert.ok(performance.now() - startedAt > 9_000, 'they had their time');
    await assertCanceled(rig, 'SIGKILL');
  });

  it('when its terminal is closed', async () => {
    using rig = await openStaying();
    // The terminal goes with the process that holds its other end, which goes when its input ends.
    const holder = `
import os, pty, sys, threading
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def drain():
    try:
        while os.read(terminal, 65536): pass
    except OSError: pass
threading.Thread(target=drain, daemon=True).start()
print(child, flush=True)
sys.stdin.read()
os._exit(0)
`;
    const python = spawn('python3', ['-c', holder, process.execPath, same, 'run', 'study:1.0', '-j4'], {
      cwd: rig.root,
      env: { ...process.env, SAME_HOME: rig.home, HOME: rig.path('user'), TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let pid = '';
    python.stdout.on('data', (text) => {
      pid += text;
    });
    await until('both run', rig.there);
    python.stdin.end();
    await until('the run has ended', () => Number(pid) > 1 && !isAlive(Number(pid)));
    await assertCanceled(rig);
  });

  it('when its output is closed before anything is printed', async () => {
    using rig = await openStudy({ main: { run: 'echo done > {{outputs.o}}', outputs: { o: {} } } });
    const { child, ended } = rig.start(['run', 'study:1.0']);
    child.stdout!.destroy();
    child.stderr!.destroy();
    await ended;
    await assertOver(rig);
    assert.equal((await recordIn(rig)).status, 'succeeded');
  });
});

describe('a step ends in a true state beside others', { skip: noProc }, () => {
  const beside = { run: 'echo done > {{outputs.o}}', outputs: { o: {} } };
  const statusOf = (ended: Ended) =>
    Object.fromEntries(
      ended.json().steps.map(({ name, status }: { name: string; status: string }) => [name, status]),
    );

  it('that forks daemons twice, into sessions of their own', async () => {
    using rig = await openStudy(
      {
        forks: { run: [process.execPath, 'daemon.mjs'] },
        beside,
      },
      {
        'daemon.mjs': `import { spawn } from 'node:child_process';
const again = 'const { spawn } = require("node:child_process"); for (let i = 0; i < 3; i++) spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref()';
for (let i = 0; i < 3; i++) spawn(process.execPath, ['-e', again], { detached: true, stdio: 'ignore' }).unref();
`,
      },
    );
    const ended = await rig.same(run);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(statusOf(ended), { forks: 'succeeded', beside: 'succeeded' });
    await assertOver(rig);
  });

  it('that deletes its inputs, and takes them from no other and not from the store', async () => {
    using rig = await openStudy({
      makes: {
        run: 'mkdir {{outputs.o}}; echo one > {{outputs.o}}/a; echo two > {{outputs.o}}/b',
        outputs: { o: {} },
      },
      deletes: { run: 'cd "$SAME_IN" && chmod -R u+w . && rm -rf ./*', inputs: { i: { from: 'makes.o' } } },
      reads: { run: 'cat {{inputs.i}}/a {{inputs.i}}/b', inputs: { i: { from: 'makes.o' } } },
    });
    const ended = await rig.same([...run, '--keep-going']);
    assert.equal(ended.code, 1, ended.stderr);
    assert.deepEqual(statusOf(ended), { makes: 'succeeded', deletes: 'failed', reads: 'succeeded' });
    assert.equal(ended.json().error.code, 'SAME1605');
    assertJournalSays(rig, ended.json().steps);
    await assertOver(rig);
    assert.equal((await rig.same(['logs', 'latest', '--step', 'reads'])).stdout.includes('one\ntwo\n'), true);
    assert.equal((await rig.same(['verify', 'integrity'])).code, 0);
  });

  it('that prints every byte there is, and lines that are no text, all of which are kept as they are', async () => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from('\u001b[2J\u0007\r\n', 'latin1'),
      Buffer.alloc(100_000, 0xff),
    ]);
    using rig = await openStudy(
      { prints: { run: 'base64 -d bytes.txt; base64 -d bytes.txt >&2' }, beside },
      { 'bytes.txt': bytes.toString('base64') },
    );
    const ended = await rig.same(run);
    assert.equal(ended.code, 0, ended.stderr);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const { logs } = ended.json().steps.find(({ name }: { name: string }) => name === 'prints');
    assert.deepEqual([logs.stdout.digest, logs.stderr.digest], [digest, digest]);
    await assertOver(rig);
  });

  it('that prints a gibibyte, of which little is in memory', async () => {
    using rig = await openStudy({
      prints: { run: '{ yes this is a line of a log as programs print them || true; } | head -c 1073741824' },
      beside,
    });
    const report = rig.path('report');
    const ended = await rig.same([...run, '--quiet'], { under: measuring(report) });
    assert.equal(ended.code, 0, ended.stderr);
    const { logs } = ended.json().steps.find(({ name }: { name: string }) => name === 'prints');
    assert.equal(logs.stdout.sizeBytes, 2 ** 30);
    const blob = join(rig.home, 'content/blobs/sha256', logs.stdout.digest.slice('sha256:'.length));
    assert.equal(statSync(blob).size, 2 ** 30);
    const { peakBytes } = costIn(report);
    assert.ok(peakBytes <= PEAK_BYTES, `${Math.round(peakBytes / 1e6)} MB`);
    await assertOver(rig);
  });
});

describe('a disk that becomes full while steps run', {
  skip: noProc || (process.env.CI ? false : (noMounts() ?? false)),
}, () => {
  it('ends the run with SAME1402, kills what runs, and leaves what is true', async () => {
    using place = openRig();
    const go = place.path('go');
    using rig = await openStudy({
      quick: { run: 'echo done > {{outputs.o}}', outputs: { o: {} } },
      // Larger than what is left of the disk once it is in the store as well.
      fills: {
        run: `head -c 5000000 /dev/urandom > {{outputs.o}}; until test -e ${go}; do sleep 0.01; done; head -c 20000000 /dev/urandom >> {{outputs.o}}`,
        inputs: { i: { from: 'quick.o' } },
        outputs: { o: {} },
      },
      stays: { run: `touch ${go}; exec sleep 1000`, inputs: { i: { from: 'quick.o' } } },
    });
    using mounts = await openMounts(rig.root);
    const home = rig.path('small');
    mounts.shell(`mkdir ${home}; mount -t tmpfs -o size=12m none ${home}`);
    const env = { SAME_HOME: home };
    const at = (words: string[]) => rig.same(words, { env, under: mounts.under });
    const created = await at(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const ended = await at([...run, '--fail-fast']);
    assert.ok(ended.code === 1 || ended.code === 5, `${ended.code} ${ended.stderr}`);
    const left = processesOf((text) => text.includes('SAME_RUN_ID=') && text.includes(`${home}/`));
    assert.deepEqual(left, []);
    mounts.shell(`cd ${home} && rm -rf ./work/* ./full`);
    const shown = await at(['show', 'run', 'latest', '--json']);
    assert.equal(shown.code, 0, shown.stderr);
    const record = shown.json();
    assert.ok(['failed', 'interrupted'].includes(record.status), record.status);
    const status = Object.fromEntries(
      record.steps.map((step: { name: string; status: string }) => [step.name, step.status]),
    );
    assert.equal(status.quick, 'succeeded');
    assert.notEqual(status.fills, 'succeeded');
    assert.notEqual(status.stays, 'succeeded');
    const verified = await at(['verify', 'integrity']);
    assert.equal(verified.code, 0, verified.stdout);
  });
});
