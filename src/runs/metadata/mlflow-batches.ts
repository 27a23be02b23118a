import type { JsonObject } from '../../program/json.ts';
import type { MlflowClient } from './mlflow-client.ts';

/** One point as MLflow has it. */
export interface LoggedPoint {
  key: string;
  value: number;
  timestamp: number;
  step: number;
}

type Pair = { key: string; value: string };

/** What MLflow takes in one request. */
const MOST = { metrics: 1_000, params: 100, tags: 100 } as const;
const MOST_BYTES = 900_000;
const PAGE = 25_000;
const PREFIX = '/api/2.0/mlflow';

/** Logs parameters and tags: the same again changes nothing. */
export async function logPairs(
  client: MlflowClient,
  run: string,
  { params, tags }: { params: readonly Pair[]; tags: readonly Pair[] },
): Promise<void> {
  for (const [field, all] of [
    ['params', params],
    ['tags', tags],
  ] as const) {
    let batch: Pair[] = [];
    let sizeBytes = 0;
    const flush = async () => {
      if (batch.length > 0) await logBatch(client, run, { [field]: batch }, true);
      [batch, sizeBytes] = [[], 0];
    };
    for (const pair of all) {
      const length = Buffer.byteLength(JSON.stringify(pair)) + 1;
      if (batch.length === MOST[field] || sizeBytes + length > MOST_BYTES) await flush();
      batch.push(pair);
      sizeBytes += length;
    }
    await flush();
  }
}

/**
 * Logs points in their order.
 * @param known whether a point is there already
 */
export async function logPoints(
  client: MlflowClient,
  run: string,
  points: AsyncIterable<LoggedPoint>,
  known: (point: LoggedPoint) => Promise<boolean>,
): Promise<void> {
  let batch: JsonObject[] = [];
  for await (const point of points) {
    if (await known(point)) continue;
    const { value } = point;
    batch.push({ ...point, value: Number.isFinite(value) ? value : String(value) });
    if (batch.length < MOST.metrics) continue;
    await logBatch(client, run, { metrics: batch }, false);
    batch = [];
  }
  if (batch.length > 0) await logBatch(client, run, { metrics: batch }, false);
}

/** Tells of a run that was begun earlier which points it has. */
export function pointsThere(client: MlflowClient, run: string): (point: LoggedPoint) => Promise<boolean> {
  const figures = new Map<string, Set<string>>();
  return async (point) => {
    let there = figures.get(point.key);
    if (!there) {
      there = await pointsOf(client, run, point.key);
      figures.set(point.key, there);
    }
    return there.has(wordOf(point));
  };
}

async function pointsOf(client: MlflowClient, run: string, key: string): Promise<Set<string>> {
  const there = new Set<string>();
  for (let token = ''; ; ) {
    const query = new URLSearchParams({
      run_id: run,
      metric_key: key,
      max_results: String(PAGE),
      ...(token === '' ? {} : { page_token: token }),
    });
    const answer = await client.call({ method: 'GET', path: `${PREFIX}/metrics/get-history?${query}` });
    for (const each of Array.isArray(answer.metrics) ? answer.metrics : []) {
      const { value, timestamp, step } = each as JsonObject;
      there.add(
        wordOf({
          key,
          value: Number(value ?? 0),
          timestamp: Number(timestamp ?? 0),
          step: Number(step ?? 0),
        }),
      );
    }
    token = typeof answer.next_page_token === 'string' ? answer.next_page_token : '';
    if (token === '') return there;
  }
}

/** What is infinite its databases keep as their greatest number. */
function wordOf({ value, timestamp, step }: LoggedPoint): string {
  const kept = Math.abs(value) >= Number.MAX_VALUE ? Math.sign(value) * Number.MAX_VALUE : value + 0;
  return `${step} ${timestamp} ${kept}`;
}

async function logBatch(client: MlflowClient, run: string, batch: JsonObject, again: boolean): Promise<void> {
  await client.call({
    method: 'POST',
    path: `${PREFIX}/runs/log-batch`,
    body: { run_id: run, ...batch },
    again,
  });
}
