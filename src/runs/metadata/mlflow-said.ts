import { tagsOf } from '../mlflow/history.ts';
import type { ToldRun } from './metadata-store.ts';
import type { MlflowClient } from './mlflow-client.ts';
import { type Fitting, LONGEST } from './mlflow-fitting.ts';

/** Has the names of what users said of a run, as the server has them: what they take back is known by it, and nothing else. */
const SAID_TAG = 'same.said';
const NOTES_TAG = 'same.notes';

type Pair = { key: string; value: string };

/**
 * Takes away what users said of a run when it was last told and have taken back since; tags that others gave it there
 * stay (spec SAME-RUN-111).
 * @param told the run's tags by name, and `given` as the server gets them, in the same order
 * @returns what the server has to get before `given`, so that a telling which is cut is known for what it gave
 */
export async function takeBack(
  client: MlflowClient,
  remote: { id: string; tags: ReadonlyMap<string, string> },
  {
    run,
    told,
    given,
    fitting,
  }: { run: ToldRun; told: Iterable<string>; given: readonly Pair[]; fitting: Fitting },
): Promise<Pair[]> {
  const unsaid = tagsOf({ record: run.record, tags: {} });
  const isSaid = [...told].map((name) => !unsaid.has(name) && !/^same\.|^mlflow\.parent/.test(name));
  const said = given.filter((_, at) => isSaid[at]).map(({ key }) => key);
  const text = JSON.stringify(said);
  const isLong = text.length > LONGEST.tag;
  if (isLong)
    fitting.notes.push(`its ${said.length} tags stay there when they are taken back: they are too many`);
  const isThere = new Set(given.map(({ key }) => key));
  const account = said.length === 0 || isLong ? [] : [{ key: SAID_TAG, value: text }];
  const gone = namesIn(remote.tags.get(SAID_TAG)).filter((name) => !isThere.has(name));
  // The account goes last: without it nobody knows what else was to go.
  for (const key of [...gone, NOTES_TAG, ...(account.length === 0 ? [SAID_TAG] : [])]) {
    if (!remote.tags.has(key)) continue;
    await client.call({
      method: 'POST',
      path: '/api/2.0/mlflow/runs/delete-tag',
      body: { run_id: remote.id, key },
      expect: ['RESOURCE_DOES_NOT_EXIST'],
    });
  }
  return account;
}

function namesIn(account: string | undefined): string[] {
  if (account === undefined) return [];
  try {
    const names = JSON.parse(account);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}
