import { quoteForShell } from '../../pipeline/command.ts';

/** What a container executes, and what that reads on standard input. */
export interface Launch {
  argv: string[];
  input?: string;
}

const READ_SECRETS = '. /dev/stdin; exec "$@" </dev/null';

/**
 * How a step's command is started in an image that nobody has looked into (spec SAME-STP-011, 012): a list as it is, a
 * string by bash where the image has it.
 * @param secrets reach the command by standard input: podman writes down what it is told itself. They need `sh`.
 * @param mark a file that is made where there is no bash
 */
export function launch(
  command: { exec: string[] } | { shell: string },
  { secrets, mark }: { secrets: Record<string, string>; mark: string },
): Launch {
  const argv = 'exec' in command ? command.exec : ['sh', '-c', chooseShell(mark), 'sh', command.shell];
  const names = Object.keys(secrets);
  if (names.length === 0) return { argv };
  const lines = names.map((name) => `${name}=${inQuotes(secrets[name]!)}; export ${name}\n`);
  return { argv: ['sh', '-c', READ_SECRETS, 'sh', ...argv], input: lines.join('') };
}

function chooseShell(mark: string): string {
  return `command -v bash >/dev/null 2>&1 && exec bash -o pipefail -c "$1"; : > ${quoteForShell(mark)}; exec sh -c "$1"`;
}

function inQuotes(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
