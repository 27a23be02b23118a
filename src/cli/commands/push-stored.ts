import { type Pushed, pushProgram } from '../../operations/push-program.ts';
import type { HistoryChoice } from '../../operations/select-runs.ts';
import type { RegistryAccess } from '../../registry/registry.ts';
import type { Cli } from '../cli.ts';
import { accessWords, type RegistryOptions } from '../registry-words.ts';
import { renderPushed } from '../render/registry.ts';
import { telling } from '../render/work-line.ts';

/** What `same push` takes beside how the registry is reached. */
export interface PushOptions extends RegistryOptions {
  history?: HistoryChoice;
  force?: true;
}

/** `same push program REFERENCE [TARGET]`, once its words are told apart: says what it does, and what it did. */
export async function pushStored(
  cli: Cli,
  where: { reference: string; target: string | undefined },
  options: PushOptions,
  more: { access: RegistryAccess; withData?: { limitBytes?: number } },
): Promise<Pushed> {
  const { history, force } = options;
  const pushed = await telling(cli, { doing: 'pushing' }, () =>
    pushProgram(cli.ports(), { ...where, history, force, ...more }),
  );
  renderPushed(cli, pushed, accessWords(options));
  return pushed;
}
