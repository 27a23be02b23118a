import type { Ports } from '../ports.ts';
import type { RunRequest } from '../prepare-run.ts';

/** Where a case is answered: a directory of its own, and the tool on a home of its own. */
export interface Desk {
  /** Removed afterwards; holds nothing but the home. */
  directory: string;
  /**
   * The adapters on an empty home in the directory. Called at most once.
   * @param variables of the caller, added to those of this process
   */
  open(variables?: Record<string, string>): Ports;
  /** The words after `same run NAME:VERSION`, as the command reads them. @throws SAME1902 */
  readRunWords(words: string[]): RunRequest;
}

/** A byte string of the protocol: exactly one of the two. */
export interface ByteString {
  text?: string;
  base64?: string;
}

/** Files of the protocol, by path. */
export type Files = Record<string, ByteString & { executable?: boolean }>;

/** What the tool cannot be asked. The case is then skipped. */
export class Unsupported extends Error {}

/** The bytes of a byte string. */
export function bytesOf({ text, base64 }: ByteString): Buffer {
  return text === undefined ? Buffer.from(base64!, 'base64') : Buffer.from(text, 'utf8');
}

/** Bytes as text where they are well-formed UTF-8, otherwise as base64. */
export function byteString(bytes: Buffer): ByteString {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? { text } : { base64: bytes.toString('base64') };
}

/** The bytes as the one chunk of a stream. */
export async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}
