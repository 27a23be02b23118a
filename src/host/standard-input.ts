import { readFileSync } from 'node:fs';
import { SameError } from '../errors/same-error.ts';

/**
 * The password on standard input, to its end; one line end after it is none of it.
 * @throws SAME1902 there is none, or more than a password has
 */
export function readPassword(): string {
  let text: string;
  try {
    text = readFileSync(0, 'utf8');
  } catch {
    text = '';
  }
  const password = text.replace(/\r?\n$/, '');
  if (password !== '' && password.length <= 64 * 1024) return password;
  throw new SameError({
    code: 'SAME1902',
    message: `standard input holds ${password === '' ? 'no password' : 'more than a password'}`,
    place: '--password-stdin',
    hint: 'pipe it in: same login HOST -u USER --password-stdin < FILE',
  });
}
