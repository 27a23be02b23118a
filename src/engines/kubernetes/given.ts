import { canonicalJson, sha256 } from '../../bundle/canonical-json.ts';
import type { TarSource } from '../../bundle/canonical-tar.ts';
import { LARGEST_TREE_LIST_BYTES, parseTreeList } from '../../bundle/tree.ts';
import type { LocalContentStore } from '../../content/content-store.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact, EngineContext } from '../engine.ts';
import { placesTaken } from '../step-script.ts';
import type { Carrier } from './carrier.ts';
import { CODE, fileSource, withPackedCode } from './packed-code.ts';

/** Below the directory of the run: no step has this name. */
const GIVEN = '.given';

/** What a run has put onto its volume, by content: each thing once, however many steps read it. */
export class Given {
  readonly #directory: string;
  readonly #carrier: Carrier;
  readonly #context: EngineContext;
  readonly #content: LocalContentStore;
  readonly #places = new Map<string, Promise<string>>();

  constructor(directory: string, carrier: Carrier, context: EngineContext, content: LocalContentStore) {
    this.#directory = directory;
    this.#carrier = carrier;
    this.#context = context;
    this.#content = content;
  }

  /** Notes that an artifact lies on the volume already, as a step of this run has left it there, and sealed. */
  know(artifact: Artifact, path: string): void {
    const name = nameOf(artifact);
    if (!this.#places.has(name)) this.#places.set(name, Promise.resolve(path));
  }

  /** @returns the path of an artifact on the volume */
  artifact(artifact: Artifact): Promise<string> {
    return this.#once(nameOf(artifact), async () => this.#entriesOf(artifact));
  }

  /** Small texts, by their names in a directory. @returns its path on the volume */
  texts(texts: Record<string, string>): Promise<string> {
    const name = `text-${hex(sha256(canonicalJson(texts)))}`;
    return this.#once(
      name,
      async () => () =>
        Object.entries(texts).map(([file, text]) => source(`content/${file}`, false, Buffer.from(text))),
    );
  }

  /** The files that a step sees, packed as {@link CODE} in a directory. @returns its path; undefined where there are none */
  code(step: PlannedStep): Promise<string | undefined> {
    const taken = placesTaken(step).sort();
    const name = `code-${hex(sha256(canonicalJson([this.#context.codeDigest(step), taken])))}`;
    const directory = this.#places.get(name);
    if (directory) return directory.then((path) => path || undefined);
    const packed = this.#pack(step, taken, name);
    const place = packed.then((path) => path ?? '');
    this.#places.set(name, place);
    place.catch(() => this.#places.delete(name));
    return packed;
  }

  #pack(step: PlannedStep, taken: string[], name: string): Promise<string | undefined> {
    return withPackedCode(this.#context, step, taken, async (archive) => {
      const path = `${this.#directory}/${GIVEN}/${name}`;
      await this.#carrier.put(path, () => [fileSource(archive, `content/${CODE}`)]);
      return path;
    });
  }

  #once(name: string, open: () => Promise<() => Iterable<TarSource>>): Promise<string> {
    let place = this.#places.get(name);
    if (!place) {
      const path = `${this.#directory}/${GIVEN}/${name}`;
      place = open()
        .then((sources) => this.#carrier.put(path, sources))
        .then(() => path);
      place.catch(() => this.#places.delete(name));
      this.#places.set(name, place);
    }
    return place;
  }

  async #entriesOf({ digest, sizeBytes, executable = false }: Artifact): Promise<() => Iterable<TarSource>> {
    const of = (path: string, blob: string, size: number, isExecutable: boolean): TarSource => ({
      path,
      executable: isExecutable,
      sizeBytes: size,
      chunks: () => this.#chunksOf(blob),
    });
    if (!digest.startsWith('tree:')) return () => [of('content', digest, sizeBytes, executable)];
    const list = await this.#content.read(digest.slice('tree:'.length), LARGEST_TREE_LIST_BYTES);
    const files = parseTreeList(list);
    return () =>
      files.map((file) => of(`content/${file.path}`, file.digest, file.sizeBytes, file.executable));
  }

  async *#chunksOf(digest: string): AsyncGenerator<Uint8Array> {
    yield* await this.#content.stream(digest);
  }
}

function nameOf({ digest, executable }: Artifact): string {
  return `${hex(digest)}${digest.startsWith('tree:') ? '-tree' : executable ? '-x' : ''}`;
}

function hex(digest: string): string {
  return digest.slice(digest.lastIndexOf(':') + 1);
}

function source(path: string, executable: boolean, bytes: Uint8Array): TarSource {
  return { path, executable, sizeBytes: bytes.length, chunks: () => [bytes] };
}
