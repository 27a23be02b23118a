import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { isErrno } from './files.ts';
import { hostname } from './machine.ts';
import { bootId, processStart } from './usage.ts';

/** Which process something belongs to: number, start and boot name it for ever; the host only as a hash. */
export interface ProcessIdentity {
  pid: number;
  start?: string;
  boot?: string;
  /** The PID namespace: a container's numbers are not its host's, even where the host's name is the same. */
  space?: string;
  host: string;
}

const OWN_NAME = /^([0-9a-f]{8})-([0-9a-f]{8}|none)-([0-9]+|none)-([0-9]+)-[0-9a-f]+$/;

/** This process. */
export function thisProcess(): ProcessIdentity {
  const start = processStart(process.pid);
  const boot = bootId();
  const space = processSpace();
  return {
    pid: process.pid,
    ...(start === undefined ? {} : { start }),
    ...(boot === undefined ? {} : { boot }),
    ...(space === undefined ? {} : { space }),
    host: hostHash(),
  };
}

/** Whether a process still lives: `elsewhere` when it is on another host or in another container and cannot be asked. */
export function processState(of: ProcessIdentity): 'alive' | 'dead' | 'elsewhere' {
  if (of.host !== hostHash()) return 'elsewhere';
  if (of.boot !== bootId()) return 'dead';
  if (of.space !== processSpace()) return 'elsewhere';
  if (of.start !== undefined) return processStart(of.pid) === of.start ? 'alive' : 'dead';
  return isThere(of.pid) ? 'alive' : 'dead';
}

/** Asks a process to end, as TERM does. @returns whether it was there to be asked */
export function askToEnd(of: ProcessIdentity): 'asked' | 'gone' | 'elsewhere' {
  const state = processState(of);
  if (state !== 'alive') return state === 'dead' ? 'gone' : state;
  try {
    process.kill(of.pid, 'SIGTERM');
    return 'asked';
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return 'gone';
    throw error;
  }
}

/** A new name for a file or directory of this process, by which others see whether it still lives. */
export function ownName(): string {
  const [host, boot, space] = nameParts();
  return `${host}-${boot}-${space}-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Whether a name was given by {@link ownName} in a process that is surely gone. */
export function isAbandoned(name: string): boolean {
  const match = OWN_NAME.exec(name);
  if (!match) return false;
  const [host, boot, space] = nameParts();
  if (match[1] !== host) return false;
  if (match[2] !== boot) return true;
  return match[3] === space && !isThere(Number(match[4]));
}

let ownParts: [host: string, boot: string, space: string] | undefined;

/** None of them changes while a process lives, and names are made for every blob that is stored. */
function nameParts(): [host: string, boot: string, space: string] {
  ownParts ??= [hostHash().slice(0, 8), bootId()?.slice(0, 8) ?? 'none', processSpace() ?? 'none'];
  return ownParts;
}

/** What stands for this host, of which nothing else is told. */
function hostHash(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
}

function processSpace(): string | undefined {
  try {
    return /[0-9]+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}
