import { type Finding, SameError } from '../../errors/same-error.ts';
import { join, namesIn } from '../../host/files.ts';
import { type RunFiles, recordInPack } from '../run-files.ts';
import { isRunId } from '../run-id.ts';
import type { PackList } from '../run-packs.ts';
import { rowOf } from '../run-row.ts';
import type { StoredRun } from '../run-store.ts';
import { changedMonths, changedTags } from './changes.ts';
import { putOther } from './others.ts';
import { runStamp, stampOf, sureStamp, UNSURE } from './stamps.ts';
import type { IndexTables } from './tables.ts';

/** What an index of runs is made from. */
export interface IndexSources {
  files: RunFiles;
  /** Files `ID.jsonl`, and what they say. */
  annotations: { directory: string; of(id: string): { tags: Record<string, string> } };
  /** Told of each run that is left out because its files are damaged. */
  onDamaged(finding: Finding): void;
}

/** Another process changed the tables between two batches: what is known of them is not so any more. */
export class ChangedMeanwhile extends Error {}

const BATCH = 20_000;
/** Stands for the stamp of a run that is damaged in its pack: it is read again with the pack. */
const PACKED = 'packed';

/** Takes what changed in the files of a home's own runs into the tables, looking only at what can have changed. */
export class IndexRefresh {
  readonly #tables: IndexTables;
  readonly #sources: IndexSources;
  readonly #perBatch: number;
  #batch = 0;

  /** @param perBatch runs that are taken before what is done so far is kept */
  constructor(tables: IndexTables, sources: IndexSources, perBatch = BATCH) {
    this.#tables = tables;
    this.#sources = sources;
    this.#perBatch = perBatch;
  }

