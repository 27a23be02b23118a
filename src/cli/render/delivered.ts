import type { Delivered, DeliveredItem } from '../../operations/deliver.ts';
import type { Cli } from '../cli.ts';
import { plainLine } from './text.ts';

/** Says what a store was told after a command, and warns of what it was not. */
export function sayDelivered(cli: Cli, delivered: Delivered): void {
  const { store, told, refused, waiting, problem } = delivered;
  if (!store) return;
  for (const item of told) for (const line of renderItem(item)) cli.say(line);
  for (const { what, refused: why = [] } of refused)
    cli.ports().warn({
      code: why[0]?.code ?? 'SAME1813',
      message: `${what} is not told to the store: ${why[0]?.message ?? 'it refuses it'}`,
      hint: 'see: same show store',
    });
  if (!problem) return;
  const count = waiting === 1 ? '1 waits' : `${waiting} wait`;
  cli.ports().warn({ ...problem, message: `${problem.message}; ${count} to be told`, hint: 'same deliver' });
}

/** What the store was told of something, with what it has otherwise. */
export function renderItem({ kind, what, notes, refused }: DeliveredItem): string[] {
  const outcome = refused ? 'refused' : 'told';
  return [
    `${outcome} ${kind} ${what}`,
    ...notes.map((note) => plainLine(`  ${note}`)),
    ...(refused ?? []).map(({ code, message }) => plainLine(`  ${code} ${message}`)),
  ];
}
