import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { kill, openFiles, processesOf } from './processes.ts';

const same = resolve(import.meta.dirname, '../../bin/same');

/** When a run is killed: once its journal has so many lines, or so long after it was started. */
export type Moment = { lines: number } | { afterMs: number };

/** One run of the study that was killed, and went on until it had succeeded. */
export interface Life {
  /** The parameter: no other run has it, so that nothing of others stands in for its steps. */
  n: number;
  /** Its run, and those that went on with it. */
  runs: string[];
  kills: number;
}

/** A home whose runs are killed, and what was found to be wrong. */
export interface CrashLab {
  home: string;
  /** Runs the study with `n`; killed at each moment, it is gone on with, at last undisturbed. */
  live(n: number, moments: readonly Moment[], tear?: boolean): Promise<Life>;
  /** Looks at everything that is left, once nothing runs. */
  inspect(lives: readonly Life[]): Promise<void>;
  /** What should not be: empty when all is well. */
  faults: string[];
  command(words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** The steps of a run, in the order of the plan: cells at the same time, uncached ones, processes that stay. */
const CELLS = ['first', 'second', 'both', 'each.0', 'each.1', 'last'];

/** What the step `last` leaves. */
export function lastOutput(n: number): string {
  const both = `first ${n}\nsecond ${n}\n`;
  return [0, 1].map((cell) => `${both}each ${cell}\n`).join('');
}

/** The study: every step notes that it began, leaves a process behind, and takes its time. */
export function crashStudy(log: string): string {
  // What is left behind lives on when only the tool is killed, and would be seen by whoever looks for it.
  const begin = `echo "$SAME_RUN_ID $SAME_STEP" >> ${log}; sleep 300 & sleep 0.02`;
  return `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters: {n: {type: integer, default: 0}}
pipeline:
  steps:
    first: {run: '${begin}; echo first {{parameters.n}} > {{outputs.o}}', outputs: {o: {}}}
    second: {run: '${begin}; echo second {{parameters.n}} > {{outputs.o}}', outputs: {o: {}}, cache: false}
    both: {run: '${begin}; cat {{inputs.a}} {{inputs.b}} > {{outputs.o}}', inputs: {a: {from: first.o}, b: {from: second.o}}, outputs: {o: {}}}
    each:
      matrix: {x: [0, 1]}
      run: '${begin}; { cat {{inputs.i}}; echo each {{matrix.x}}; } > {{outputs.o}}'
      inputs: {i: {from: both.o}}
      outputs: {o: {}}
    last: {run: '${begin}; cat {{inputs.i}}/0 {{inputs.i}}/1 > {{outputs.o}}', cache: false, inputs: {i: {from: each.o}}, outputs: {o: {}}}
outputs: {last: {from: last.o}}
`;
}

/** Makes a home below a directory that holds the study. */
export async function openCrashLab(directory: string, random: () => number): Promise<CrashLab> {
  const home = join(directory, 'home');
  const log = join(directory, 'log');
  const env = { ...process.env, SAME_HOME: home, HOME: join(directory, 'user') };
  const faults: string[] = [];
  const owners = new Map<string, number>();
  /** The runs of processes that live. */
  const writing = new Map<number, string>();
  const runsOf = (): string[] => below(join(home, 'runs'), 3);
  const journalAt = (path: string) => join(path, 'journal.jsonl');

  const start = (
    words: string[],
  ): { child: ChildProcess; ended: Promise<{ code: number | null; stdout: string; stderr: string }> } => {
    const child = spawn(process.execPath, [same, ...words], {
      cwd: directory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]!.setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    }
    // What its steps left may hold its output open: its end is its exit.
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done, fail) => {
      child.once('error', fail);
      child.once('exit', (code, signal) => {
        if (signal === null) child.once('close', () => done({ code, ...said }));
        else done({ code, ...said });
      });
    });
    return { child, ended };
  };

  /** The run that a process writes, once its first line is there: asked of the process itself while it lives. */
  const runOf = (pid: number): string | undefined => {
    const known = writing.get(pid);
    if (known !== undefined) return known;
    // It may also be reading the journal of a run with which it goes on.
    const path = openFiles(pid)
      .filter((file) => file.startsWith(`${home}/`) && file.endsWith('/journal.jsonl'))
      .map((file) => file.slice(0, -'/journal.jsonl'.length))
      .find((run) => eventOf(linesOf(journalAt(run))[0])?.owner.pid === pid);
    if (path === undefined) return undefined;
    owners.set(path, pid);
    writing.set(pid, path);
    return path;
  };

  /** The run that a process wrote that is gone. */
  const runLeftBy = (pid: number): string | undefined => {
    const known = writing.get(pid);
    writing.delete(pid);
    if (known !== undefined) return known;
    for (const path of runsOf()) {
      if (owners.has(path)) continue;
      const begun = eventOf(linesOf(journalAt(path))[0]);
      if (begun) owners.set(path, begun.owner.pid);
    }
    return [...owners].findLast(([, owner]) => owner === pid)?.[0];
  };

