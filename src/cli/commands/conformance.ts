import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { join, mkdtempSync, removeTree } from '../../host/files.ts';
import { temporaryDirectory } from '../../host/machine.ts';
import { environmentVariables } from '../../host/processes.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same conformance`: one request on stdin, one reply on stdout, on a home that is gone afterwards. */
export function conformanceCommand(cli: Cli): Command {
  const command = new Command('conformance').description(
    'Answer one case of the conformance suite: a JSON request on stdin, a JSON reply on stdout.',
  );
  const example = `echo '{"protocol":1,"verb":"digest","input":{"bytes":{"text":""}}}' | same conformance`;
  return withCommon(command, [example]).action(async () => {
    const { answer, readRunRequest } = await import('../conformance.ts');
    const request = await readRequest();
    const directory = mkdtempSync(join(temporaryDirectory(), 'same-conformance-'));
    try {
      const open = (variables = {}) =>
        cli.open(cli, { ...environmentVariables(), SAME_HOME: join(directory, 'home'), ...variables });
      const reply = await answer({ directory, open, readRunWords: readRunRequest }, request);
      cli.print(JSON.stringify(reply));
    } finally {
      removeTree(directory);
    }
  });
}

async function readRequest(): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new SameError(
      { code: 'SAME1902', message: 'standard input is not JSON', hint: 'see conformance/README.md' },
      { cause },
    );
  }
}
