import type { Bytes, HeaderFields, TarMember } from './tar-bytes.ts';

/** Anything that JSON can say; `{"$digest": PART}` and `{"$size": PART}` in it stand for those of a part. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Content of a part or member. `rewrite` replaces text in the bytes once they are known. */
export type Content = (
  | Bytes
  | { concat: (Content | Bytes)[] }
  | { json: Json }
  | { tar: Member[]; end?: Bytes }
  | { part: string }
  | { digestOf: string }
  | { file: string; of: string }
  | { altered: Content; at: number; bytes: Bytes }
  | { gzip: Content }
) & { rewrite?: { from: string; to: string }[] };

/** A path in a tar: as text, or that of the blob of a part. */
export type Place = string | { blob: string };

/** A member of a tar. `{"blob": PART}` alone is the blob of a part at its path. */
export type Member = {
  path?: string | Bytes;
  blob?: string;
  executable?: boolean;
  header?: HeaderFields;
  pax?: TarMember['pax'];
  padding?: Bytes;
} & Partial<Content>;

/** One change, in the order in which they are given. `in` is a part that is a tar; without it, the archive. */
export type Edit =
  | ({ part: string } & Partial<Content>)
  | { set: string; at: (string | number)[]; value: Json }
  | { add: string; at: (string | number)[]; value: Json }
  | { unset: string; at: (string | number)[] }
  | { rewrite: string; from: string; to: string }
  | { insert: Member; in?: string; before?: Place; after?: Place }
  | ({ change: Place; in?: string } & Member)
  | { remove: Place; in?: string }
  | { move: Place; in?: string; before?: Place; after?: Place }
  | { end: Bytes; in?: string };

/** A change of finished bytes; places below 0 count from the end. */
export type Patch = { at: number; bytes: Bytes } | { truncate: number } | { append: Bytes };

/** How the archive is packed: gzip with what its header and trailer may say, zstd, or not at all. */
export type Envelope =
  | {
      form: 'gzip';
      level?: number;
      flags?: number;
      mtime?: number;
      os?: number;
      /** What stands between the header's ten bytes and the deflated ones: extra field, name, comment, header CRC. */
      fields?: Bytes;
      /** Four bytes each. */
      crc?: Bytes;
      size?: Bytes;
    }
  | { form: 'zstd' }
  | { form: 'tar' };

/** An archive as data: what it starts from, what is changed, and how it is packed (gzip unless said). */
export interface ArchiveDescription {
  golden?: string;
  parts?: Record<string, Content>;
  members?: Member[];
  edits?: Edit[];
  patches?: Patch[];
  envelope?: Envelope;
  filePatches?: Patch[];
}