  /** Starts a command and kills it at a moment. @returns the directory of its run, if it came to one */
  const killed = async (
    words: string[],
    moment: Moment,
  ): Promise<{ path?: string; wasKilled: boolean; stderr: string; code: number | null }> => {
    const { child, ended } = start(words);
    let over = false;
    void ended.then(() => {
      over = true;
    });
    const pid = child.pid!;
    const startedAt = performance.now();
    const isTime = (): boolean => {
      if ('afterMs' in moment) return performance.now() - startedAt >= moment.afterMs;
      const path = runOf(pid);
      return path !== undefined && linesOf(journalAt(path)).length >= moment.lines;
    };
    while (!over && !isTime()) await new Promise((done) => setTimeout(done, 2));
    const wasKilled = !over && child.kill('SIGKILL');
    const { code, stderr } = await ended;
    const path = runLeftBy(pid);
    owners.delete(path ?? '');
    if (path !== undefined) owners.set(path, 0);
    return { ...(path === undefined ? {} : { path }), wasKilled: wasKilled && code === null, stderr, code };
  };

  const check = (isWell: boolean, what: string): void => {
    if (!isWell) faults.push(what);
  };

  const command: CrashLab['command'] = (words) => start(words).ended;

  /** Steps that ended well by what the journal says. */
  const finishedIn = (path: string): string[] =>
    linesOf(journalAt(path)).flatMap((line) => {
      const event = eventOf(line);
      return event?.type === 'step-cached' ||
        (event?.type === 'step-finished' && event.status === 'succeeded')
        ? [event.step]
        : [];
    });

  const ranIn = (id: string): string[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith(`${id} `) ? [line.slice(id.length + 1)] : []));

  const assertInterrupted = async (id: string, path: string): Promise<void> => {
    const { code, stdout, stderr } = await command(['show', 'run', id, '--json']);
    if (code !== 0) {
      check(false, `run ${id} cannot be shown: ${stderr}`);
      return;
    }
    const record = JSON.parse(stdout);
    check(record.status === 'interrupted', `run ${id} was killed and is ${record.status}`);
    const finished = new Set(finishedIn(path));
    for (const { name, status } of record.steps)
      check((status === 'succeeded') === finished.has(name), `step ${name} of ${id} is said to be ${status}`);
  };

  writeFileSync(log, '');
  mkdirSync(join(directory, 'study'), { recursive: true });
  writeFileSync(join(directory, 'study', 'same.yaml'), crashStudy(log));
  const created = await command(['create', '-f', 'study']);
  check(created.code === 0, created.stderr);

  return {
    home,
    faults,
    command,
    async live(n, moments, tear = false) {
      const life: Life = { n, runs: [], kills: 0 };
      let words = ['run', 'study:1.0', `--n=${n}`, '-j3', '--json', '--quiet'];
      /** Of the run that is gone on with. */
      let before: { id: string; finished: string[]; torn: boolean } | undefined;
      for (const moment of [...moments, { afterMs: Number.POSITIVE_INFINITY }]) {
        const { path, wasKilled, stderr, code } = await killed(words, moment);
        if (wasKilled) life.kills++;
        else check(code === 0, `${words.join(' ')} ended with ${code}: ${stderr}`);
        if (path === undefined) {
          check(wasKilled, `${words.join(' ')} left no journal`);
          continue;
        }
        const id = path.split('/').at(-1)!;
        life.runs.push(id);
        const ran = ranIn(id);
        check(new Set(ran).size === ran.length, `a step of ${id} ran twice: ${ran}`);
        if (before) {
          const again = ran.filter((step) => before!.finished.includes(step));
          check(again.length === 0, `${again} had finished in ${before.id} and ran again in ${id}`);
          const left = processesOf((text) => text.includes(`SAME_RUN_ID=${before!.id}\0`));
          check(left.length === 0, `processes of ${before.id} are left while ${id} goes on with it: ${left}`);
          const unfinished = CELLS.filter((step) => !before!.finished.includes(step));
          const missed = unfinished.filter((step) => !ran.includes(step));
          check(
            wasKilled || before.torn || missed.length === 0,
            `${missed} had not finished in ${before.id} and did not run in ${id}`,
          );
        }
        if (!wasKilled) break;
        const isOver = existsSync(join(path, 'run.json'));
        if (isOver) break;
        const torn = tear && random() < 0.5 && tearLast(journalAt(path), random);
        await assertInterrupted(id, path);
        // What had finished before this one was begun has finished for all that go on with it.
        const finished = [...new Set([...(before?.finished ?? []), ...finishedIn(path)])];
        // Where a line was torn off, a result that it told of may be found all the same.
        before = { id, finished, torn: torn || (before?.torn ?? false) };
        words = ['run', `--resume=${id}`, '-j3', '--json', '--quiet'];
      }
      return life;
    },
    async inspect(lives) {
      const listed = await command(['list', 'runs', '--json']);
      check(listed.code === 0, `runs cannot be listed: ${listed.stderr}`);
      const items: { id: string; status: string }[] =
        listed.code === 0 ? JSON.parse(listed.stdout).items : [];
      const byId = new Map(items.map(({ id, status }) => [id, status]));
      const paths = runsOf();
      for (const path of paths) {
        const id = path.split('/').at(-1)!;
        const [first] = linesOf(journalAt(path));
        if (first === undefined) continue;
        check(byId.has(id), `run ${id} is lost`);
        check(['interrupted', 'succeeded'].includes(byId.get(id) ?? ''), `run ${id} is ${byId.get(id)}`);
        if (byId.get(id) === 'succeeded') inspectRecord(path);
        inspectJournal(path);
      }
      for (const { n, runs } of lives) {
        const last = runs.at(-1);
        check(
          last !== undefined && byId.get(last) === 'succeeded',
          `the run with n=${n} did not come to its end`,
        );
      }
      // A run clears what the killed ones left.
      const fresh = await command(['run', 'study:1.0', '--n=-1', '--quiet']);
      check(fresh.code === 0, `a fresh run fails: ${fresh.stderr}`);
      const verified = await command(['verify', 'integrity']);
      check(verified.code === 0, `the home is not whole: ${verified.stdout}${verified.stderr}`);
      const collected = await command(['gc']);
      check(collected.code === 0, `nothing can be collected: ${collected.stderr}`);
      check(below(join(home, 'work'), 1).length === 0, `work is left: ${below(join(home, 'work'), 1)}`);
      const left = processesOf((text) => text.includes(`${home}/`) && text.includes('SAME_RUN_ID='));
      check(left.length === 0, `processes are left: ${left}`);
      for (const pid of left) kill(pid);
    },
  };

  function inspectRecord(path: string): void {
    const record = JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'));
    const n = record.parameters.n.value;
    check(
      record.outputs.last?.digest === digestOf(lastOutput(n)),
      `run ${record.id} left another result than undisturbed`,
    );
    check(
      record.steps.map(({ name }: { name: string }) => name).join() === CELLS.join(),
      `run ${record.id} has other steps`,
    );
    for (const { name, status } of record.steps)
      check(status === 'succeeded', `${name} of ${record.id} is ${status}`);
  }

  /** Everything that a journal says is stored is stored as it was. */
  function inspectJournal(path: string): void {
    for (const line of linesOf(journalAt(path))) {
      const event = eventOf(line);
      if (event?.type !== 'step-finished' && event?.type !== 'step-cached') continue;
      const { outputs, logs } = event.result ?? event;
      for (const { digest } of [...Object.values(outputs), ...Object.values(logs)] as { digest: string }[]) {
        if (digest.startsWith('tree:')) continue;
        const blob = join(home, 'content/blobs/sha256', digest.slice('sha256:'.length));
        const isWhole = existsSync(blob) && digestOf(readFileSync(blob)) === digest;
        check(isWhole, `${digest}, which ${path} names, is not whole`);
      }
    }
  }
}

