import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Cli } from './cli.ts';
import { asCommand } from './command-line.ts';
import { hintingAtNoun } from './meant-noun.ts';
import { splitRunWords } from './run-words.ts';
import { splitSweepWords } from './sweep-words.ts';
import { isNoun, isVerb, nounOf, type Verb, type VerbName, verbs } from './verbs.ts';

/**
 * The command line: `same VERB [NOUN] …`.
 * @param words the arguments after `same`
 * @returns the exit code
 */
export function main(words: string[]): Promise<number> {
  return asCommand(words, (cli) => dispatch(cli, words));
}

async function dispatch(cli: Cli, words: string[]): Promise<void> {
  const [first, second] = words;
  if (first === undefined || ['--help', '-h', 'help', '--version', '-V'].includes(first)) {
    if (first === 'help' && second !== undefined && isVerb(second))
      return showPage(cli, second, ['--help'], nounOf(verbs[second], words[2]));
    const { helpText } = await import('./help.ts');
    return cli.print(helpText(first));
  }
  if (!isVerb(first)) throw unknownVerb(first, second);
  const verb: Verb = verbs[first];
  const noun = nounOf(verb, second);
  if (noun === undefined && isNoun(second)) {
    const meant =
      verb.nouns[0] === 'program' ? `; for a program of that name: same ${first} program ${second}` : '';
    throw usage(
      `same ${first} takes ${verb.nouns.join(' or ') || 'no noun'}, not ${second}`,
      `see: same ${first} --help${meant}`,
    );
  }
  const rest = words.slice(noun === undefined ? 1 : 2);
  await turnTo(cli, first, rest, noun).catch((error: unknown) => {
    throw noun === undefined ? hintingAtNoun(error, first, second) : error;
  });
}

async function turnTo(cli: Cli, first: VerbName, rest: string[], noun: string | undefined): Promise<void> {
  if (first === 'run') {
    const split = splitRunWords(rest);
    if (!split.help) {
      const { run, openPorts } = await import('./hot.ts');
      cli.open = openPorts;
      return run(cli, split).catch((error: unknown) => {
        // `same run list`: only when there is no program of that name.
        const meant = split.reference;
        const absent = error instanceof SameError && error.code === 'SAME1204';
        throw absent && meant !== undefined && isVerb(meant) ? unknownVerb(first, meant) : error;
      });
    }
  }
  if (first === 'sweep') {
    const split = splitSweepWords(rest);
    if (!split.help) {
      const { sweep, openPorts } = await import('./pages.ts');
      cli.open = openPorts;
      return sweep(cli, split);
    }
  }
  return showPage(cli, first, rest, noun);
}

async function showPage(cli: Cli, name: VerbName, words: string[], noun?: string): Promise<void> {
  const { pages, parseWith, openPorts, keepHeapSmall, hintingAtRecord } = await import('./pages.ts');
  keepHeapSmall();
  cli.open = openPorts;
  const page = pages[name](cli, noun ?? verbs[name].nouns[0] ?? '');
  // What is called `show` alone is `show run` where the user says so.
  if (noun !== undefined && page.name() === `same ${name}`) page.name(`same ${name} ${noun}`);
  await parseWith(page, cli, words).catch(async (error: unknown) => {
    throw await hintingAtRecord(cli, error, { name, noun, words });
  });
}

function usage(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1902', message, hint });
}

function unknownVerb(first: string, second: string | undefined): SameError {
  if (second !== undefined && isVerb(second) && isNoun(first)) {
    const noun = nounOf(verbs[second], first) ?? first;
    const what = first === 'run' ? `there is no program "${second}" here` : `unknown verb "${first}"`;
    return usage(`${what}: the verb comes first`, `try: same ${second} ${noun}`);
  }
  const meant = nearest(first, Object.keys(verbs));
  return usage(`unknown verb "${first}"${meant ? ` — did you mean ${meant}?` : ''}`, 'see: same --help');
}
