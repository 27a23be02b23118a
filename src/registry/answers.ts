import type { Readable } from 'node:stream';
import { SameError } from '../errors/same-error.ts';
import type { Mask } from './mask.ts';
import { shownUrl } from './redirect.ts';
import type { RegistryAnswer, RegistryRequest } from './session.ts';

/** What became of the login: the registry had it, it asked for one and there is none, or it never asked in a known way. */
export type LoginState = 'sent' | 'unknown' | 'unasked';

const LOGIN_WORDS: Record<LoginState, string> = {
  sent: 'does not accept the login, or it does not allow this',
  unknown: 'wants a login, and none is known for it',
  unasked: 'does not allow this, and does not say how to log in',
};

const LONGEST_WORDS = 300;
const LONGEST_BODY_BYTES = 64 * 1024;

/** The error that an answer is when it was not expected: says what was asked, and the registry's own words. */
export async function refusalOf(
  answer: RegistryAnswer,
  about: { request: RegistryRequest; host: string; mask: Mask; login: LoginState; isElsewhere: boolean },
): Promise<SameError> {
  const { status, url } = answer;
  const { host, mask, request, login } = about;
  const { words, codes } = await wordsOf(answer.body, mask);
  const said = `${request.method} ${mask.hide(shownUrl(url))} was answered with ${status}${words && ` (${words})`}`;
  const details = { status, codes, ...(isPassing(status) && { retry: request.again === false }) };
  if ((status === 401 || status === 403) && about.isElsewhere) {
    const message = `${host} leads to another host, which does not allow this: ${said}`;
    return new SameError({ code: 'SAME1801', message }, { details });
  }
  if (status === 401 || status === 403) {
    const message = `${host} ${LOGIN_WORDS[login]}: ${said}`;
    return new SameError({ code: 'SAME1802', message, hint: `same login ${host}` }, { details });
  }
  if (status === 404) {
    return new SameError({ code: 'SAME1803', message: `${host} has no such thing: ${said}` }, { details });
  }
  if (status >= 400 && status < 500 && !isPassing(status)) {
    // An answer to HEAD has no words: a server that speaks TLS says no more than 400 to plain HTTP.
    const isTls =
      /HTTP request to an HTTPS server/i.test(words) ||
      (status === 400 && request.method === 'HEAD' && url.protocol === 'http:');
    const hint = isTls ? 'if the registry speaks TLS, leave out --plain-http' : undefined;
    return new SameError({ code: 'SAME1806', message: `${host} refuses this: ${said}`, hint }, { details });
  }
  return new SameError({ code: 'SAME1801', message: `${host} answers wrongly: ${said}` }, { details });
}

/** Whether a status tells of something that passes: too many requests, a server that is overloaded or restarting. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

/** What a registry says of an error, made harmless: one line, no secret, no query of a URL. */
export async function wordsOf(body: Readable, mask: Mask): Promise<{ words: string; codes: string[] }> {
  const text = await beginning(body);
  let words = /^\s*</.test(text) ? '' : text;
  const codes: string[] = [];
  try {
    const { errors, error_description, details, message, error } = JSON.parse(text);
    const said = [errors ?? []]
      .flat()
      .slice(0, 5)
      .map(({ code, message }: Record<string, unknown>) => {
        if (typeof code === 'string') codes.push(mask.hide(code).slice(0, 64));
        return [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
      });
    const other = [error_description, details, message, error].find((part) => typeof part === 'string');
    words = said.filter((part) => part !== '').join('; ') || (other ?? '');
  } catch {
    // Not JSON: the text itself is what it says.
  }
  const line = mask
    .hide(words)
    .replace(/(https?:\/\/[^\s?"'<>]*)\?[^\s"'<>]*/gi, '$1')
    .replace(/[\u0000-\u0020\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ')
    .trim();
  return { words: line.length > LONGEST_WORDS ? `${line.slice(0, LONGEST_WORDS - 1)}…` : line, codes };
}

async function beginning(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > LONGEST_BODY_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks).toString('utf8');
}
