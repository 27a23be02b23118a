import type { Content, Json, Member } from './archive-description.ts';
import { tarMembers } from './tar-bytes.ts';

/** Content in which every digest of a known blob follows that blob. */
export function linked(
  bytes: Buffer,
  mediaType: string,
  names: Map<string, string>,
  sizeOf: (digest: string) => number,
): Content {
  if (mediaType.endsWith('.tar')) {
    const tar = tarMembers(bytes).map(({ content, ...member }) => ({ ...member, ...bytesContent(content) }));
    return { tar: tar as Member[] };
  }
  if (mediaType.endsWith('json')) {
    const json = JSON.parse(bytes.toString()) as Json;
    if (Buffer.from(canonical(json)).equals(bytes)) return { json: linkedJson(json, names, sizeOf) };
  }
  if (mediaType.endsWith('yaml')) {
    const pieces = bytes.toString().split(/(sha256:[0-9a-f]{64})/);
    return {
      concat: pieces.map((piece) => {
        const name = names.get(piece);
        return name === undefined ? { text: piece } : { digestOf: name };
      }),
    };
  }
  return bytesContent(bytes);
}

/** JSON in which every digest of a known blob follows that blob, and every size beside one. */
export function linkedJson(
  value: Json,
  names: Map<string, string>,
  sizeOf: (digest: string) => number,
): Json {
  if (typeof value === 'string') {
    const name = names.get(value);
    return name === undefined ? value : { $digest: name };
  }
  if (Array.isArray(value)) return value.map((item) => linkedJson(item, names, sizeOf));
  if (typeof value !== 'object' || value === null) return value;
  const { digest } = value;
  const target = typeof digest === 'string' ? names.get(digest) : undefined;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'size' && target !== undefined && item === sizeOf(digest as string)
        ? { $size: target }
        : linkedJson(item, names, sizeOf),
    ]),
  );
}

/** Bytes as a description writes them. */
export function bytesContent(bytes: Buffer): Content {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? { text } : { base64: bytes.toString('base64') };
}

/** RFC 8785, for values of which JSON.parse is the source. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key]!)}`).join(',')}}`;
}
