import { createHash, randomBytes } from 'node:crypto';
import {
  fromErrno,
  isErrno,
  join,
  linkSync,
  namesIn,
  readIfThere,
  renameSync,
  rmSync,
  temporaryBeside,
  writeAtomically,
} from '../../host/files.ts';
import type { LastProblem, Outbox, Queued, Telling } from './outbox.ts';
import { lockTelling } from './telling-lock.ts';

const ENTRY = /^(program|run)-[0-9A-Za-z._-]+\.json$/;

/** The queue of a home: a small file each in a directory, and what was refused in one below it. */
export function openDiskOutbox(directory: string): Outbox {
  const apart = join(directory, 'refused');
  const problemFile = join(directory, 'problem.json');
  const lockFile = join(directory, 'telling.json');
  const write = (path: string, value: object) => {
    try {
      writeAtomically(path, `${JSON.stringify(value)}\n`, { mode: 0o600, sync: true });
    } catch (error) {
      throw fromErrno(error, 'queueing what a store is to be told', directory);
    }
  };
  const queue = (key: string, telling: Telling) =>
    write(join(directory, key), { ...telling, put: randomBytes(8).toString('hex') });
  const entryNames = (place: string) => namesIn(place).filter((name) => ENTRY.test(name));
  const entriesIn = (place: string): Queued[] =>
    entryNames(place).flatMap((name): Queued[] => {
      const bytes = readIfThere(join(place, name));
      const entry = bytes && parsed(bytes);
      if (!entry) return [];
      const { refused, put, ...telling } = entry;
      return [
        {
          key: name,
          put: typeof put === 'string' ? put : '',
          telling: telling as Telling,
          ...(Array.isArray(refused) ? { refused } : {}),
        },
      ];
    });
  /** @returns whether it was there still, and not put again */
  const takeOut = ({ key, put }: Queued): boolean => {
    const path = join(directory, key);
    const isSame = (place: string) => {
      const bytes = readIfThere(place);
      return bytes !== undefined && (parsed(bytes)?.put ?? '') === put;
    };
    if (!isSame(path)) return false;
    // Between a look and a removal somebody may put it again.
    const aside = temporaryBeside(path);
    try {
      renameSync(path, aside);
      if (isSame(aside)) return true;
      linkSync(aside, path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
    } finally {
      rmSync(aside, { force: true });
    }
    return false;
  };

  return {
    put(telling) {
      rmSync(join(apart, keyOf(telling)), { force: true });
      queue(keyOf(telling), telling);
    },
    count: () => entryNames(directory).length,
    waiting: () => entriesIn(directory),
    refused: () => entriesIn(apart),
    told(queued) {
      takeOut(queued);
    },
    refuse(queued, findings) {
      const refused = join(apart, queued.key);
      write(refused, { ...queued.telling, refused: findings });
      if (!takeOut(queued)) rmSync(refused, { force: true });
    },
    tryRefusedAgain() {
      const all = entriesIn(apart);
      for (const { key, telling } of all) {
        queue(key, telling);
        rmSync(join(apart, key), { force: true });
      }
      return all.length;
    },
    get problem() {
      const bytes = readIfThere(problemFile);
      const last = bytes && parsed(bytes);
      return last?.finding ? (last as unknown as LastProblem) : undefined;
    },
    set problem(problem) {
      if (problem) write(problemFile, problem);
      else rmSync(problemFile, { force: true });
    },
    lock: () => lockTelling(lockFile),
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
