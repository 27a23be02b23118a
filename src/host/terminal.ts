import type { ReadStream } from 'node:tty';
import { SameError } from '../errors/same-error.ts';

/** A person at a keyboard. */
export interface Terminal {
  /** What is typed up to the end of the line. @throws SAME1903 Ctrl-C @throws SAME1902 the input ended */
  ask(question: string): Promise<string>;
  /** The same, without showing it. */
  askSecret(question: string): Promise<string>;
}

const INTERRUPT = /[\u0003\u001c]/;
/** Arrow keys and the marks around what is pasted. */
const ESCAPES = /\u001b(\[[0-9;]*[A-Za-z~]|O[A-Z])/g;

/**
 * The terminal of this process, where it has one to ask at: both the keyboard and the place where questions are shown,
 * which is stderr. Undefined otherwise: nobody would see what is waited for.
 */
export function openTerminal(signal?: AbortSignal): Terminal | undefined {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  /** What was typed ahead of the next question. */
  let ahead = '';

  async function line(question: string, hidden: boolean): Promise<string> {
    // First this: an answer may be there before the question is.
    stdin.setEncoding('utf8').setRawMode(true);
    stderr.write(question);
    try {
      let typed = '';
      for (;;) {
        ahead = ahead.replace(ESCAPES, '');
        for (const character of ahead) {
          ahead = ahead.slice(character.length);
          if (character === '\r' || character === '\n') return typed;
          if (INTERRUPT.test(character)) throw interrupted();
          if (character === '\u0004') {
            if (typed === '') throw ended();
            return typed;
          }
          const before = typed;
          typed = edited(typed, character);
          if (!hidden) show(before, typed);
        }
        ahead = await nextKeys(stdin, signal);
      }
    } finally {
      stdin.setRawMode(false).pause();
      stderr.write('\n');
    }
  }

  function show(before: string, after: string): void {
    if (after.startsWith(before)) stderr.write(after.slice(before.length));
    else stderr.write('\b \b'.repeat([...before].length - [...after].length));
  }

  return { ask: (question) => line(question, false), askSecret: (question) => line(question, true) };
}

/** A line after one more key. */
function edited(typed: string, key: string): string {
  if (key === '\u007f' || key === '\b') return [...typed].slice(0, -1).join('');
  if (key === '\u0015') return '';
  return key < ' ' ? typed : typed + key;
}

function nextKeys(stdin: ReadStream, signal?: AbortSignal): Promise<string> {
  return new Promise((done, fail) => {
    const settle = (how: () => void) => () => {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd);
      signal?.removeEventListener('abort', onAbort);
      how();
    };
    const onData = (keys: string | Buffer): void => settle(() => done(String(keys)))();
    const onEnd = settle(() => fail(ended()));
    const onAbort = settle(() => fail(interrupted()));
    stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    stdin.resume();
  });
}

function interrupted(): SameError {
  return new SameError({ code: 'SAME1903', message: 'interrupted; nothing was changed' });
}

function ended(): SameError {
  return new SameError({ code: 'SAME1902', message: 'the input ended before there was an answer' });
}
