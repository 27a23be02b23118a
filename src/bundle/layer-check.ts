import { createHash, type Hash } from 'node:crypto';
import type { SameError } from '../errors/same-error.ts';
import { ROOT_COPY_BYTES, ROOT_DOCUMENTS } from './layout.ts';
import type { Limits } from './oci.ts';
import { isProblem, stopAtFirst } from './refusal.ts';
import { BLOCK, paddingOf, tarHeader } from './tar-header.ts';
import { type TarEntry, TarScanner } from './tar-scanner.ts';

/** Scans a layer as it streams by; what it finds waits until the digest has been checked. */
export class LayerCheck {
  #scanner: TarScanner | undefined;
  readonly #documents = new Map<string, Buffer[]>();
  readonly #found: SameError[] = [];
  readonly #select: ((path: string) => boolean) | undefined;
  readonly #selected: Hash = createHash('sha256');
  #pieces: Buffer[] | undefined;
  #inSelected = false;
  #selectedFiles = 0;
  #padding = 0;
  #stopped = false;

  /**
   * @param options.select the files whose own layer {@link LayerCheck.selected} is about
   * @param options.stopAtFirst whether one problem is enough
   */
  constructor(
    label: string,
    options: { limits: Limits; select?: (path: string) => boolean; stopAtFirst?: boolean },
  ) {
    this.#select = options.select;
    this.#scanner = new TarScanner({
      label,
      limits: options.limits,
      report: options.stopAtFirst ? stopAtFirst : (problem) => this.#found.push(problem),
    });
  }

  /** @param chunk looked at now, and not kept */
  feed(chunk: Uint8Array): void {
    const scanner = this.#scanner;
    if (this.#stopped || !scanner) return;
    this.#try(() => {
      for (const event of scanner.feed(chunk)) {
        if (event.entry) this.#begin(event.entry);
        else {
          this.#pieces?.push(Buffer.from(event.data));
          if (this.#inSelected) this.#selected.update(event.data);
        }
      }
    });
  }

  /** Everything that is wrong with the layer, after its last byte. */
  finish(): SameError[] {
    const scanner = this.#scanner;
    if (!scanner) return this.#found;
    // It knows every path there is.
    this.#scanner = undefined;
    if (!this.#stopped) this.#try(() => scanner.finish());
    this.#selected.update(Buffer.alloc(this.#padding + 2 * BLOCK));
    return this.#found;
  }

  /** Whether it has seen everything. */
  get isFinished(): boolean {
    return !this.#scanner;
  }

  /** The documents met that have a root copy, complete after {@link finish}. */
  documents(): Map<string, Buffer> {
    return new Map([...this.#documents].map(([path, pieces]) => [path, Buffer.concat(pieces)]));
  }

  /** The digest of a layer of the selected files; undefined when there are none. After {@link finish}, once. */
  selected(): string | undefined {
    const digest = `sha256:${this.#selected.digest('hex')}`;
    return this.#selectedFiles > 0 ? digest : undefined;
  }

  #begin({ path, sizeBytes, executable }: TarEntry): void {
    this.#pieces = undefined;
    if (ROOT_DOCUMENTS.includes(path) && sizeBytes <= ROOT_COPY_BYTES) {
      this.#pieces = [];
      this.#documents.set(path, this.#pieces);
    }
    this.#inSelected = this.#select?.(path) ?? false;
    if (!this.#inSelected) return;
    this.#selected.update(Buffer.alloc(this.#padding)).update(tarHeader(path, executable, sizeBytes));
    this.#padding = paddingOf(sizeBytes);
    this.#selectedFiles++;
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isProblem(error)) throw error;
      this.#stopped = true;
      this.#found.push(error);
    }
  }
}
