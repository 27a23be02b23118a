import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { followLogs, type Log, readLogs } from '../../operations/read-logs.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from '../render/text.ts';
import { withCommon } from '../words.ts';

/** `same logs ID` */
export function logsCommand(cli: Cli): Command {
  const command = new Command('logs')
    .description('Print what the steps of a run printed: stdout to stdout, stderr to stderr.')
    .argument('[id]', 'run id, a part of it, or latest', 'latest')
    .option('--step <name>', 'only this step, with all its cells, or this cell, like train.0')
    .option('-f, --follow', 'go on until the run ends');
  return withCommon(command, [
    'same logs latest',
    'same logs 8f3a21 --step train',
    'same logs 8f3a21 --step train.0',
    'same logs latest -f',
  ]).action(async (id: string, options: { step?: string; follow?: true }) => {
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
      const items = await readLogs(ports, id, options.step);
      cli.printJson('Logs', {
        items: items.map(({ bytes, ...log }) => ({ ...log, text: bytes.toString('utf8') })),
      });
      return;
    }
    let before: string | undefined;
    const write = ({ step, stream, bytes }: Log) => {
      // Only people need to be told whose lines these are; what reads them gets what was printed and nothing else.
      if (process.stdout.isTTY && before !== step && bytes.length > 0) {
        if (before !== undefined || options.step === undefined) cli.say(`==> ${plainLine(step)}`);
        before = step;
      }
      process[stream].write(bytes);
    };
    if (options.follow) {
      cli.stopping = 'no longer following; the run goes on';
      await followLogs(ports, id, options.step, write);
    } else for (const log of await readLogs(ports, id, options.step)) write(log);
  });
}
