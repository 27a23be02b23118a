import type { Descriptor } from '../bundle/oci.ts';

/** A manifest and the blobs that it names: its config and layers. */
export interface GraphNode {
  self: Descriptor;
  blobs: readonly Descriptor[];
}

/** Where objects are read from: whatever comes out has been compared with its digest. */
export interface GraphSource {
  /** The bytes of a manifest. */
  manifest(self: Descriptor): Promise<Uint8Array>;
  /** The bytes of a blob from an offset on; one that is read from its start ends with SAME1301 when they are others. */
  blob(blob: Descriptor, startBytes: number): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** Where objects are stored. */
export interface GraphSink {
  /** Whether a manifest is there, and so what it names. */
  hasManifest(self: Descriptor): Promise<boolean>;
  putManifest(self: Descriptor, bytes: Uint8Array): Promise<void>;
  /** Stores a blob unless it is there; may open it again, from an offset. */
  putBlob(
    blob: Descriptor,
    open: (startBytes: number) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>,
  ): Promise<'there' | 'mounted' | 'uploaded'>;
}

/** What a copy did. */
export interface CopyTally {
  /** Blobs and manifests that were there already. */
  there: number;
  /** Blobs that the destination took from a place of its own. */
  mounted: number;
  /** Blobs and manifests that were sent. */
  sent: number;
  sentBytes: number;
}

/** How many blobs are under way at once. */
const AT_ONCE = 4;

/**
 * Copies objects from one place to another: leaves first, then the manifests that name them, in the order of the list;
 * what is there is skipped (spec SAME-REG-005, SAME-REG-007). The first failure stops what has not begun, and is thrown
 * once what has is over.
 * @param check told what is not there, before any of it is sent: what it throws ends the copy
 */
export async function copyGraph(
  source: GraphSource,
  sink: GraphSink,
  nodes: readonly GraphNode[],
  check?: (missing: readonly GraphNode[]) => Promise<void>,
): Promise<CopyTally> {
  const tally: CopyTally = { there: 0, mounted: 0, sent: 0, sentBytes: 0 };
  const isThere = new Map<GraphNode, boolean>();
  await inParallel(nodes, async (node) => {
    isThere.set(node, await sink.hasManifest(node.self));
  });
  const missing = nodes.filter((node) => !isThere.get(node));
  tally.there = nodes.length - missing.length;
  if (missing.length > 0) await check?.(missing);
  const blobs = new Map(missing.flatMap((node) => node.blobs).map((blob) => [blob.digest, blob]));
  await inParallel([...blobs.values()], async (blob) => {
    const placed = await sink.putBlob(blob, (startBytes) => source.blob(blob, startBytes));
    tally[placed === 'uploaded' ? 'sent' : placed]++;
    if (placed === 'uploaded') tally.sentBytes += blob.size;
  });
  await inParallel(missing, async ({ self }) => {
    await sink.putManifest(self, await source.manifest(self));
    tally.sent++;
    tally.sentBytes += self.size;
  });
  return tally;
}

/** Does work for each of some things, a few at once. @throws the first failure, after all that had begun is over */
export async function inParallel<T>(
  things: readonly T[],
  work: (thing: T) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  const left = things.values();
  let failure: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const thing of left) {
      if (failure) return;
      try {
        await work(thing);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, things.length) }, worker));
  if (failure) throw failure.error;
}
