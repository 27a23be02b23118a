import type { GraphObject } from '../bundle/graph.ts';
import { MEDIA } from '../bundle/oci.ts';
import type { ContentStore, TrustedContentStore } from '../content/content-store.ts';
import type { GraphNode, GraphSink, GraphSource } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import type { Repository } from '../registry/registry.ts';

/**
 * A content store as what objects are read from.
 * @param kept the store behind it, whose blobs are not compared with their digests once more: whoever gets them does that
 */
export function storeSource(store: ContentStore, kept?: TrustedContentStore): GraphSource {
  return {
    manifest: ({ digest }) => store.read(digest),
    async blob({ digest, size }, startBytes) {
      const isKept = await kept?.holds({ digest, sizeBytes: size });
      const chunks = await (isKept ? kept!.reread(digest) : store.stream(digest));
      return startBytes === 0 ? chunks : after(chunks, startBytes);
    },
  };
}

/** A repository as what objects are read from. */
export function repositorySource(repository: Repository): GraphSource {
  return {
    async manifest({ digest }) {
      const found = await repository.manifest(digest);
      if (found) return found.bytes;
      throw new SameError({
        code: 'SAME1803',
        message: `reading from ${repository.label}: there is no manifest ${digest}`,
        place: digest,
        hint: 'it was there when it was looked for: try again, or whoever pushed it has to push it again',
      });
    },
    blob: (blob, startBytes) => repository.stream(blob, startBytes),
  };
}

/**
 * A repository as where objects are stored; manifests under their digests alone.
 * @param known digests of manifests that are there
 * @param mountFrom another repository of that registry, which may have blobs already
 */
export function repositorySink(
  repository: Repository,
  { known = new Set(), mountFrom }: { known?: ReadonlySet<string>; mountFrom?: string | undefined } = {},
): GraphSink {
  return {
    hasManifest: async ({ digest }) => known.has(digest) || (await repository.resolve(digest)) !== undefined,
    putManifest: (_self, bytes) => repository.putManifest(bytes, { mediaType: MEDIA.ociManifest }),
    putBlob: (blob, open) => repository.putBlob(blob, open, mountFrom === undefined ? {} : { mountFrom }),
  };
}

/** Objects as a copy takes them: each a manifest, its config and its layers. */
export function nodesOf(objects: readonly GraphObject[]): GraphNode[] {
  return objects.map(({ self, manifest }) => ({ self, blobs: [manifest.config, ...manifest.layers] }));
}

async function* after(
  chunks: AsyncIterable<Uint8Array>,
  startBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let skip = startBytes;
  for await (const chunk of chunks) {
    if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = Math.max(0, skip - chunk.length);
  }
}
