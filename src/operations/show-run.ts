import { SameError, throwFindings } from '../errors/same-error.ts';
import type { RunIndex, RunRows } from '../runs/run-query.ts';
import type { StoredRun } from '../runs/run-store.ts';
import { meantWithin, WITHIN } from '../runs/run-within.ts';
import { recordFindings } from './check-record.ts';
import { NAMED, notOne } from './find-run.ts';
import { ownRun, storedRun } from './find-runs.ts';
import type { Ports } from './ports.ts';

/**
 * {@link findStoredRun} with a record that is one in every field, so that nothing trips over it.
 * @throws SAME1608 · SAME1612
 */
export async function showRun(ports: Ports, id: string): Promise<StoredRun> {
  const run = await findStoredRun(ports, id).catch((error: unknown) => {
    throw damage(ports, id) ?? error;
  });
  throwFindings(await recordFindings(ports, run));
  return run;
}

/**
 * {@link showRun}, or of `RUN/CHILD` one that a step of it began within it by MLflow's protocol, told like a run (spec
 * SAME-RUN-096).
 * @throws SAME1608 · SAME1612
 */
export async function showRunOrWithin(ports: Ports, text: string): Promise<StoredRun> {
  const at = text.indexOf(WITHIN);
  if (at < 0) return showRun(ports, text);
  const { record, own } = await showRun(ports, text.slice(0, at));
  const wanted = text.slice(at + 1);
  const found = meantWithin(record, wanted);
  if (found.length === 1) return { record: found[0]!, own };
  throw new SameError({
    code: 'SAME1608',
    message:
      found.length === 0
        ? `no step of run ${record.id} began a run "${wanted}"`
        : `"${wanted}" names ${found.length} runs within run ${record.id}`,
    hint: `list them with: same list runs --within ${record.id}`,
    clause: 'SAME-RUN-096',
  });
}

/** Why a run is in no listing, when its files are here. */
function damage(ports: Ports, id: string): SameError | undefined {
  try {
    ports.runs.get(id);
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1612') return error;
  }
  return undefined;
}

/**
 * One run, by id, a unique part of its beginning or end, its display id, or `latest`: the newest that ran here, and
 * only where none did the newest that came with a bundle, whose id its author chose. Other runs are not read for it.
 * @throws SAME1608
 */
export async function findStoredRun(ports: Ports, text: string): Promise<StoredRun> {
  const whole = WHOLE_ID.test(text) && ownRun(ports, text.toLowerCase());
  if (whole) return whole;
  const index = await ports.openRunIndex();
  const { rows, total } = (text === 'latest' ? latest(index) : undefined) ?? index.named(text, NAMED);
  const run = total === 1 && (await storedRun(ports, rows[0]!));
  if (run) return run;
  throw new SameError(notOne(text, { ids: rows.map(({ id }) => id), total: total === 1 ? 0 : total }));
}

const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** The newest runs, among which there nearly always is one that ran here. */
const FEW = 50;

function latest(index: RunIndex): RunRows | undefined {
  const { rows } = index.search({ limit: FEW });
  const isOwn = { field: { of: 'run', name: 'own' }, operator: '=', value: true } as const;
  const newest = rows.find(({ own }) => own) ?? index.search({ where: isOwn, limit: 1 }).rows[0] ?? rows[0];
  return newest && { rows: [newest], total: 1 };
}
