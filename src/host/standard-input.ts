import { isatty } from 'node:tty';
import { SameError } from '../errors/same-error.ts';
import { isErrno, readSync } from './files.ts';

const LONGEST_BYTES = 64 * 1024;
const LONGEST_TEXT_BYTES = 1024 * 1024;
const PAUSE_MS = 5;

/**
 * The password on standard input, to its end; one line end after it is none of it.
 * @throws SAME1902 there is none, more than a password has, or no text; it would be typed at a terminal, which shows it
 */
export function readPassword(): string {
  if (isatty(0)) throw refused('--password-stdin at a terminal would show the password');
  const bytes = Buffer.alloc(LONGEST_BYTES + 1);
  let length = 0;
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = readSome(bytes.subarray(length));
  }
  if (length > LONGEST_BYTES) throw refused('standard input holds more than a password');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length));
  } catch {
    throw refused('standard input holds no text in UTF-8');
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw refused('standard input holds no password');
  return password;
}

/** All text on standard input. @throws SAME1902 it would be typed at a terminal, is too long, or is no text in UTF-8 */
export function readText(): string {
  const refuse = (message: string) =>
    new SameError({ code: 'SAME1902', message, hint: 'pipe the text in, or give it as a word' });
  if (isatty(0)) throw refuse('- reads standard input, which is a terminal');
  const bytes = Buffer.alloc(LONGEST_TEXT_BYTES + 1);
  let length = 0;
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = readSome(bytes.subarray(length));
  }
  if (length > LONGEST_TEXT_BYTES) throw refuse(`standard input holds more than ${LONGEST_TEXT_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch {
    throw refuse('standard input holds no text in UTF-8');
  }
}

/** Bytes from standard input, 0 at its end, which a closed one is at too. */
function readSome(into: Buffer): number {
  for (;;) {
    try {
      return readSync(0, into);
    } catch (error) {
      if (!isErrno(error, 'EAGAIN')) return 0;
      // A pipe may be such that its reader is not kept waiting.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

function refused(message: string): SameError {
  return new SameError({
    code: 'SAME1902',
    message,
    place: '--password-stdin',
    hint: 'pipe it in: -u USER --password-stdin < FILE; or store it once: same login HOST',
  });
}
