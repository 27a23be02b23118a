import { readdirSync, readFileSync } from 'node:fs';
import { sleep } from './clock.ts';

const ROUNDS = 100;
const ROUND_MS = 10;

/** Numbers of the processes that are there now; none where there is no /proc. */
export function processNumbers(): Set<string> {
  try {
    return new Set(readdirSync('/proc').filter((name) => /^[0-9]/.test(name)));
  } catch {
    return new Set();
  }
}

/**
 * Kills what a command left running outside its process group (`setsid`, a daemon), found by the variables it was
 * started with, and waits until it is gone: what it could still write must not change any more.
 * @param variables all of them mark a process as one to kill
 * @param before processes that were there before the command and are none of its own
 */
export async function killSurvivors(
  variables: Record<string, string>,
  before: ReadonlySet<string>,
): Promise<void> {
  const marks = Object.entries(variables).map(([name, value]) => `\0${name}=${value}\0`);
  for (let round = 0; round < ROUNDS; round++) {
    const found = [...processNumbers()].filter((pid) => !before.has(pid) && isMarked(pid, marks));
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // Gone by itself.
      }
    }
    await sleep(ROUND_MS);
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
