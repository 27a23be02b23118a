import type { ContentStore } from '../content/content-store.ts';
import type { BundleFile, BundleFiles } from './bundle-files.ts';
import type { BundleRules } from './bundle-reader.ts';
import { sha256OfChunks } from './canonical-json.ts';
import type { LayerCheck } from './layer-check.ts';
import { blobPath } from './layout.ts';
import { type Descriptor, LIMITS, type Limits } from './oci.ts';
import { isProblem, overLimit, placed, type Report, refusal } from './refusal.ts';
import { tap } from './tap.ts';

/** What a blob is read as. */
type Form = 'json' | 'yaml' | 'tar' | 'data';

/** The blobs of a bundle while they are read, each held against what names it. What is wrong goes to `report`. */
export class BundleBlobs {
  readonly files: BundleFiles;
  readonly store: ContentStore;
  readonly limits: Limits;
  readonly report: Report;
  /** Whether layers and data are stored too, and not only what the checks need. */
  keepLayers: boolean;
  readonly #isStored: boolean;
  readonly #seen = new Map<string, { size: number; whole: boolean; kept: boolean }>();

  constructor(files: BundleFiles, store: ContentStore, rules: BundleRules, report: Report) {
    this.files = files;
    this.store = store;
    this.limits = { ...LIMITS, ...rules.limits };
    this.report = report;
    this.keepLayers = rules.keepLayers ?? true;
    this.#isStored = rules.isStored ?? false;
  }

  /** Whether a blob has come by with the bytes that it should have. */
  isWhole(digest: string): boolean {
    return this.#seen.get(digest)?.whole === true;
  }

  /** A small blob's bytes, whose digest has been checked; undefined when what is wrong with it has been reported. */
  async document(self: Descriptor, form: 'json' | 'yaml'): Promise<Buffer | undefined> {
    if (!(await this.blob(self, form))) return undefined;
    if (this.#seen.get(self.digest)?.kept)
      return this.store.read(self.digest, form === 'yaml' ? this.limits.yamlBytes : this.limits.jsonBytes);
    this.refuse('SAME-BND-040', blobPath(self.digest), `${self.digest} is listed as two different things`);
    return undefined;
  }

  /**
   * Reads the next blob, which must be this one unless it came by before.
   * @returns `now` or `before`; undefined when it is not there or not whole, which has been reported.
   */
  async blob(blob: Descriptor, form: Form, check?: LayerCheck): Promise<'now' | 'before' | undefined> {
    const path = blobPath(blob.digest);
    const before = this.#seen.get(blob.digest);
    if (before) {
      if (before.whole && before.size !== blob.size)
        return this.wrong(path, `has ${before.size} bytes, not ${blob.size}`);
      return before.whole ? 'before' : undefined;
    }
    const limit = {
      json: 'jsonBytes',
      yaml: 'yamlBytes',
      tar: 'unpackedBytes',
      data: 'unpackedBytes',
    } as const;
    const over = blob.size > this.limits[limit[form]];
    if (over) this.report(overLimit(limit[form], `bundle: ${blob.digest} has ${blob.size} bytes`, path));
    const seen = { size: blob.size, whole: false, kept: false };
    this.#seen.set(blob.digest, seen);
    const file = await this.files.blob(path);
    if (file === undefined) {
      this.missing('SAME-BND-032', path);
      return undefined;
    }
    if (file === 'damaged' || over) return undefined;
    if (file.executable) this.refuse('SAME-BND-019', path, `${path} is executable`);
    if (file.sizeBytes !== blob.size)
      return this.wrong(path, `has ${file.sizeBytes} bytes, not ${blob.size}`);
    seen.kept = this.keepLayers || form === 'json' || form === 'yaml';
    seen.whole = await this.#take(blob, file, seen.kept, check);
    if (!seen.whole) return undefined;
    for (const problem of check?.finish() ?? []) this.report(placed(problem, { place: path }));
    return 'now';
  }

  /** Takes a blob's bytes and compares them with its digest. */
  async #take(blob: Descriptor, file: BundleFile, keep: boolean, check?: LayerCheck): Promise<boolean> {
    if (check?.isFinished) return true;
    const expected = { digest: blob.digest, sizeBytes: blob.size };
    const body = check ? tap(file.body, (chunk) => check.feed(chunk)) : file.body;
    try {
      if (keep) await this.store.ingest(body, expected);
      // What a store hands out, it has compared itself.
      else if (this.#isStored) for await (const _ of body);
      else if ((await sha256OfChunks(body)) !== blob.digest) {
        this.wrong(file.path, `does not have the bytes of ${blob.digest}`);
        return false;
      }
      return true;
    } catch (error) {
      if (!isProblem(error)) throw error;
      if (error.code === 'SAME1301') this.wrong(file.path, error.message.replace(/^SAME1301 /, ': '));
      else this.report(placed(error, { place: file.path }));
      return false;
    }
  }

  /** All bytes of a small file; undefined when they cannot be read, which has been reported. */
  async bytesOf(file: BundleFile): Promise<Buffer | undefined> {
    return this.try(file.path, undefined, async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of file.body) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  /** What some work gives; undefined when it finds something wrong, which is reported at a place. */
  async try<T>(
    place: string,
    clause: string | undefined,
    work: () => T | Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error)) throw error;
      this.report(placed(error, { place, ...(clause === undefined ? {} : { clause }) }));
      return undefined;
    }
  }

  /** Reports that a file is not there, unless not all of them could be read. */
  missing(clause: string, path: string): void {
    if (!this.files.broken) this.refuse(clause, path, `there is no ${path}`);
  }

  /** Reports that a file does not have the bytes that it should. */
  wrong(place: string, because: string): undefined {
    this.report(
      refusal('SAME-BND-031', `bundle: ${place} ${because}`.replace(' : ', ': '), {
        code: 'SAME1301',
        place,
      }),
    );
    return undefined;
  }

  /** Reports what a clause does not allow. */
  refuse(clause: string, place: string, message: string): void {
    this.report(refusal(clause, `bundle: ${message}`, { place }));
  }
}
