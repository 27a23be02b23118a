import { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

/** `same compare runs A B …` */
export function compareCommand(cli: Cli): Command {
  const command = new Command('compare runs')
    .description(
      'Put runs beside one another: only what differs, figures with what each has more than the first. Runs of authors can be compared with yours.',
    )
    .argument('<ids...>', 'ids of runs, parts of them, or latest')
    .option('--all', 'also what is the same in all of them');
  return withCommon(command, [
    'same compare runs 8f3a21 latest',
    'same compare runs 8f3a21 c04e77 latest --json',
  ]).action(async (ids: string[], { all }: { all?: true }) => {
    const { compareRuns } = await import('../../operations/compare-runs.ts');
    const compared = await compareRuns(cli.ports(), ids, all ? { all } : {});
    const { runs, ...differences } = compared;
    if (cli.json) return cli.printJson('RunComparison', { runs: runs.map(runJson), ...differences });
    const { renderComparison } = await import('../render/run-differences.ts');
    cli.print(renderComparison(compared));
  });
}

/** `same diff runs A B` */
export function diffCommand(cli: Cli): Command {
  const command = new Command('diff runs')
    .description(
      'Say why two runs may have come to different ends: what came of them, then what they were made from, ranked: parameters, code file by file, data, packages, variables, machine.',
    )
    .argument('<from>', 'id of a run, a part of it, or latest')
    .argument('<to>', 'the other run');
  return withCommon(command, ['same diff runs 8f3a21 latest', 'same diff runs 8f3a21 latest --json']).action(
    async (from: string, to: string) => {
      const { diffRuns } = await import('../../operations/diff-runs.ts');
      const diff = await diffRuns(cli.ports(), [from, to]);
      const { runs, causes, effects, files, absent } = diff;
      if (cli.json)
        return cli.printJson('RunDiff', { runs: runs.map(runJson), effects, causes, files, absent });
      const { renderRunDiff } = await import('../render/run-differences.ts');
      cli.print(renderRunDiff(diff, process.stdout.isTTY === true && cli.colour));
    },
  );
}

function runJson({
  record,
  own,
}: {
  record: { id: string; program: object; status: string; startedAt: string };
  own: boolean;
}) {
  const { id, program, status, startedAt } = record;
  return { id, own, program, status, startedAt };
}
