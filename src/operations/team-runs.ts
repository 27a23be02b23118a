import { SameError } from '../errors/same-error.ts';
import type { TeamIndex } from '../runs/metadata/team-index.ts';
import type { Ports } from './ports.ts';

/**
 * What finds the runs of all who tell theirs to the store that is set (spec SAME-RUN-123). Those of this home are its own.
 * @throws SAME1902 none is set, or one that nothing is listed from; its answers throw as the store does
 */
export async function openTeamRuns(ports: Ports): Promise<TeamIndex> {
  const store = await ports.metadataStore();
  if (store?.kind !== 'postgresql') {
    const none = {
      message: 'runs of this home are told to no store',
      hint: 'set one: same set store postgresql postgresql://USER@HOST/DATABASE',
    };
    const other = store && {
      message: `runs of this home are told to MLflow at ${store.address}, and are not listed from there`,
      hint: 'look at them in its own pages; those of this home: same list runs',
    };
    throw new SameError({ code: 'SAME1902', ...(other ?? none), place: '--store', clause: 'SAME-RUN-123' });
  }
  const index = await ports.openRunIndex();
  return ports.openTeamIndex(store, {
    has: (id) => index.row(id)?.own ?? false,
    ids: () =>
      index
        .search({ where: { field: { of: 'run', name: 'own' }, operator: '=', value: true } })
        .rows.map(({ id }) => id),
  });
}
