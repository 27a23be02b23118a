import { asCommand } from './command-line.ts';
import { listStoredRuns } from './commands/list-stored-runs.ts';
import { plainListWords } from './list-words.ts';
import { openPorts } from './wiring.ts';

let isListed = false;

/**
 * `same list runs` as one chunk, index and all, without the argument parser: to look at runs costs little more than to
 * start (spec of speed: `bench/`). What is asked in other than plain words is left to the others.
 * @param words the arguments after `same`
 * @returns the exit code
 */
export async function main(words: string[]): Promise<number> {
  const plain = plainListWords(words.slice(1));
  if (!plain) {
    const { main } = await import('./main.ts');
    return main(words);
  }
  return asCommand(words, async (cli) => {
    cli.open = openPorts;
    await listStoredRuns(cli, plain);
    isListed = true;
  });
}

/** Whether runs were listed: then the code that was compiled is worth keeping, and nothing is under way. */
export function isQuick(): boolean {
  return isListed;
}
