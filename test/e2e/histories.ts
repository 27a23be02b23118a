import { done, type Lab, ran } from './registry-lab.ts';
import type { Rig } from './rig.ts';

/** Runs of both of two versions: ids, the first version's succeeded and failed ones, then the second's. */
export async function versions({ rig }: Lab): Promise<[first: string, failed: string, second: string]> {
  const first = await ran(rig, 'study:1.0', 2);
  const failed = (await rig.same(['run', 'study:1.0', '--n=13', '--json'])).json().id;
  await done(rig, ['commit', 'study:1.0', '--as', '1.1', '--set', 'n=3']);
  return [first, failed, await ran(rig, 'study:1.1', 4)];
}

/** Ids of runs in a home, each with whose it is. */
export async function runsIn(rig: Rig, home: string): Promise<Record<string, boolean>> {
  const { items } = (await done(rig, ['list', 'runs', '--json'], home)).json();
  return Object.fromEntries(items.map(({ id, own }: { id: string; own: boolean }) => [id, own]));
}

/** Runs that came from elsewhere, as {@link runsIn} tells them. */
export const foreign = (...ids: string[]) => Object.fromEntries(ids.map((id) => [id, false]));
