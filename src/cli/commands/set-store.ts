import { Command } from 'commander';
import { setStore, showStore } from '../../operations/set-store.ts';
import type { Cli } from '../cli.ts';
import { renderStore } from '../render/store.ts';
import { withCommon } from '../words.ts';
import { setTargetCommand } from './targets.ts';

/** `same set store KIND [ADDRESS] [--ca FILE]`, `same set target NAME` */
export function setCommand(cli: Cli, noun: string): Command {
  if (noun === 'target') return setTargetCommand(cli);
  const command = new Command('set store')
    .description(
      'Say where programs and runs of this home are told to beside it. The home stays the truth; runs wait where the store cannot be reached. Logins come from variables (MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN; PGPASSWORD or ~/.pgpass), never from the address.',
    )
    .argument('<kind>', 'mlflow, postgresql, or built-in for this home alone')
    .argument('[address]', 'http(s)://HOST:PORT of a tracking server, or postgresql://USER@HOST/DATABASE')
    .option('--ca <file>', 'trust the authorities in this PEM file too');
  return withCommon(command, [
    'same set store mlflow http://127.0.0.1:5000',
    'same set store mlflow https://mlflow.example.org --ca lab-ca.pem',
    'same set store postgresql postgresql://ada@db.example.org/runs',
    'same set store built-in',
  ]).action(async (kind: string, address: string | undefined, { ca }: { ca?: string }) => {
    const { store, changed, replaced, waiting } = await setStore(cli.ports(), { kind, address, caFile: ca });
    if (cli.json) {
      cli.printJson('Store', {
        kind: store?.kind ?? 'built-in',
        ...(store ? { address: store.address } : {}),
        ...(store?.caFile === undefined ? {} : { ca: store.caFile }),
        changed,
        replaced: replaced ?? null,
        waiting,
      });
      return;
    }
    const as = changed ? '' : ', as before';
    cli.print(
      store ? `runs are told to ${store.kind} at ${store.address}${as}` : `runs stay in this home${as}`,
    );
    if (replaced) cli.say(`replaced ${replaced.kind} at ${replaced.address}`);
    if (store)
      cli.say('see whether it is there: same show store; tell it what is here already: same deliver --all');
    else if (waiting > 0) cli.say(`${waiting} wait to be told to a store, and stay in the queue`);
  });
}

/** `same show store` */
export function showStoreCommand(cli: Cli): Command {
  const command = new Command('show store').description(
    'Show where runs of this home are told to beside it, whether that is there, and what waits to be told.',
  );
  return withCommon(command, ['same show store', 'same show store --json']).action(async () => {
    const { refused, ...state } = await showStore(cli.ports());
    if (cli.json) cli.printJson('Store', { ...state, refused });
    else cli.print(renderStore({ ...state, refused }));
    if (state.waiting > 0 && state.kind !== 'built-in') cli.say('tell it what waits: same deliver');
    if (refused.length > 0) cli.say('try again what was refused: same deliver --refused');
  });
}
