import { createHash } from 'node:crypto';
import { hostname } from '../host/machine.ts';
import { bootId, processStart } from '../host/usage.ts';

/** Which process writes a run: pid, start and boot name it for ever; the host only as a hash. */
export interface Owner {
  pid: number;
  start?: string;
  boot?: string;
  host: string;
}

/** This process as an owner. */
export function thisOwner(): Owner {
  const start = processStart(process.pid);
  const boot = bootId();
  return {
    pid: process.pid,
    ...(start === undefined ? {} : { start }),
    ...(boot === undefined ? {} : { boot }),
    host: hostHash(),
  };
}

/** Whether an owner still lives: `elsewhere` when it is on another host and cannot be asked. */
export function ownerState(owner: Owner): 'alive' | 'dead' | 'elsewhere' {
  if (owner.host !== hostHash()) return 'elsewhere';
  if (owner.boot !== bootId()) return 'dead';
  if (owner.start !== undefined) return processStart(owner.pid) === owner.start ? 'alive' : 'dead';
  try {
    process.kill(owner.pid, 0);
    return 'alive';
  } catch {
    // No such process, or one of another user that took the number.
    return 'dead';
  }
}

function hostHash(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
}