  /** Whether something may have changed since the tables were made; warns of what is known to be damaged. */
  isStale(): boolean {
    const { months, gone } = changedMonths(this.#tables, this.#sources.files);
    if (
      months.length > 0 ||
      gone.length > 0 ||
      changedTags(this.#tables, this.#sources.annotations.directory).length > 0
    )
      return true;
    return this.#open().length > 0;
  }

  /** Takes all changes, within a transaction of the caller. */
  apply(): void {
    const { months, gone } = changedMonths(this.#tables, this.#sources.files);
    for (const month of gone) this.#month(month, undefined);
    for (const { month, stamp } of months) this.#month(month, stamp);
    for (const { id, month } of this.#open()) this.#load(id, month);
    for (const { id, stamp } of changedTags(this.#tables, this.#sources.annotations.directory))
      this.#tag(id, stamp);
    this.#tables.flush();
  }

  /** Tells of every run that is left out. */
  warn(): void {
    const left = this.#tables.all<{ finding: string }>('SELECT finding FROM open WHERE finding IS NOT NULL');
    for (const { finding } of left) this.#sources.onDamaged(JSON.parse(finding));
  }

  /** @param stamp of the directory before it is read; undefined when it is not there any more */
  #month(month: string, stamp: string | undefined): void {
    const { files } = this.#sources;
    const tables = this.#tables;
    const { own, packs, removed } = files.month(month);
    const known = new Map(
      tables
        .all<{ pack: number; name: string; whole: number }>(
          'SELECT pack, name, whole FROM packs WHERE month = ?',
          month,
        )
        .map((pack) => [pack.name, pack]),
    );
    for (const { pack, name } of known.values()) {
      if (packs.includes(name)) continue;
      tables.run('UPDATE runs SET pack = NULL WHERE pack = ?', pack);
      tables.run('DELETE FROM packs WHERE pack = ?', pack);
    }
    // What was damaged in packs is found again where they are read again.
    tables.run('DELETE FROM open WHERE month = ? AND (id LIKE ? OR stamp = ?)', month, 'pack-%', PACKED);
    const there = new Set(own);
    for (const name of packs) if (!known.get(name)?.whole) this.#pack(month, name, removed, there);
    const had = tables.all<{ id: string }>('SELECT id FROM runs WHERE month = ? AND dir = 1', month);
    const added = new Set(own);
    for (const { id } of had) if (!added.delete(id)) tables.run('UPDATE runs SET dir = 0 WHERE id = ?', id);
    const open = 'SELECT id FROM open WHERE month = ? AND stamp <> ?';
    for (const { id } of tables.all<{ id: string }>(open, month, PACKED)) {
      if (!there.has(id) && isRunId(id)) tables.run('DELETE FROM open WHERE id = ?', id);
      added.delete(id);
    }
    for (const id of added) this.#load(id, month);
    const nowhere = 'SELECT id FROM runs WHERE month = ? AND dir = 0 AND pack IS NULL';
    for (const { id } of tables.all<{ id: string }>(nowhere, month)) this.#drop(id);
    for (const id of removed) if (!there.has(id)) this.#drop(id);
    if (stamp === undefined) tables.run('DELETE FROM months WHERE month = ?', month);
    else tables.run('INSERT OR REPLACE INTO months VALUES (?, ?)', month, sureStamp(stamp));
  }

  #pack(month: string, name: string, removed: ReadonlySet<string>, own: ReadonlySet<string>): void {
    const { files } = this.#sources;
    const tables = this.#tables;
    try {
      const path = join(files.directory, month, name);
      const stamp = stampOf(path);
      if (stamp === undefined) return;
      tables.run(
        'INSERT OR IGNORE INTO packs(month, name, stamp, whole) VALUES (?, ?, ?, 0)',
        month,
        name,
        '',
      );
      tables.run('UPDATE packs SET stamp = ? WHERE month = ? AND name = ?', sureStamp(stamp), month, name);
      const list = files.packs.list(path);
      if (!list) return;
      const said = new Set(namesIn(this.#sources.annotations.directory));
      const { pack } = tables.get<{ pack: number }>(
        'SELECT pack FROM packs WHERE month = ? AND name = ?',
        month,
        name,
      )!;
      let isWhole = true;
      for (const id of list.runs.keys()) {
        if (removed.has(id)) continue;
        const isKnown = tables.get('SELECT 1 FROM runs WHERE id = ? AND month IS NOT NULL', id);
        // What was seen before it ended has ended, or it would not be packed.
        const isOpen = tables.get('SELECT 1 FROM open WHERE id = ?', id);
        if (isKnown && !isOpen) tables.run('UPDATE runs SET pack = ? WHERE id = ?', pack, id);
        else if (isKnown || own.has(id) || said.has(`${id}.jsonl`))
          isWhole = this.#load(id, month, pack) && isWhole;
        else isWhole = this.#takePacked(path, list, id, { month, pack }) && isWhole;
      }
      if (isWhole) tables.run('UPDATE packs SET whole = 1 WHERE pack = ?', pack);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      this.#leaveOpen(name, month, UNSURE, error.findings[0]);
    }
  }

  /** Takes a run that is nowhere but in a pack. @returns whether it could be read */
  #takePacked(path: string, list: PackList, id: string, place: { month: string; pack: number }): boolean {
    try {
      const record = recordInPack(path, list, id);
      if (!record) return false;
      this.#tables.put(rowOf({ record, own: true }), { ...place, dir: false });
      this.#tables.run('DELETE FROM open WHERE id = ?', id);
      this.#keepBatch();
      return true;
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      this.#leaveOpen(id, place.month, PACKED, error.findings[0]);
      return false;
    }
  }

  /** Reads one run and takes it; one that cannot be read, or has not ended, is looked at again. @returns whether it could */
  #load(id: string, month: string, pack: number | null = null): boolean {
    const { files, annotations } = this.#sources;
    const stamp = runStamp(files, id);
    let run: StoredRun | undefined;
    let finding: Finding | undefined;
    try {
      run = files.load(id);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      finding = error.findings[0];
    }
    if (run) {
      const before = this.#tables.get<{ pack: number | null }>('SELECT pack FROM runs WHERE id = ?', id);
      const dir = stamp !== undefined;
      this.#tables.put(rowOf(run, annotations.of(id).tags), {
        month,
        dir,
        pack: pack ?? before?.pack ?? null,
      });
      this.#keepBatch();
    } else this.#drop(id);
    // Of a run that goes on nothing on the disk says that its process is gone.
    if (run && (stamp === undefined || stamp.startsWith('final')))
      this.#tables.run('DELETE FROM open WHERE id = ?', id);
    else if (stamp === undefined && !finding) this.#tables.run('DELETE FROM open WHERE id = ?', id);
    else this.#leaveOpen(id, month, run?.record.status === 'running' ? UNSURE : (stamp ?? PACKED), finding);
    return run !== undefined;
  }

  #leaveOpen(id: string, month: string, stamp: string, finding: Finding | undefined): void {
    const text = finding ? JSON.stringify(finding) : null;
    this.#tables.run('INSERT OR REPLACE INTO open VALUES (?, ?, ?, ?)', id, month, stamp, text);
  }

  /** Runs that had not ended, or could not be read, and of which that may be different now. */
  #open(): { id: string; month: string }[] {
    const { files, annotations } = this.#sources;
    return this.#tables
      .all<{ id: string; month: string; stamp: string }>('SELECT id, month, stamp FROM open')
      .filter(({ id, stamp }) => {
        if (!isRunId(id) || stamp === PACKED) return false;
        if (stamp !== UNSURE) return runStamp(files, id) !== stamp;
        try {
          const run = files.load(id);
          const known = this.#tables.get<{ row: string }>('SELECT row FROM runs WHERE id = ?', id);
          if (!run || !known) return Boolean(run) !== Boolean(known);
          const isOver = run.record.status !== 'running' || runStamp(files, id)?.startsWith('final');
          return isOver || JSON.stringify(rowOf(run, annotations.of(id).tags)) !== known.row;
        } catch (error) {
          if (!(error instanceof SameError)) throw error;
          return true;
        }
      });
  }

  #tag(id: string, stamp: string | undefined): void {
    if (stamp === undefined) this.#tables.run('DELETE FROM tags WHERE id = ?', id);
    else this.#tables.run('INSERT OR REPLACE INTO tags VALUES (?, ?)', id, sureStamp(stamp));
    const known = this.#tables.get<{ month: string | null }>('SELECT month FROM runs WHERE id = ?', id);
    if (!known) return;
    // What was logged may show again where something that was said is taken back.
    if (known.month !== null) this.#load(id, known.month);
    else putOther(this.#tables, id, this.#sources.annotations.of(id).tags);
  }

  /** Forgets a run of one's own; one of its id that came with a bundle is seen again. */
  #drop(id: string): void {
    this.#tables.remove(id);
    putOther(this.#tables, id, this.#sources.annotations.of(id).tags);
  }

  #keepBatch(): void {
    const tables = this.#tables;
    if (++this.#batch % this.#perBatch !== 0) return;
    tables.flush();
    const version = tables.get<{ data_version: number }>('PRAGMA data_version')!.data_version;
    tables.database.exec('COMMIT');
    tables.begin('BEGIN IMMEDIATE');
    const since = tables.get<{ data_version: number }>('PRAGMA data_version')!.data_version;
    if (since !== version) throw new ChangedMeanwhile();
  }
}
