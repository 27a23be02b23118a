import { LARGEST_TREE_LIST_BYTES, parseTreeList } from '../bundle/tree.ts';
import { SameError } from '../errors/same-error.ts';
import { LARGEST_REPORT_BYTES } from '../pipeline/metrics.ts';
import type { History } from '../runs/mlflow/history.ts';
import { recordsOf } from './find-runs.ts';
import type { Ports } from './ports.ts';

/** A wait without an end, as long as timers are. */
const LONG_MS = 2 ** 31 - 1;

/**
 * `same serve`: lets clients of MLflow read the runs of this home, its own and those that came with bundles, until Ctrl-C.
 * @param onReady told the tracking URI
 * @throws SAME1902 another program has the port
 */
export async function serveRuns(ports: Ports, port: number, onReady: (uri: string) => void): Promise<void> {
  const served = await ports.serveHistory(await historyOf(ports), port).catch((error: unknown) => {
    throw portProblem(error, port) ?? error;
  });
  try {
    onReady(served.uri);
    while (!ports.cancel.aborted) await ports.sleep(LONG_MS);
  } finally {
    served.close();
  }
}

function portProblem(error: unknown, port: number): SameError | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return undefined;
  return new SameError({
    code: 'SAME1902',
    message:
      code === 'EACCES' ? `port ${port} is not this user's to use` : `something else listens at port ${port}`,
    place: '--port',
    hint: 'without --port one is taken that is free',
  });
}

/** The runs of a home, as what serves them asks for them. */
export async function historyOf(ports: Ports): Promise<History> {
  const index = await ports.openRunIndex();
  return {
    search: (query) => index.search(query),
    read: (rows) => recordsOf(ports, rows),
    async run(id) {
      const { rows } = index.search({
        where: { field: { of: 'run', name: 'id' }, operator: '=', value: id },
        limit: 1,
      });
      return (await recordsOf(ports, rows))[0];
    },
    ...storedContent(ports),
  };
}

/** What a home has of what its runs name. */
export function storedContent({ content }: Ports): Pick<History, 'text' | 'tree' | 'blob'> {
  const here = async <T>(digest: string, read: (digest: string) => Promise<T>) =>
    (await content.has(digest)) ? read(digest) : undefined;
  return {
    text: (digest) =>
      here(digest, async (blob) => (await content.read(blob, LARGEST_REPORT_BYTES)).toString('utf8')),
    tree: (digest) =>
      here(digest.replace(/^tree:/, ''), async (list) =>
        parseTreeList(await content.read(list, LARGEST_TREE_LIST_BYTES)),
      ),
    blob: (digest) => here(digest, (blob) => content.stream(blob)),
  };
}
