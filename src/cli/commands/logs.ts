import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { followLogs, readLogs } from '../../operations/read-logs.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same logs ID` */
export function logsCommand(cli: Cli): Command {
  const command = new Command('logs')
    .description('Print what the steps of a run printed: stdout to stdout, stderr to stderr.')
    .argument('[id]', 'run id, a part of it, or latest', 'latest')
    .option('--step <name>', 'only this step')
    .option('-f, --follow', 'go on until the run ends');
  return withCommon(command, [
    'same logs latest',
    'same logs 8f3a21 --step train',
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
    const write = (stream: 'stdout' | 'stderr', bytes: Buffer) => process[stream].write(bytes);
    if (options.follow) {
      cli.stopping = 'no longer following; the run goes on';
      await followLogs(ports, id, options.step, write);
    } else for (const { stream, bytes } of await readLogs(ports, id, options.step)) write(stream, bytes);
  });
}
