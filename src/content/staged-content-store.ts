import { inTurns, nextTurn } from '../host/turns.ts';
import type { BlobId, ContentStore, LocalContentStore, StagedContentStore } from './content-store.ts';
import { openMemoryContentStore } from './memory-content-store.ts';

/**
 * Writes aside and reads from both, so that a command which packs or unpacks first and refuses then leaves the store
 * behind as it was (spec SAME-ERR-005).
 * @param aside an empty store on the same file system, removed by the caller
 * @param signal once it is aborted, nothing more is stored or kept: SAME1903
 */
export function openStagedContentStore(
  store: LocalContentStore,
  aside: LocalContentStore,
  signal?: AbortSignal,
): StagedContentStore {
  const staged = new Map<string, BlobId>();
  return {
    ...writeAside(store, aside, staged, signal),
    // What is staged was compared as it came, and is nobody else's.
    holds: async (id) =>
      staged.has(id.digest) ? staged.get(id.digest)!.sizeBytes === id.sizeBytes : store.holds(id),
    reread: (digest) => (staged.has(digest) ? aside : store).reread(digest),
    async adopt(path, known) {
      const id = await aside.adopt(path, known);
      staged.set(id.digest, id);
      return id;
    },
    retain(digests) {
      for (const digest of [...staged.keys()]) if (!digests.has(digest)) staged.delete(digest);
    },
    async keep() {
      // An interruption is heard now or not at all: from here to the caller's pin nothing takes long.
      if (staged.size > 0) await nextTurn(signal);
      for (const id of [...staged.values()]) {
        await store.adopt(aside.pathOf(id.digest), id);
        staged.delete(id.digest);
      }
    },
  };
}

/** Writes into memory and reads from both: for looking at what would be stored, which stores nothing. */
export function openLookingContentStore(store: ContentStore): ContentStore {
  const [aside, written] = [openMemoryContentStore(), new Map<string, BlobId>()];
  return {
    ...writeAside(store, aside, written),
    unhashed: () => writeAside(store.unhashed?.() ?? store, aside, written),
  };
}

function writeAside(
  store: ContentStore,
  aside: ContentStore,
  written: Map<string, BlobId>,
  signal?: AbortSignal,
): ContentStore {
  const holderOf = (digest: string): ContentStore => (written.has(digest) ? aside : store);
  const noted = (id: BlobId): BlobId => {
    written.set(id.digest, id);
    return id;
  };
  return {
    has: (digest) => holderOf(digest).has(digest),
    size: (digest) => holderOf(digest).size(digest),
    read: (digest, limitBytes) => holderOf(digest).read(digest, limitBytes),
    stream: (digest) => holderOf(digest).stream(digest),
    write: async (bytes) => noted(await aside.write(bytes)),
    ingest: async (chunks, expected) => noted(await aside.ingest(inTurns(chunks, signal), expected)),
  };
}
