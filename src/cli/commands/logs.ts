import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { countLogged, followLogs, type Log, readLogs } from '../../operations/read-logs.ts';
import type { Cli } from '../cli.ts';
import { beginningLate, lastLines, printer } from '../render/logs.ts';
import { withCommon } from '../words.ts';

/** `same logs ID` */
export function logsCommand(cli: Cli): Command {
  const command = new Command('logs')
    .description(
      'Print what the steps of a run printed: stdout to stdout, stderr to stderr, below a heading for each where they are several.',
    )
    .argument('[id]', 'run id, a part of it, or latest', 'latest')
    .option('--step <name>', 'only this step, with all its cells, or this cell, like train.0')
    .option('--tail <lines>', 'only the last lines of each')
    .option('-f, --follow', 'go on until the run ends');
  return withCommon(command, [
    'same logs latest',
    'same logs 8f3a21 --step train',
    'same logs 8f3a21 --step train.0',
    'same logs latest --tail 20 -f',
  ]).action(async (id: string, options: { step?: string; follow?: true; tail?: string }) => {
    const last = lastLines(options.tail);
    if (cli.json && options.follow) {
      throw new SameError({
        code: 'SAME1902',
        message: '--json prints one document and cannot follow',
        place: '--follow',
        hint: 'leave out one of them',
      });
    }
    const ports = cli.ports();
    if (cli.json) {
      const items: Log[] = [];
      const take = beginningLate(last, (log) => items.push(log));
      for (const log of await readLogs(ports, id, options.step)) take(log);
      cli.printJson('Logs', {
        items: items.map(({ bytes, ...log }) => ({ ...log, text: bytes.toString('utf8') })),
      });
      return;
    }
    const write = beginningLate(last, printer((await countLogged(ports, id, options.step)) > 1));
    if (options.follow) {
      cli.stopping = 'no longer following; the run goes on';
      await followLogs(ports, id, options.step, write);
    } else for (const log of await readLogs(ports, id, options.step)) write(log);
  });
}
