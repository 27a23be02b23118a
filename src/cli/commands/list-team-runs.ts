import { SameError } from '../../errors/same-error.ts';
import { findIn } from '../../operations/find-runs.ts';
import { openTeamRuns } from '../../operations/team-runs.ts';
import type { Cli } from '../cli.ts';
import type { ListWords } from '../list-words.ts';
import { listStoredRuns } from './list-stored-runs.ts';

/** `same list runs --store`: those that a team has told the store that is set. @throws SAME1902, SAME1811, SAME1812 */
export async function listTeamRuns(cli: Cli, words: ListWords): Promise<void> {
  if (words.within !== undefined) {
    throw new SameError({
      code: 'SAME1902',
      message: '--within looks at runs of the home, and --store at those of a team',
      place: '--within',
      hint: "with --store write: --where 'parent = ID'",
    });
  }
  const ports = cli.ports();
  await using team = await openTeamRuns(ports);
  await listStoredRuns(cli, words, {
    find: (question) => findIn(team, question, ports.warn),
    records: (rows) => team.records(rows.map(({ id }) => id)),
    // Somebody else's, or one's own that was deleted or is in another home.
    others: 'not here',
  });
}
