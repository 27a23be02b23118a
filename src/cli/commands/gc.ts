import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { collectGarbage } from '../../operations/collect-garbage.ts';
import { formatBytes, parseDuration } from '../../program/quantity.ts';
import type { Cli } from '../cli.ts';
import { renderCollected } from '../render/environments.ts';
import { telling } from '../render/work-line.ts';
import { withCommon } from '../words.ts';

const OLDER_THAN = '24h';
const UNUSED_FOR = '30d';

/** `same gc [--dry-run]` */
export function gcCommand(cli: Cli): Command {
  const command = new Command('gc')
    .description(
      'Remove what nothing names any more: content of programs and runs that were deleted, environments that were not used for long, and what commands left that were killed. What pins, runs, sweeps and bundles name stays, and so does what is in use.',
    )
    .option('--dry-run', 'say what would go and how much it is, and remove nothing')
    .option('--plan', 'the same')
    .option('--older-than <duration>', 'leave content alone that was stored or used within this', OLDER_THAN)
    .option('--unused-for <duration>', 'remove environments that were not used for this', UNUSED_FOR);
  return withCommon(command, ['same gc --dry-run', 'same gc', 'same gc --unused-for 7d --json']).action(
    async (options: { dryRun?: true; plan?: true; olderThan: string; unusedFor: string }) => {
      const dryRun = options.dryRun === true || options.plan === true;
      const [olderThanMs, unusedForMs] = [
        durationOf('--older-than', options.olderThan),
        durationOf('--unused-for', options.unusedFor),
      ];
      const collected = await telling(cli, { doing: 'looking for what nothing names' }, () =>
        collectGarbage(cli.ports(), { dryRun, olderThanMs, unusedForMs }),
      );
      if (cli.json) {
        cli.printJson('Collected', { dryRun, ...collected });
        return;
      }
      for (const line of renderCollected(collected)) cli.say(`  ${line}`);
      const freed = formatBytes(collected.sizeBytes);
      cli.print(dryRun ? `${freed} would go` : `${freed} removed`);
      if (dryRun && collected.sizeBytes > 0) cli.say(`remove it with: same gc${given(options)}`);
    },
  );
}

/** The options by which that is chosen which would go, where they are not those that are usual. */
function given({ olderThan, unusedFor }: { olderThan: string; unusedFor: string }): string {
  return [
    olderThan === OLDER_THAN ? '' : ` --older-than ${olderThan}`,
    unusedFor === UNUSED_FOR ? '' : ` --unused-for ${unusedFor}`,
  ].join('');
}

function durationOf(option: string, text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw new SameError({
      code: 'SAME1902',
      message: `${option} takes a duration, got "${text}"`,
      place: option,
      hint: 'write it like 24h or 30d',
    });
  }
}
