import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc, fixed at 100 by the Linux ABI. */
const TICKS_PER_SECOND = 100;

/**
 * CPU seconds of all children this process has waited for, descendants included, in steps of 10 ms; undefined where
 * there is no /proc. Node has no wait4, and this is what the kernel adds up at each wait.
 */
export function waitedCpuSeconds(): number | undefined {
  const fields = statFields('self');
  return fields && (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** Resident bytes of a process and its living descendants now, or undefined where there is no /proc. */
export function residentBytes(pid: number): number | undefined {
  try {
    const own = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    const below =
      children === ''
        ? 0
        : children.split(' ').reduce((sum, id) => sum + (residentBytes(Number(id)) ?? 0), 0);
    return Number(own?.[1] ?? 0) * 1024 + below;
  } catch {
    // The process ended between two looks, or there is no /proc.
    return undefined;
  }
}

/** When a process started, in ticks since boot: with pid and boot id it names one process for ever. */
export function processStart(pid: number): string | undefined {
  return statFields(String(pid))?.[19];
}

/** The process that started another one, or that it was given to since, and the group it is in. */
export function kinshipOf(pid: number): { parent: number; group: number } | undefined {
  const fields = statFields(String(pid));
  return fields && { parent: Number(fields[1]), group: Number(fields[2]) };
}

/** Whether a process is gone but for its parent hearing of it: it runs nothing and holds nothing. */
export function hasEnded(pid: number): boolean {
  return /^[ZX]?$/.test(statFields(String(pid))?.[0] ?? '');
}

/** The id of this boot, or undefined where the kernel gives none. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** Fields of /proc/PID/stat after the command name; index 0 is the state. */
function statFields(pid: string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
