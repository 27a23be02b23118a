import type { BlobId, ContentStore, LocalContentStore, StagedContentStore } from './content-store.ts';

/**
 * Writes aside and reads from both, so that a command which packs or unpacks first and refuses then leaves the store
 * behind as it was (spec SAME-ERR-005).
 * @param aside an empty store on the same file system, removed by the caller
 */
export function openStagedContentStore(
  store: LocalContentStore,
  aside: LocalContentStore,
): StagedContentStore {
  const staged = new Set<string>();
  const holderOf = (digest: string): ContentStore => (staged.has(digest) ? aside : store);
  const noted = (id: BlobId): BlobId => {
    staged.add(id.digest);
    return id;
  };
  return {
    has: (digest) => holderOf(digest).has(digest),
    size: (digest) => holderOf(digest).size(digest),
    read: (digest, limitBytes) => holderOf(digest).read(digest, limitBytes),
    stream: (digest) => holderOf(digest).stream(digest),
    write: async (bytes) => noted(await aside.write(bytes)),
    ingest: async (chunks, expected) => noted(await aside.ingest(chunks, expected)),
    async keep() {
      for (const digest of [...staged]) {
        await store.adopt(aside.pathOf(digest));
        staged.delete(digest);
      }
    },
  };
}
