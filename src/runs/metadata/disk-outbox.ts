import { createHash } from 'node:crypto';
import type { Finding } from '../../errors/same-error.ts';
import { epochMs } from '../../host/clock.ts';
import {
  createExclusively,
  fromErrno,
  join,
  namesIn,
  readIfThere,
  rmSync,
  statSync,
  writeAtomically,
} from '../../host/files.ts';
import { type ProcessIdentity, processState, thisProcess } from '../../host/process-identity.ts';
import type { Outbox, Queued, Telling } from './outbox.ts';

const ENTRY = /^(program|run)-[0-9A-Za-z._-]+\.json$/;
/** A command on another host cannot be asked; for so long it is believed to be at work. */
const ELSEWHERE_MS = 60 * 60_000;

/** The queue of a home: a small file each in a directory, and what was refused in one below it. */
export function openDiskOutbox(directory: string): Outbox {
  const apart = join(directory, 'refused');
  const problemFile = join(directory, 'problem.json');
  const lockFile = join(directory, 'telling.json');
  /** The bytes that something was read as. */
  const read = new WeakMap<Queued, Buffer>();
  const write = (path: string, value: object) => {
    try {
      writeAtomically(path, `${JSON.stringify(value)}\n`, { mode: 0o600, sync: true });
    } catch (error) {
      throw fromErrno(error, 'queueing what a store is to be told', directory);
    }
  };
  const entriesIn = (place: string): Queued[] =>
    namesIn(place)
      .filter((name) => ENTRY.test(name))
      .flatMap((name): Queued[] => {
        const bytes = readIfThere(join(place, name));
        const entry = bytes && parsed(bytes);
        if (!entry) return [];
        const { refused, ...telling } = entry;
        const queued: Queued = {
          key: name,
          telling: telling as Telling,
          ...(Array.isArray(refused) ? { refused } : {}),
        };
        read.set(queued, bytes);
        return [queued];
      });

  return {
    put(telling) {
      rmSync(join(apart, keyOf(telling)), { force: true });
      write(join(directory, keyOf(telling)), telling);
    },
    waiting: () => entriesIn(directory),
    refused: () => entriesIn(apart),
    told(queued) {
      const path = join(directory, queued.key);
      const now = readIfThere(path);
      if (now && read.get(queued)?.equals(now)) rmSync(path, { force: true });
    },
    refuse(queued, findings) {
      write(join(apart, queued.key), { ...queued.telling, refused: findings });
      this.told(queued);
    },
    tryRefusedAgain() {
      const all = entriesIn(apart);
      for (const { key, telling } of all) {
        write(join(directory, key), telling);
        rmSync(join(apart, key), { force: true });
      }
      return all.length;
    },
    get problem() {
      const bytes = readIfThere(problemFile);
      return bytes && (parsed(bytes) as Finding | undefined);
    },
    set problem(finding) {
      if (finding) write(problemFile, finding);
      else rmSync(problemFile, { force: true });
    },
    lock() {
      const mine = JSON.stringify(thisProcess());
      if (!createExclusively(lockFile, mine)) {
        if (isHeld(lockFile)) return undefined;
        rmSync(lockFile, { force: true });
        if (!createExclusively(lockFile, mine)) return undefined;
      }
      return () => {
        if (readIfThere(lockFile)?.toString('utf8') === mine) rmSync(lockFile, { force: true });
      };
    },
  };
}

function keyOf(telling: Telling): string {
  if (telling.kind === 'run') return `run-${telling.id}.json`;
  const { name, version, digest } = telling;
  const hash = createHash('sha256').update(`${name}:${version}@${digest}`).digest('hex');
  return `program-${hash.slice(0, 32)}.json`;
}

/** What a file says; undefined of one that says nothing that could be told. */
function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHeld(path: string): boolean {
  const bytes = readIfThere(path);
  const owner = bytes && parsed(bytes);
  if (!owner) return false;
  const state = processState(owner as unknown as ProcessIdentity);
  if (state !== 'elsewhere') return state === 'alive';
  return epochMs() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < ELSEWHERE_MS;
}
