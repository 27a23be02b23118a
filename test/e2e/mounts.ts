import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A private view of the file systems in which small and read-only disks can be mounted. */
export interface Mounts {
  /** Put in front of a command, runs it in this view. */
  under: string[];
  /** Runs a shell text in this view. @throws when it fails */
  shell(text: string): string;
  /** Where this view's path is seen from outside. */
  seen(path: string): string;
  [Symbol.dispose](): void;
}

const isRoot = process.getuid?.() === 0;
const apart = isRoot ? ['unshare', '-m'] : ['unshare', '-r', '-m'];

/** Why file systems cannot be mounted here, or undefined when they can. */
export function unavailable(): string | undefined {
  const [command, ...words] = [...apart, 'sh', '-c', 'mount -t tmpfs none /mnt && command -v nsenter'];
  const { status } = spawnSync(command!, words, { stdio: 'ignore' });
  return status === 0 ? undefined : 'this user may not mount a file system of its own';
}

/** Opens a view; it goes with its holder. Commands start in `directory`. */
export async function openMounts(directory: string): Promise<Mounts> {
  const [command, ...words] = [...apart, 'sh', '-c', 'mount --make-rprivate / ; echo ready; exec sleep 600'];
  const holder: ChildProcess = spawn(command!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout!, 'data');
  const enter = [
    'nsenter',
    ...(isRoot ? [] : ['-U', '--preserve-credentials']),
    '-m',
    '-t',
    String(holder.pid),
  ];
  const under = [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', directory];
  return {
    under,
    shell: (text) => execFileSync(under[0]!, [...under.slice(1), 'sh', '-c', text], { encoding: 'utf8' }),
    seen: (path) => join(`/proc/${holder.pid}/root`, path),
    [Symbol.dispose]: () => holder.kill('SIGKILL'),
  };
}
