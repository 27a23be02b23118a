import { type Finding, SameError } from '../errors/same-error.ts';
import type { Cli } from './cli.ts';
import { renderFinding } from './render/finding.ts';
import { plainBytes } from './render/text.ts';

/**
 * Does what the words of a command ask for, and says what went wrong.
 * @param words the arguments after `same`
 * @returns the exit code
 */
export async function asCommand(words: string[], work: (cli: Cli) => Promise<void>): Promise<number> {
  const cli = openCli(words);
  // A reader that went away (`same list runs | head`) wants no more lines; what is being done is still done. So it is
  // after a terminal was closed: its signal stops what runs, which needs this process.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && !(error.code === 'EIO' && stream.isTTY)) throw error;
    });
  }
  try {
    await work(cli);
    return cli.exitCode;
  } catch (error) {
    return await report(cli, error);
  }
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
      process.stdout.write(plainBytes(`${JSON.stringify(document, null, 2)}\n`));
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
