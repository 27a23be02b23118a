/** Replaces secret values wherever they appear. */
export interface Masking {
  mask(text: string): string;
  /** The same buffer when there was nothing to mask. */
  maskBytes(bytes: Buffer): Buffer;
}

/** Shorter values would blot out ordinary text; they are refused as secrets nowhere, but cannot be masked. */
const SHORTEST_MASKED = 4;

/** A masking of these secrets' values; a value is shown as `***NAME***`. */
export function maskingOf(secrets: Record<string, string>): Masking {
  const known = Object.entries(secrets)
    .filter(([, value]) => value.length >= SHORTEST_MASKED)
    .sort(([, a], [, b]) => b.length - a.length);
  const mask = (text: string) =>
    known.reduce((masked, [name, value]) => masked.replaceAll(value, `***${name}***`), text);
  return {
    mask,
    maskBytes(bytes) {
      if (!known.some(([, value]) => bytes.includes(value))) return bytes;
      // latin1 keeps every byte; the values are compared as the UTF-8 bytes that the step printed.
      return known.reduce(
        (masked, [name, value]) =>
          Buffer.from(
            masked
              .toString('latin1')
              .replaceAll(Buffer.from(value, 'utf8').toString('latin1'), `***${name}***`),
            'latin1',
          ),
        bytes,
      );
    },
  };
}
