import { Command } from 'commander';
import { checkStore } from '../../operations/check-store.ts';
import type { Cli } from '../cli.ts';
import { renderFinding } from '../render/finding.ts';
import { telling } from '../render/work-line.ts';
import { withCommon } from '../words.ts';

/** What a command ends with that found something damaged (spec chapter errors). */
const DAMAGED = 7;

/** `same check store` */
export function checkCommand(cli: Cli): Command {
  const command = new Command('check store').description(
    'Look at every run that ran here: its record, its journal, what its outputs name, the packs of old runs, and the index. Nothing is changed. For the content and programs as well: same verify integrity.',
  );
  return withCommon(command, ['same check store', 'same check store --json']).action(async () => {
    const { runs, findings } = await telling(cli, { doing: 'checking every run' }, () =>
      checkStore(cli.ports()),
    );
    if (findings.length > 0) cli.exitCode = DAMAGED;
    if (cli.json) return cli.printJson('StoreChecked', { runs, findings });
    for (const { clause, ...finding } of findings) {
      const message = clause === undefined ? finding.message : `${finding.message} [${clause}]`;
      process.stderr.write(`${renderFinding({ ...finding, message }, cli.colour)}\n`);
    }
    const looked = `${runs} ${runs === 1 ? 'run' : 'runs'}`;
    if (findings.length === 0) cli.print(`${looked}, all whole`);
    else cli.say(`${findings.length} ${findings.length === 1 ? 'problem' : 'problems'} in ${looked}`);
  });
}
