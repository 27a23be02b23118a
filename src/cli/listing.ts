import { join } from '../host/files.ts';
import { hostMark } from '../host/machine.ts';
import type { Ports } from '../operations/ports.ts';
import { storedRuns } from '../operations/stored-runs.ts';
import { openDiskAnnotations } from '../runs/annotations.ts';
import { lookAtRunIndex, type OpenRunIndex, openRunIndex } from '../runs/index/run-index.ts';
import { RunFiles } from '../runs/run-files.ts';
import type { RunRow } from '../runs/run-query.ts';
import { rowOf } from '../runs/run-row.ts';

/** The index of a home's runs: what lists many loads this, and nothing that runs a program does. */
export async function openHomeIndex(
  ports: Ports,
  options: { anew?: boolean; look?: boolean } = {},
): Promise<OpenRunIndex> {
  const directory = join(ports.home, 'runs');
  const annotations = openDiskAnnotations(join(directory, 'annotations'), ports.warn);
  const tagsOf = (id: string) => annotations.of(id).tags;
  const sources = {
    path: join(ports.home, `index-${hostMark()}.sqlite`),
    files: new RunFiles(directory),
    annotations: { directory: join(directory, 'annotations'), of: annotations.of },
    onDamaged: ports.warn,
    others: {
      directory: join(ports.home, 'content', 'referrers'),
      async read(program: string) {
        const before = ports.warnings.length;
        const records = (await storedRuns(ports, program)).map(({ record }) => record);
        return { records, whole: ports.warnings.length === before };
      },
    },
    scanOwn: () => ports.runs.list().map((run) => rowOf(run, tagsOf(run.record.id))),
    async scanOthers() {
      const rows: RunRow[] = [];
      for (const program of ports.referrers.subjects())
        for (const { record } of await storedRuns(ports, program))
          rows.push(rowOf({ record, own: false }, tagsOf(record.id)));
      return rows;
    },
  };
  return options.look ? lookAtRunIndex(sources) : openRunIndex(sources, options.anew);
}
