import { execFile } from 'node:child_process';
import { statfsSync } from 'node:fs';
import * as os from 'node:os';
import { dirname } from 'node:path';
import { findCommand } from './processes.ts';

/** One graphics processor. */
export interface Gpu {
  vendor: 'nvidia' | 'amd' | 'intel';
  name: string;
  memoryBytes: number;
}

/** What this machine offers one process: limits of the container it runs in are already taken off. */
export interface Machine {
  /** For instance `linux`, `darwin`. */
  os: string;
  /** For instance `x86_64`, `aarch64`, `arm64`. */
  arch: string;
  /** Cores that may be used at once. */
  cpu: number;
  memoryBytes: number;
  /** Asked for only when called: it starts a command where a driver is installed. */
  gpus(): Promise<Gpu[]>;
}

const GPU_TIMEOUT_MS = 10_000;

/** Where this machine keeps what may be lost. */
export function temporaryDirectory(): string {
  return os.tmpdir();
}

/** Looks at this machine; cheap, starts nothing. */
export function machine(): Machine {
  const [system, arch] = platform().split('-') as [string, string];
  const limit = process.constrainedMemory();
  return {
    os: system,
    arch,
    // libuv counts affinity and cgroup quotas.
    cpu: os.availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(os.totalmem(), limit) : os.totalmem(),
    gpus: memoised(nvidiaGpus),
  };
}

/** Operating system and architecture as locks and keys name them: `linux-x86_64`, `linux-aarch64`, `darwin-arm64`, … */
export function platform(): string {
  const { platform: system, arch } = process;
  if (arch === 'x64') return `${system}-x86_64`;
  if (arch === 'arm64' && system === 'linux') return 'linux-aarch64';
  return `${system}-${arch}`;
}

/** The name of this host; for messages and, hashed, for records. */
export function hostname(): string {
  return os.hostname();
}

/**
 * Digits that stand for this host where names of several hosts are told apart and nobody chooses them: FNV-1a, twice, since
 * to load what hashes well costs more than all that looks into an index of runs.
 */
export function hostMark(): string {
  return [0x811c9dc5, 0x050c5d1f]
    .map((begin) => {
      let hash = begin;
      for (const byte of Buffer.from(hostname())) hash = Math.imul(hash ^ byte, 0x01000193);
      return (hash >>> 0).toString(16).padStart(8, '0');
    })
    .join('');
}

/** The name of the user who runs this; empty where the system has none. */
export function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return '';
  }
}

/** The user's home directory, absolute. */
export function homeDirectory(): string {
  return os.homedir();
}

/** Bytes that this user may still write below a path; a directory that is not there yet counts as its nearest parent. */
export function freeDiskBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(path);
    if (parent === path || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return freeDiskBytes(parent);
  }
}

/** Reads the answer of `nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits` (memory in MiB). */
export function parseNvidiaGpus(csv: string): Gpu[] {
  return csv.split('\n').flatMap((line): Gpu[] => {
    const comma = line.lastIndexOf(',');
    if (comma < 0) return [];
    const mebibytes = Number(line.slice(comma + 1).trim());
    return [
      {
        vendor: 'nvidia',
        name: line.slice(0, comma).trim(),
        memoryBytes: Number.isFinite(mebibytes) ? mebibytes * 1024 * 1024 : 0,
      },
    ];
  });
}

function nvidiaGpus(): Promise<Gpu[]> {
  if (!findCommand('nvidia-smi')) return Promise.resolve([]);
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
  return new Promise((done) => {
    execFile('nvidia-smi', query, { timeout: GPU_TIMEOUT_MS }, (error, stdout) =>
      // Not installed, or a driver without a device: either way there is none to use.
      done(error ? [] : parseNvidiaGpus(stdout)),
    );
  });
}

function memoised<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
