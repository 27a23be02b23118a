import { createHash, type Hash } from 'node:crypto';
import { giveBack } from '../host/blocks.ts';
import { epochMs } from '../host/clock.ts';
import {
  closeSync,
  dirname,
  fromErrno,
  ftruncateSync,
  isErrno,
  join,
  makeDirectories,
  namesIn,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFully,
} from '../host/files.ts';
import { isAbandoned, ownName } from '../host/process-identity.ts';
import { turn } from '../host/turns.ts';
import { isUntouched, markUntouched, piecesOf } from './blob-file.ts';
import type { BlobId, Downloads, DownloadWatch } from './content-store.ts';
import { hexOf, mismatch } from './digest.ts';

/** Pieces are joined up to this: longer ones cost less to hash and write as they are than to copy. */
const JOIN_BYTES = 128 * 1024;
/** What nobody came back for after this is removed. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Downloads in a directory: a file `<hex>.<process>` each, which outlives its process, so that the next one goes on where it
 * ended.
 * @param signal once it is aborted, downloads end with SAME1903; what came stays
 */
export function openPartialDownloads(directory: string, signal?: AbortSignal): Downloads {
  return {
    async complete(blob, open, watch) {
      try {
        removeOld(directory);
        return await new PartialDownload(directory, blob, { signal, watch }).run(open);
      } catch (error) {
        throw fromErrno(error, 'keeping what was fetched', dirname(dirname(directory)));
      }
    },
  };
}

class PartialDownload {
  readonly #path: string;
  readonly #blob: BlobId;
  readonly #signal: AbortSignal | undefined;
  readonly #watch: DownloadWatch | undefined;
  #hash: Hash = createHash('sha256');
  #at = 0;

  constructor(
    directory: string,
    blob: BlobId,
    options: { signal: AbortSignal | undefined; watch: DownloadWatch | undefined },
  ) {
    makeDirectories(directory, 0o700);
    const hex = hexOf(blob.digest);
    this.#path = join(directory, `${hex}.${ownName()}`);
    this.#blob = blob;
    this.#signal = options.signal;
    this.#watch = options.watch;
    claim(directory, hex, this.#path);
  }

  async run(open: (startBytes: number) => AsyncIterable<Uint8Array>): Promise<string> {
    const fd = openSync(this.#path, 'a', 0o600);
    try {
      this.#watch?.begin();
      await this.#readAgain(fd);
      const wasBegun = this.#at > 0;
      await this.#fill(fd, open);
      if (wasBegun && !this.#isWhole()) {
        // What was left behind was not what it should be.
        this.#restart(fd);
        await this.#fill(fd, open);
      }
    } catch (error) {
      // A full disk is not helped by what cannot be finished.
      if (isErrno(error, 'ENOSPC', 'EDQUOT')) rmSync(this.#path, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    if (this.#isWhole()) {
      markUntouched(this.#path);
      return this.#path;
    }
    const got = this.#got();
    rmSync(this.#path, { force: true });
    throw mismatch(this.#blob.digest, got);
  }

  /** Hashes what an earlier process left. */
  async #readAgain(fd: number): Promise<void> {
    if (statSync(this.#path).size > this.#blob.sizeBytes) return this.#restart(fd);
    for (const piece of piecesOf(this.#path)) {
      this.#take(piece);
      await turn(piece.length, this.#signal);
    }
  }

  async #fill(fd: number, open: (startBytes: number) => AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#at === this.#blob.sizeBytes && this.#at > 0) return;
    // Networks bring small pieces, which cost more to hash and write one by one.
    let small: Uint8Array[] = [];
    let smallBytes = 0;
    const put = (): void => {
      const bytes = small.length === 1 ? small[0]! : Buffer.concat(small, smallBytes);
      writeFully(fd, bytes);
      this.#take(bytes);
      giveBack(bytes);
      [small, smallBytes] = [[], 0];
    };
    try {
      for await (const chunk of open(this.#at)) {
        small.push(chunk);
        smallBytes += chunk.length;
        if (smallBytes < JOIN_BYTES) continue;
        await turn(smallBytes, this.#signal);
        put();
      }
    } finally {
      if (smallBytes > 0) put();
    }
  }

  #take(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#watch?.feed(piece);
    this.#at += piece.length;
  }

  #restart(fd: number): void {
    ftruncateSync(fd, 0);
    this.#watch?.begin();
    this.#hash = createHash('sha256');
    this.#at = 0;
  }

  #isWhole(): boolean {
    return this.#at === this.#blob.sizeBytes && this.#got() === this.#blob.digest;
  }

  #got(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }
}

/** Takes over the longest of what dead processes left of a blob. */
function claim(directory: string, hex: string, path: string): void {
  const left = partsIn(directory)
    .filter(({ blob, owner }) => blob === hex && isAbandoned(owner))
    .map(({ name }) => ({
      name,
      size: statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? -1,
    }))
    .sort((a, b) => b.size - a.size);
  for (const { name } of left) {
    try {
      renameSync(join(directory, name), path);
      return;
    } catch (error) {
      // Another process was faster.
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}

function removeOld(directory: string): void {
  for (const { name, owner } of partsIn(directory)) {
    const path = join(directory, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat || !isAbandoned(owner)) continue;
    // One that is whole has the time of everything that was compared.
    const leftMs = isUntouched(stat) ? stat.ctimeMs : stat.mtimeMs;
    if (epochMs() - leftMs > KEPT_MS) rmSync(path, { force: true });
  }
}

function partsIn(directory: string): { name: string; blob: string; owner: string }[] {
  return namesIn(directory).map((name) => {
    const point = name.indexOf('.');
    return { name, blob: name.slice(0, point), owner: name.slice(point + 1) };
  });
}
