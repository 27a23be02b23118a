import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Paths of what a process has open; none of one that is gone. */
export function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Processes by what their variables hold. */
export function processesOf(has: (variables: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        return has(readFileSync(`/proc/${pid}/environ`, 'latin1'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Kills a process at once, if it is there. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}
