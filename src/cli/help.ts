import { mainHelp } from './render/main-help.ts';
import { RUNTIME } from './runtime.ts';

/** What `same`, `same --help` and `same --version` print: a file of its own, so that it loads nothing else. */
export function helpText(word: string | undefined): string {
  return word === '--version' || word === '-V' ? `${RUNTIME}\n` : mainHelp();
}
