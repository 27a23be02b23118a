import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import type { Delivered } from '../../operations/deliver.ts';
import { queueAll } from '../../operations/set-store.ts';
import type { Cli } from '../cli.ts';
import { renderItem } from '../render/delivered.ts';
import { withCommon } from '../words.ts';

/** `same deliver [--all] [--refused]` */
export function deliverCommand(cli: Cli): Command {
  const command = new Command('deliver')
    .description(
      'Tell the store that is set what waits to be told: runs that ended and programs that were made while it could not be reached. Telling again what it has changes nothing there.',
    )
    .option('--all', 'every program and every run of this home that is over, not only what waits')
    .option('--refused', 'also what the store refused before');
  return withCommon(command, ['same deliver', 'same deliver --all', 'same deliver --refused --json']).action(
    async (options: { all?: true; refused?: true }) => {
      const ports = cli.ports();
      if (!(await ports.metadataStore()))
        throw new SameError({
          code: 'SAME1902',
          message: 'there is no store to tell: runs stay in this home',
          hint: 'set one with: same set store mlflow http://HOST:5000',
        });
      if (options.refused) (await ports.openOutbox()).tryRefusedAgain();
      if (options.all) await queueAll(ports);
      const { deliver } = await import('../metadata.ts');
      const delivered = await deliver(ports, {
        isPatient: true,
        onTold: (item) => {
          for (const line of cli.json ? [] : renderItem(item)) cli.say(line);
        },
      });
      report(cli, delivered);
    },
  );
}

/** What could not be told is an error, for who asked for nothing else; what was told is said before. */
function report(cli: Cli, { told, refused, waiting, problem, store }: Delivered): void {
  const findings = [
    ...(problem ? [problem] : []),
    ...refused.flatMap(({ what, refused: why = [] }) =>
      why.map((finding) => ({
        hint: 'see: same show store',
        ...finding,
        message: `${what}: ${finding.message}`,
      })),
    ),
  ];
  if (findings.length > 0) throw new SameError(findings, { details: { store, told, refused, waiting } });
  if (cli.json) cli.printJson('Delivered', { store, told, refused, waiting });
  else cli.print(told.length === 0 ? 'nothing waits to be told' : `told ${told.length} to ${store?.address}`);
}
