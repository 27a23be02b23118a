import type { EngineEvent, RunPlace } from '../engines/engine.ts';
import { SameError } from '../errors/same-error.ts';
import { existsSync, join, namesIn, readIfThere, removeTree } from '../host/files.ts';
import { processState } from '../host/process-identity.ts';
import { parseJournal } from './journal.ts';
import { isRecordShaped } from './record-shape.ts';
import { type Begun, isBegun, isStepEvent, replay } from './run-events.ts';
import { isRunId, monthOf } from './run-id.ts';
import { Looks, type PackList, packsIn, RunPacks, readPackedRun, removedIn } from './run-packs.ts';
import { PLACE, parsePlace } from './run-place.ts';
import type { RunRecord } from './run-record.ts';
import type { RunLog, StoredRun } from './run-store.ts';
import { isTakenOver } from './taken-over.ts';

/** Directories of these names are runs that were deleted and are on their way out. */
export const DELETED = '.deleted-';

/** What lies in the directory of a month. */
export interface MonthOfRuns {
  /** Ids of runs that have a directory of their own. */
  own: string[];
  /** Names of packs. */
  packs: string[];
  /** Ids of packed runs that were deleted. */
  removed: Set<string>;
}

/** The files of runs, each in a directory of its own or in a pack of its month: how they are read. */
export class RunFiles {
  readonly directory: string;
  readonly packs = new RunPacks();

  /** @param directory `$SAME_HOME/runs` */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** The directory that a run has while it is not packed. */
  pathOf(id: string): string {
    return join(this.monthPath(id), id);
  }

  monthPath(id: string): string {
    const { year, month } = monthOf(id);
    return join(this.directory, year, month);
  }

  /** `YYYY/MM`, the newest first. */
  months(): string[] {
    return namesIn(this.directory)
      .filter((name) => /^[0-9]{4}$/.test(name))
      .flatMap((year) => namesIn(join(this.directory, year)).map((month) => `${year}/${month}`))
      .reverse();
  }

  month(name: string): MonthOfRuns {
    const names = namesIn(join(this.directory, name));
    return { own: names.filter(isRunId), packs: packsIn(names), removed: removedIn(names) };
  }

  /**
   * Ids, the newest first, each month looked at when it is come to.
   * @param onDamaged told of packs that cannot be read
   */
  *ids(onDamaged: (error: SameError) => void): Generator<string> {
    for (const name of this.months()) yield* this.#idsIn(name, onDamaged);
  }

