import type { Program } from '../program/schema.ts';
import { LayerCheck } from './layer-check.ts';
import type { Descriptor, Limits, OciManifest } from './oci.ts';
import { isInfrastructure } from './program-artifact.ts';
import { layerOf } from './program-config.ts';

/** What is asked of a layer that is a tar. */
export interface AskedLayer {
  blob: Descriptor;
  /** The same for equal bytes of which the same is asked. */
  key: string;
  /** The files whose own layer {@link LayerCheck.selected} is about. */
  select?: (path: string) => boolean;
}

/**
 * The tars of a program, in the order in which they are read: the code layer, of whose files those below targets' paths
 * are compared with the infrastructure layer, and that layer.
 * @param program undefined where its config says nothing that can be believed
 */
export function askedLayers(
  manifest: OciManifest,
  program: Program | undefined,
): [code: AskedLayer, infrastructure?: AskedLayer] {
  const code = layerOf(manifest, 'code')!;
  const infrastructure = layerOf(manifest, 'infrastructure');
  const key = `${code.digest} ${JSON.stringify(program?.infrastructure?.targets ?? [])}`;
  const asked: AskedLayer = { blob: code, key, ...(program && { select: isInfrastructure(program) }) };
  return infrastructure ? [asked, { blob: infrastructure, key: infrastructure.digest }] : [asked];
}

/** What is shown the bytes of a layer while they come. */
export interface LayerWatch {
  /** What follows are its bytes from the first one on; what was shown before is forgotten. */
  begin(): void;
  feed(piece: Uint8Array): void;
  /** All came, and they are those of the digest. */
  end(): void;
}

/**
 * The layers of programs that come from elsewhere, checked while they come, so that none is read once more for that.
 * What is wrong with one is said when it is its turn.
 */
export class ComingLayers {
  readonly #limits: Limits;
  readonly #asked = new Map<string, AskedLayer>();
  readonly #whole = new Map<string, LayerCheck>();

  constructor(layers: readonly AskedLayer[], limits: Limits) {
    this.#limits = limits;
    for (const layer of layers)
      if (!this.#asked.has(layer.blob.digest)) this.#asked.set(layer.blob.digest, layer);
  }

  /** Undefined for what is none of the layers. */
  watch(digest: string): LayerWatch | undefined {
    const asked = this.#asked.get(digest);
    if (!asked) return undefined;
    let check: LayerCheck;
    return {
      begin: () => {
        check = openCheck(asked, this.#limits, { stopAtFirst: true });
      },
      feed: (piece) => check.feed(piece),
      end: () => {
        check.finish();
        this.#whole.set(asked.key, check);
      },
    };
  }

  /** The finished check of a layer that came; undefined where it was here before. */
  checked({ key }: AskedLayer): LayerCheck | undefined {
    return this.#whole.get(key);
  }
}

/** A check that does what is asked of a layer. */
export function openCheck({ blob, select }: AskedLayer, limits: Limits, options = {}): LayerCheck {
  return new LayerCheck(`layer ${blob.digest}`, { ...options, limits, ...(select ? { select } : {}) });
}
