/** The same chunks, each shown to `each` as it passes. */
export async function* tap<T extends Uint8Array>(
  chunks: AsyncIterable<T> | Iterable<T>,
  each: (chunk: T) => void,
): AsyncGenerator<T, void, undefined> {
  for await (const chunk of chunks) {
    each(chunk);
    yield chunk;
  }
}
