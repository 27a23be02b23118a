import { keepHeapSmall } from '../host/memory.ts';
import { asCommand } from './command-line.ts';
import { pushStored } from './commands/push-stored.ts';
import { hintingAtNoun } from './meant-noun.ts';
import { plainPushWords } from './push-words.ts';
import { explained, historyChoice } from './registry-words.ts';
import { openPorts } from './wiring.ts';

let wasQuick = false;

/**
 * `same push` as one chunk, registry and all, without the argument parser: pushing what is there already costs little
 * more than to start (spec of speed: `bench/`). What is asked in other than plain words is left to the others.
 * @param words the arguments after `same`
 * @returns the exit code
 */
export async function main(words: string[]): Promise<number> {
  const plain = plainPushWords(words.slice(1));
  if (!plain) {
    const { main } = await import('./main.ts');
    return main(words);
  }
  const { inPlaceOfNoun, history, ...rest } = plain;
  const { reference, target, plainHttp, force } = rest;
  return asCommand(words, async (cli) => {
    keepHeapSmall('long content');
    cli.open = openPorts;
    const options = { ...(plainHttp && { plainHttp }), ...(force && { force }) };
    const chosen = history === undefined ? {} : { history: historyChoice(history) };
    try {
      const { tally } = await pushStored(
        cli,
        { reference, target },
        { ...options, ...chosen },
        { access: plainHttp ? { plainHttp } : {} },
      );
      wasQuick = tally.sent === 0 && tally.mounted === 0;
    } catch (error) {
      throw hintingAtNoun(explained(error, 'same push', options), 'push', inPlaceOfNoun);
    }
  });
}

/** Whether there was nothing to send: then the code that was compiled is worth keeping, and nothing is under way. */
export function isQuick(): boolean {
  return wasQuick;
}
