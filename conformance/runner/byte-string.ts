import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Turns the description of an archive into its bytes; `golden` reads a golden file by name. */
export type ArchiveBuilder = (description: never, golden: (name: string) => Buffer) => Buffer;

/** Resolves the byte strings of case files. */
export interface ByteStrings {
  /** The bytes of any form. @throws Error when the value is no byte string */
  bytes(value: unknown): Buffer;
}

/** @param options where golden files lie, and who builds archives */
export function openByteStrings(options: { golden: string; buildArchive: ArchiveBuilder }): ByteStrings {
  const golden = (name: string) => readFileSync(join(options.golden, name));
  const resolve = (value: unknown): Buffer => {
    const { executable: _, ...form } = value as Record<string, unknown>;
    const words = Object.keys(form).sort().join(' ');
    if (words === 'text') return Buffer.from(form.text as string, 'utf8');
    if (words === 'base64') return Buffer.from(form.base64 as string, 'base64');
    if (words === 'hex') return Buffer.from(form.hex as string, 'hex');
    if (words === 'concat') return Buffer.concat((form.concat as unknown[]).map(resolve));
    if (words === 'repeat times') return repeated(resolve(form.repeat), form.times as number);
    if (words === 'gunzip') return gunzipSync(resolve(form.gunzip));
    if (words === 'golden') return golden(form.golden as string);
    if (words === 'archive') return options.buildArchive(form.archive as never, golden);
    throw new Error(`not a byte string: ${JSON.stringify(value).slice(0, 80)}`);
  };
  return { bytes: resolve };
}

/** Whether a value has one of the forms that a byte string has in a case file. */
export function isByteString(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const words = Object.keys(value)
    .filter((word) => word !== 'executable')
    .sort()
    .join(' ');
  return ['text', 'base64', 'hex', 'concat', 'repeat times', 'gunzip', 'golden', 'archive'].includes(words);
}

/** The bytes of a byte string in a reply, which is text or base64; undefined for anything else. */
export function replyBytes(value: unknown): Buffer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { executable: _, ...form } = value as Record<string, unknown>;
  const [word, ...others] = Object.keys(form);
  if (others.length > 0) return undefined;
  if (word === 'text' && typeof form.text === 'string') return Buffer.from(form.text, 'utf8');
  if (word === 'base64' && typeof form.base64 === 'string') return Buffer.from(form.base64, 'base64');
  return undefined;
}

/** What an adapter gets: text where the bytes are well-formed UTF-8, otherwise base64. */
export function requestBytes(bytes: Buffer): { text: string } | { base64: string } {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? { text } : { base64: bytes.toString('base64') };
}

function repeated(bytes: Buffer, times: number): Buffer {
  return bytes.length === 0 || times === 0 ? Buffer.alloc(0) : Buffer.alloc(bytes.length * times, bytes);
}
