import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { monotonicMs, sleep } from './clock.ts';
import { hasEnded, kinshipOf } from './usage.ts';

const ROUNDS = 100;
const ROUND_MS = 10;
/** For so long the numbers of new processes surely only grow: tens of thousands would have to be started to come round. */
const GROWING_MS = 500;
/** Looking for more processes one by one costs more than listing all that there are. */
const FEW = 64;

/** The process whose leftovers are looked for. */
export interface Ended {
  pid: number;
  /** When it was started, on the monotonic clock. */
  startedMs: number;
}

/** Processes by their numbers. */
export interface Killed {
  killed: Set<string>;
  /** Those that were meant too, but are this process or what it was started from. */
  spared: Set<string>;
}

/**
 * Kills what a command left running outside its process group (`setsid`, a daemon), found by the variables it was
 * started with, and waits until it is gone: what it could still write must not change any more. This process and
 * those that it was started from are left alone: a step may have opened the shell in which this command was given.
 * @param variables all of them mark a process as one to kill
 * @param ended the command; where it ran for a moment only, its leftovers are looked for among what began after it
 */
export async function killSurvivors(variables: Record<string, string>, ended?: Ended): Promise<Killed> {
  const marks = Object.entries(variables).map(([name, value]) => `\0${name}=${value}\0`);
  const killed = new Set<string>();
  let spared = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const marked = candidates(ended).filter((pid) => isMarked(pid, marks));
    // One that dies has no variables any more, and still holds its files and locks.
    const dying = [...killed].some((pid) => !hasEnded(Number(pid)));
    if (marked.length === 0 && !dying) break;
    const line = lineage();
    spared = new Set(marked.filter((pid) => line.has(pid)));
    const found = marked.filter((pid) => !spared.has(pid));
    if (found.length === 0 && !dying) break;
    for (const pid of found) {
      try {
        process.kill(Number(pid), 'SIGKILL');
        killed.add(pid);
      } catch {
        // Gone by itself.
      }
    }
    await sleep(ROUND_MS);
  }
  return { killed, spared };
}

/**
 * Kills the group of a process, but for this process and those that it was started from.
 * @param leader its number, by which the group is named
 */
export function killGroup(leader: number): Killed {
  const isIn = (pid: string) => kinshipOf(Number(pid))?.group === leader;
  const spared = new Set([...lineage()].filter(isIn));
  const killed = new Set<string>();
  const targets =
    spared.size === 0 ? [String(-leader)] : processes().filter((pid) => !spared.has(pid) && isIn(pid));
  for (const target of targets) {
    try {
      process.kill(Number(target), 'SIGKILL');
      killed.add(target.replace('-', ''));
    } catch {
      // It ended meanwhile.
    }
  }
  return { killed, spared };
}

/** This process, what started it, and so on. */
function lineage(): Set<string> {
  const line = new Set<string>();
  for (let pid = process.pid; pid > 0 && !line.has(String(pid)); pid = kinshipOf(pid)?.parent ?? 0)
    line.add(String(pid));
  return line;
}

function candidates(ended: Ended | undefined): string[] {
  if (ended && monotonicMs() - ended.startedMs < GROWING_MS) {
    const last = lastProcessNumber();
    if (last >= ended.pid && last - ended.pid <= FEW) {
      const since = Array.from({ length: last - ended.pid }, (_, index) => String(ended.pid + 1 + index));
      return since.filter((pid) => existsSync(`/proc/${pid}`));
    }
  }
  return processes();
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^[0-9]/.test(name));
  } catch {
    return [];
  }
}

/** The number of the process that was started last; 0 where there is no /proc. */
function lastProcessNumber(): number {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1));
  } catch {
    return 0;
  }
}

function isMarked(pid: string, marks: readonly string[]): boolean {
  try {
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
    return marks.every((mark) => environment.includes(mark));
  } catch {
    // It ended, or is another user's.
    return false;
  }
}
