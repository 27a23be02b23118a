import type { Leaving, LeavingRun } from '../../operations/preview-leaving.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from './text.ts';

/** Says what would leave, and what of it stays or was taken out. */
export function renderLeaving(cli: Cli, leaving: Leaving): void {
  if (cli.json) {
    cli.printJson('Leaving', leaving);
    return;
  }
  const { program, objects, sizeBytes, ancestors, runs, others, data } = leaving;
  cli.print(
    plainLine(
      `${program.name}:${program.version} (${program.digest}): ${objects} objects, ${sizeBytes} bytes`,
    ),
  );
  if (ancestors > 0) cli.print(`  the ${ancestors} it was made from that runs belong to`);
  for (const [kind, count] of Object.entries(others)) cli.print(plainLine(`  ${kind} ${count}`));
  for (const name of data) cli.print(plainLine(`  content of data ${name}`));
  if (runs.length === 0) cli.print('  no runs');
  for (const run of runs) cli.print(plainLine(`  run ${run.id} ${described(run)}`));
  for (const line of passedOverLines(leaving.passedOver)) cli.say(`  ${line}`);
  if (runs.length > 0)
    cli.say(
      `  of a run its record leaves. In what tools and steps said or logged, values of secrets, this machine's name and directories that are known were masked; apart from that what programs logged, and commands and parameters all in all, leave as they are`,
    );
  cli.say('nothing was written or sent: leave out --dry-run to do it');
}

/** What `--history all` passes over, and how it is taken along; none where it passes nothing over. */
export function passedOverLines(passedOver: Readonly<Record<string, number>>): string[] {
  const counts = Object.entries(passedOver).sort(([a], [b]) => (a < b ? -1 : 1));
  if (counts.length === 0) return [];
  const told = counts.map(([status, count]) => `${count} ${status}`).join(', ');
  return [
    `all means runs that succeeded; left out: ${told} (name them by id, or take all that have ended: --history 'where status != running')`,
  ];
}

function described({ status, own, program, sizeBytes, masked = [], stays }: LeavingRun): string {
  return [
    `${status}${own === false ? ' (not yours)' : ''}${program === undefined ? '' : ` of ${program}`}: record ${sizeBytes} bytes`,
    ...(masked.length > 0 ? [`masked ${masked.join(', ')}`] : []),
    ...(stays
      ? [
          `stays here: ${stays.logs.files} logs (${stays.logs.sizeBytes} bytes), ${stays.outputs.files} outputs (${stays.outputs.sizeBytes} bytes)`,
        ]
      : []),
  ].join('; ');
}