/**
 * Many runs at once in one home, each killed up to four times, at any line of its journal or at any moment, until so
 * many were killed in all; stops early once much is wrong.
 * @returns each run with what went on with it
 */
export async function killAtRandom(
  lab: CrashLab,
  { rounds, atOnce, random }: { rounds: number; atOnce: number; random: () => number },
): Promise<Life[]> {
  const lives: Life[] = [];
  let begun = 0;
  let n = 1000;
  const moment = (): Moment =>
    random() < 0.5 ? { lines: 1 + Math.floor(random() * 13) } : { afterMs: random() * 250 * atOnce };
  const worker = async () => {
    while (begun < rounds && lab.faults.length < 20) {
      const moments = Array.from({ length: 1 + Math.floor(random() * 4) }, moment);
      begun += moments.length;
      const life = await lab.live(n++, moments, random() < 0.2);
      lives.push(life);
      begun -= moments.length - life.kills;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return lives;
}

const digestOf = (bytes: string | Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Whole lines of a journal. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

// biome-ignore lint/suspicious/noExplicitAny: events of every shape
function eventOf(line: string | undefined): any {
  try {
    return line === undefined ? undefined : JSON.parse(line).event;
  } catch {
    return undefined;
  }
}

/** Leaves a part of the last line, as a machine that lost its power may: not of the first, which is the run itself. */
function tearLast(path: string, random: () => number): boolean {
  const bytes = readFileSync(path);
  const last = bytes.subarray(0, -1).lastIndexOf(10) + 1;
  if (last === 0) return false;
  truncateSync(path, last + Math.floor(random() * (bytes.length - last)));
  // Garbage is what some file systems leave where a write was lost.
  if (random() < 0.3) appendFileSync(path, Buffer.alloc(17));
  return true;
}

function below(directory: string, depth: number): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  const paths = names.map((name) => join(directory, name));
  return depth === 1 ? paths : paths.flatMap((path) => below(path, depth - 1));
}

/** Numbers from 0 to 1 that are the same for one seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
