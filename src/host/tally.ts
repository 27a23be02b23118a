let bytesRead = 0;
let filesOpened = 0;
let file = { bytes: 0, sizeBytes: 0 };

/** How far reading has come in this process: for telling people that something goes on. */
export interface Tally {
  /** Bytes of files and blobs, those read twice counted twice. */
  bytes: number;
  /** Of the one file that the user named, when there was just one. */
  file?: { readonly bytes: number; readonly sizeBytes: number };
}

/** Counts what was read of a file or blob. */
export function countRead(bytes: number): void {
  bytesRead += bytes;
}

/** Passes on what comes from elsewhere, and counts it. */
export async function* counted<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  for await (const chunk of chunks) {
    countRead(chunk.length);
    yield chunk;
  }
}

/** Begins to read a file that the user named. @returns what counts its bytes */
export function countFile(sizeBytes: number): (bytes: number) => void {
  filesOpened++;
  const mine = { bytes: 0, sizeBytes };
  file = mine;
  return (bytes) => {
    mine.bytes += bytes;
    bytesRead += bytes;
  };
}

/** What was counted so far. */
export function readSoFar(): Tally {
  return { bytes: bytesRead, ...(filesOpened === 1 ? { file } : {}) };
}
