import { readFileSync } from 'node:fs';

const ROOT = '/sys/fs/cgroup';
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** What the kernel has counted for the processes of a control group, as far as it tells. */
export interface GroupUsage {
  cpuSeconds?: number;
  /** Bytes of memory that are nobody's file, now. */
  memoryBytes?: number;
  /** Processes that it killed because the group wanted more memory than it may have. */
  memoryKills?: number;
}

/** A control group of Linux, version 1 or 2, as its files show it. */
export interface ControlGroup {
  /** Nothing of a group that is gone. */
  usage(): GroupUsage;
  /** Numbers of its processes now. */
  processes(): number[];
}

/** The group that a process is in, or undefined where there is none to be seen. */
export function controlGroupOf(pid: number): ControlGroup | undefined {
  const lines = read(`/proc/${pid}/cgroup`)?.trim().split('\n') ?? [];
  const groups = lines.map((line) => {
    const [, controllers = '', ...path] = line.split(':');
    return { controllers: controllers.split(','), path: path.join(':') };
  });
  const first = (controller: string) => groups.find(({ controllers }) => controllers.includes(controller));
  const unified = groups.find(({ controllers }) => controllers.join() === '');
  const [memory, cpu] = [first('memory'), first('cpuacct')];
  const of = (controller: string, group: { path: string } | undefined) =>
    group ? `${ROOT}/${controller}${group.path}` : `${ROOT}${unified?.path ?? '/'}`;
  // The root group is everything that runs: nothing that one container did.
  if ([memory, cpu, unified].every((group) => group === undefined || group.path === '/')) return undefined;
  const [inMemory, inCpu] = [of('memory', memory), of('cpuacct', cpu)];
  return {
    usage: () =>
      definedOnly({
        cpuSeconds: cpu
          ? scaled(read(`${inCpu}/cpuacct.usage`), NANOSECONDS)
          : scaled(field(read(`${inCpu}/cpu.stat`), 'usage_usec'), MICROSECONDS),
        memoryBytes: scaled(field(read(`${inMemory}/memory.stat`), memory ? 'total_rss' : 'anon'), 1),
        memoryKills: scaled(
          field(read(`${inMemory}/${memory ? 'memory.oom_control' : 'memory.events'}`), 'oom_kill'),
          1,
        ),
      }),
    processes: () => (read(`${inMemory}/cgroup.procs`) ?? '').split('\n').filter(Boolean).map(Number),
  };
}

/** Processes of this machine that the kernel has killed for want of memory since it started, in whatever group. */
export function memoryKillsOfMachine(): number | undefined {
  return scaled(field(read('/proc/vmstat'), 'oom_kill'), 1);
}

function field(text: string | undefined, name: string): string | undefined {
  return text
    ?.split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);
}

function scaled(text: string | undefined, unit: number): number | undefined {
  return text === undefined ? undefined : Number(text) / unit;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // The group or the process is gone, or this kernel has no such file.
    return undefined;
  }
}

function definedOnly(usage: { [name in keyof GroupUsage]: number | undefined }): GroupUsage {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
}
