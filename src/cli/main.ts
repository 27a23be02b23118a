import { type Finding, SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Cli } from './cli.ts';
import { renderFinding } from './render/finding.ts';
import { plain } from './render/text.ts';
import { splitRunWords } from './run-words.ts';
import { isNoun, isVerb, nounOf, type Verb, type VerbName, verbs } from './verbs.ts';

/**
 * The command line: `same VERB [NOUN] …`.
 * @param words the arguments after `same`
 * @returns the exit code
 */
export async function main(words: string[]): Promise<number> {
  const cli = openCli(words);
  // A reader that went away (`same list runs | head`) wants no more lines; what is being done is still done.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  try {
    await dispatch(cli, words);
    return cli.exitCode;
  } catch (error) {
    return await report(cli, error);
  }
}

async function dispatch(cli: Cli, words: string[]): Promise<void> {
  const [first, second] = words;
  if (first === undefined || ['--help', '-h', 'help', '--version', '-V'].includes(first)) {
    if (first === 'help' && second !== undefined && isVerb(second)) return showPage(cli, second, ['--help']);
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
  return showPage(cli, first, rest, noun);
}

async function showPage(cli: Cli, name: VerbName, words: string[], noun?: string): Promise<void> {
  const { pages, parseWith, openPorts, keepHeapSmall } = await import('./pages.ts');
  keepHeapSmall();
  cli.open = openPorts;
  await parseWith(pages[name](cli, noun ?? verbs[name].nouns[0] ?? ''), cli, words);
}

function openCli(words: string[]): Cli {
  const before = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  const warnings: Finding[] = [];
  const cli: Cli = {
    json: before.includes('--json'),
    quiet: before.includes('--quiet') || before.includes('-q'),
    live: process.stderr.isTTY === true && process.env.TERM !== 'dumb' && process.env.CI === undefined,
    colour: process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
    stopping: 'stopping; once more to kill at once',
    exitCode: 0,
    warnings,
    print: (text) => {
      process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
    say: (text) => {
      if (!cli.quiet) process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
    },
    // What is plain says the same in JSON: control characters stand in strings only, and escaped they are the same.
    printJson: (kind, value) => {
      const document = {
        apiVersion: 'same/v1',
        kind,
        ...value,
        ...(warnings.length > 0 ? { notices: warnings } : {}),
      };
      process.stdout.write(`${plain(JSON.stringify(document, null, 2))}\n`);
    },
    open: () => {
      throw new SameError({ code: 'SAME7001', message: 'adapters were asked for before they were loaded' });
    },
    ports: () => {
      const ports = cli.open(cli);
      cli.ports = () => ports;
      return ports;
    },
  };
  return cli;
}

/** Prints every problem, one line each, code first. @returns the exit code */
async function report(cli: Cli, error: unknown): Promise<number> {
  const known = await asSameError(error);
  if (cli.json) {
    cli.printJson('Error', {
      code: known.code,
      exitCode: known.exitCode,
      findings: known.findings,
      details: known.details,
    });
  }
  // Errors are said even with --quiet: silence is for success.
  for (const finding of known.findings) process.stderr.write(`${renderFinding(finding, cli.colour)}\n`);
  if (known.code === 'SAME7001' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return known.exitCode;
}

async function asSameError(error: unknown): Promise<SameError> {
  if (error instanceof SameError) return error;
  const { fromErrno } = await import('../host/files.ts');
  const wrapped = fromErrno(error, 'working', homeOrNothing());
  if (wrapped instanceof SameError) return wrapped;
  return new SameError(
    {
      code: 'SAME7001',
      message: `same has a bug: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'please report it with the lines below',
    },
    { cause: error },
  );
}

function homeOrNothing(): string | undefined {
  return process.env.SAME_HOME ?? (process.env.HOME && `${process.env.HOME}/.same`);
}

function usage(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1902', message, hint });
}

/** `same verify intergity`: the word was taken for a name, and there is nothing of that name. */
function hintingAtNoun(error: unknown, first: VerbName, second: string | undefined): unknown {
  if (!(error instanceof SameError) || second === undefined || second.startsWith('-')) return error;
  const isAbsent = ['SAME1204', 'SAME1205', 'SAME1608'].includes(error.code);
  const [{ message }] = error.findings as [Finding];
  if (!isAbsent && !message.startsWith('too many arguments')) return error;
  if (message.includes('did you mean')) return error;
  const meant = nearest(second, verbs[first].nouns);
  if (meant === undefined) return error;
  const { cause, details } = error;
  const hint = `did you mean: same ${first} ${meant}`;
  return new SameError(
    error.findings.map((finding) => ({ ...finding, hint })),
    { cause, details },
  );
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