  #idsIn(name: string, onDamaged: (error: SameError) => void, looks = new Looks()): string[] {
    const { own, packs, removed } = this.month(name);
    const ids = new Set(own);
    const damage: SameError[] = [];
    for (const pack of packs) {
      try {
        const list = this.packs.list(join(this.directory, name, pack));
        if (!list) looks.miss(pack);
        for (const id of list?.runs.keys() ?? []) if (!removed.has(id)) ids.add(id);
      } catch (error) {
        if (error instanceof SameError) damage.push(error);
        else throw error;
      }
    }
    if (looks.isAgain()) return this.#idsIn(name, onDamaged, looks);
    damage.forEach(onDamaged);
    return [...ids].sort().reverse();
  }

  /** Whether there are files of a run, whatever is in them. */
  has(id: string): boolean {
    return existsSync(this.pathOf(id)) || this.isPacked(id);
  }

  /** Whether a run is in a pack, and was not deleted since. */
  isPacked(id: string): boolean {
    return this.packs.has(this.monthPath(id), id);
  }

  /** What is known of a run. @throws SAME1612 its files are damaged */
  load(id: string): StoredRun | undefined {
    const path = this.pathOf(id);
    const final = readIfThere(join(path, 'run.json'));
    if (final) return { record: parseRecord(final, id, path), own: true };
    const journal = readIfThere(join(path, 'journal.jsonl'));
    if (journal) return this.#ofJournal(id, path, journal);
    const packed = this.packs.find(this.monthPath(id), id);
    if (!packed) return undefined;
    return { record: parseRecord(packed.file('run.json') ?? Buffer.alloc(0), id, path), own: true };
  }

  /** Events of a run's journal, as far as they can be read. */
  events(id: string): unknown[] {
    return parseJournal(this.#journal(id)).events;
  }

  /** Where a run was submitted. */
  place(id: string): RunPlace | 'nowhere' | undefined {
    return parsePlace(this.#fileOf(id, PLACE));
  }

  /** The log files of a run, in the order of their names. */
  logs(id: string): RunLog[] {
    const directory = join(this.pathOf(id), 'logs');
    const names = namesIn(directory);
    if (names.length > 0) return names.flatMap((name) => logOf(name, { path: join(directory, name) }));
    const packed = this.packs.find(this.monthPath(id), id);
    if (!packed) return [];
    return [
      ...packed.run.files.flatMap(([name]) =>
        name.startsWith('logs/') ? logOf(name.slice(5), { bytes: packed.file(name)! }) : [],
      ),
      ...packed.run.stored.flatMap(([name, digest, sizeBytes]) =>
        name.startsWith('logs/') ? logOf(name.slice(5), { stored: { digest, sizeBytes } }) : [],
      ),
    ];
  }

  /** Removes what was deleted by a command that was killed before it had removed all. */
  removeDeleted(): void {
    for (const name of namesIn(this.directory)) {
      if (!name.startsWith(DELETED)) continue;
      try {
        removeTree(join(this.directory, name));
      } catch {
        // Another command is at it too, or it is another user's: then it is not this command's to fail for.
      }
    }
  }

  /** What a journal alone says, whatever the record. @throws SAME1612 it is damaged */
  replayed(id: string): RunRecord | undefined {
    const journal = this.#journal(id);
    return journal && this.#ofJournal(id, this.pathOf(id), journal)?.record;
  }

  #journal(id: string): Buffer | undefined {
    return this.#fileOf(id, 'journal.jsonl');
  }

  #fileOf(id: string, name: string): Buffer | undefined {
    return readIfThere(join(this.pathOf(id), name)) ?? this.packs.find(this.monthPath(id), id)?.file(name);
  }

  #ofJournal(id: string, path: string, journal: Buffer): StoredRun | undefined {
    const { events, damaged } = parseJournal(journal);
    const [begun, ...following] = events;
    const foreign = events.findIndex(
      (event, index) => !(index === 0 ? isBegun(event, id) : isStepEvent(event)),
    );
    const wrong = damaged ?? (foreign < 0 ? undefined : foreign + 1);
    if (wrong !== undefined) throw damagedJournal(id, path, `at line ${wrong}`);
    // The process died before its first line was whole: nothing of the run had begun.
    if (begun === undefined) return undefined;
    const { record: first, owner } = begun as Begun;
    const asked = processState(owner);
    // Whoever took it over has said that its writer is dead; a writer that lives all the same stops.
    const state = asked !== 'dead' && isTakenOver(path) ? 'dead' : asked;
    const record = replay(first, following as EngineEvent[]);
    if (!isRecordShaped(record)) throw damagedJournal(id, path, 'where steps ended');
    record.status = state === 'dead' ? 'interrupted' : 'running';
    return { record, own: true, ...(state === 'elsewhere' ? { elsewhere: true } : {}) };
  }
}

/** The record of a run in a pack; nothing where the pack is gone. @throws SAME1612 */
export function recordInPack(path: string, list: PackList, id: string): RunRecord | undefined {
  const run = list.runs.get(id)!;
  const bytes = readPackedRun(path, list, run);
  const [, at, sizeBytes] = run.files.find(([name]) => name === 'run.json') ?? ['', 0, 0];
  return bytes && parseRecord(bytes.subarray(at, at + sizeBytes), id, path);
}

function logOf(name: string, place: Pick<RunLog, 'path' | 'bytes' | 'stored'>): RunLog[] {
  const match = /^(.+)\.([0-9]+)\.(stdout|stderr)$/.exec(name);
  if (!match) return [];
  return [{ step: match[1]!, attempt: Number(match[2]), stream: match[3] as 'stdout' | 'stderr', ...place }];
}

function parseRecord(bytes: Buffer, id: string, path: string): RunRecord {
  const refused = (message: string, cause?: unknown) =>
    new SameError(
      {
        code: 'SAME1612',
        message,
        place: join(path, 'run.json'),
        hint: `remove it with: same delete run ${id}`,
      },
      { cause },
    );
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw refused('run record is not JSON', error);
  }
  if (!isRecordShaped(record) || record.id !== id) throw refused(`what is there is no record of run ${id}`);
  return record;
}

function damagedJournal(id: string, path: string, where: string): SameError {
  return new SameError({
    code: 'SAME1612',
    message: `journal of run ${id} is damaged ${where}`,
    place: join(path, 'journal.jsonl'),
    hint: `remove it with: same delete run ${id}`,
  });
}
