import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bareNode, type Row, same } from './contestant.ts';
import { writeManyRuns } from './many-runs.ts';

/** Greatest ratio to a bare node: its start and 30 ms, where that start is 28. */
const TARGET = 2.1;

/** P11, listings of many runs: the newest, those that meet a filter, those that are best. The index is there already. */
export function listingRows(directory: string): Row[] {
  return [1_000, 10_000, 1_000_000].map((count): Row => {
    const home = join(directory, `p11-${count}`);
    const list = (...words: string[]) => [
      ['env', `SAME_HOME=${home}`, ...same, 'list', 'runs', '--limit', '50', ...words],
    ];
    const acc = ['--sort', '-metrics.acc'];
    return {
      name: `P11 ${count.toLocaleString('en')} runs`,
      open() {
        mkdirSync(home, { recursive: true });
        writeManyRuns(home, count);
        return {
          // The first listing makes the index.
          before: list(),
          contestants: [
            { what: 'node -e 0', role: 'floor', commands: [['env', `SAME_HOME=${home}`, ...bareNode]] },
            { what: 'newest', role: 'same', commands: list(), target: TARGET },
            { what: 'sorted by a figure', role: 'same', commands: list(...acc), target: TARGET },
            {
              what: 'filtered and sorted',
              role: 'same',
              commands: list('--where', 'parameters.lr < 0.01 and metrics.acc > 0.9', ...acc),
              target: TARGET,
            },
            {
              what: 'same list aliases',
              role: 'peer',
              commands: [['env', `SAME_HOME=${home}`, ...same, 'list', 'aliases']],
            },
          ],
        };
      },
    };
  });
}
