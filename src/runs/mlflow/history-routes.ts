import type { JsonObject, JsonValue } from '../../program/json.ts';
import { searchRows } from '../index/scanned-index.ts';
import type { RunCondition, RunQuery } from '../run-query.ts';
import { experimentAnswer, filesAnswer, type ProtocolRun, pointAnswer, runAnswer } from './answers.ts';
import { listOf, optionalText, segmentsOf, textOf, wholeNumber } from './fields.ts';
import { type Attributes, parseFilter, parseOrder } from './filter.ts';
import { experimentOf, type History } from './history.ts';
import { type historyArtifacts, sizesOf } from './history-artifacts.ts';
import { indexedCondition, indexedField } from './history-fields.ts';
import {
  figuresOf,
  historyAnswer,
  historyOf,
  loggedRunAnswer,
  loggedRunOf,
  splitRunId,
  type ToldFigure,
  withSeriesEnds,
} from './history-runs.ts';
import { Refusal } from './refusal.ts';
import type { Routes } from './routes.ts';
import { instant } from './search-tracked.ts';

const PAGE = 1000;
const MOST_POINTS = 50_000;
/** The experiment that clients ask for when they are told of none: every run. */
const EVERYTHING = '0';
const ATTRIBUTES: Attributes = {
  run_id: { of: 'run', name: 'id' },
  run_name: { of: 'run', name: 'display' },
  status: { of: 'run', name: 'status' },
  start_time: { of: 'run', name: 'startedAt' },
  created: { of: 'run', name: 'startedAt' },
  end_time: { of: 'run', name: 'finishedAt' },
};
const PARENT = 'mlflow.parentRunId';

/** The routes that read the history of a home: a program is an experiment. */
export function historyRoutes(history: History, artifacts: ReturnType<typeof historyArtifacts>): Routes {
  const experiments = () => {
    const found = new Map<string, JsonObject>();
    for (const { program, startedAt } of history.search({}).rows) {
      const id = experimentOf(program);
      found.set(id, experimentAnswer(id, program, Date.parse(startedAt)));
    }
    return found;
  };
  const experiment = (id: string) => {
    const found = id === EVERYTHING ? experimentAnswer(EVERYTHING, 'Default') : experiments().get(id);
    if (!found) throw new Refusal('RESOURCE_DOES_NOT_EXIST', `there is no experiment ${JSON.stringify(id)}`);
    return { experiment: found };
  };
  const find = async (id: string) => {
    const { run, child } = splitRunId(id);
    const found = await history.run(run);
    const logged = found && child !== undefined ? loggedRunOf(found.record, child) : undefined;
    if (!found || (child !== undefined && !logged))
      throw new Refusal('RESOURCE_DOES_NOT_EXIST', `there is no run ${JSON.stringify(id)}`);
    return { found, logged };
  };
  const searchExperiments = ({ body }: { body: JsonObject }) => {
    const wanted = /^\s*(?:attribute\.)?name\s*(=|(?:I?LIKE))\s*'(.*)'\s*$/i.exec(
      optionalText(body, 'filter') ?? '',
    );
    if (optionalText(body, 'filter') && !wanted)
      throw new Refusal(
        'INVALID_PARAMETER_VALUE',
        "experiments are found by name = 'NAME' or name LIKE 'PATTERN'",
      );
    const all = [...experiments().values()].filter(
      ({ name }) => !wanted || fits(String(name), wanted[1]!, wanted[2]!),
    );
    return { experiments: all };
  };
  return {
    'GET experiments/get': ({ body }) => experiment(textOf(body, 'experiment_id')),
    'GET experiments/get-by-name': ({ body }) => {
      const name = textOf(body, 'experiment_name');
      return experiment(name === 'Default' ? EVERYTHING : experimentOf(name));
    },
    'POST experiments/search': searchExperiments,
    'GET experiments/search': searchExperiments,
    'GET runs/get': async ({ body }) => {
      const { found, logged } = await find(
        optionalText(body, 'run_id', 'run_uuid') ?? textOf(body, 'run_id'),
      );
      const { record } = found;
      const answer = logged ? loggedRunAnswer(record, logged) : historyAnswer(found);
      return {
        run: runAnswer(await withSeriesEnds(answer, logged?.metrics ?? figuresOf(record), history.text)),
      };
    },
    'POST runs/search': async ({ body }) => {
      const most = Math.max(1, wholeNumber(body, 'max_results', PAGE));
      const start = Math.max(0, wholeNumber(body, 'page_token', 0));
      const { runs, total } = await searchHistory(history, body, start, start + most);
      return {
        runs: runs.map(runAnswer) as JsonValue[],
        ...(total > start + most ? { next_page_token: String(start + most) } : {}),
      };
    },
    'GET metrics/get-history': async ({ body }) => {
      const { found, logged } = await find(
        optionalText(body, 'run_id', 'run_uuid') ?? textOf(body, 'run_id'),
      );
      const name = textOf(body, 'metric_key');
      const figures: readonly ToldFigure[] = logged?.metrics ?? figuresOf(found.record);
      const figure = figures.find((each) => each.name === name);
      const text = figure?.series === undefined ? undefined : await history.text(figure.series);
      const { finishedAt, startedAt } = logged ?? found.record;
      const points = figure ? historyOf(figure, text, finishedAt ?? startedAt) : [];
      const most = Math.min(wholeNumber(body, 'max_results', MOST_POINTS) || PAGE, MOST_POINTS);
      const start = Math.max(0, wholeNumber(body, 'page_token', 0));
      return {
        metrics: points.slice(start, start + most).map(pointAnswer),
        ...(points.length > start + most ? { next_page_token: String(start + most) } : {}),
      };
    },
    'GET artifacts/list': async ({ body }) => {
      const id = optionalText(body, 'run_id', 'run_uuid') ?? textOf(body, 'run_id');
      const directory = segmentsOf(optionalText(body, 'path') ?? '').join('/');
      const shown = (name: string) => (directory === '' ? name : `${directory}/${name}`);
      const files = filesAnswer(sizesOf(await artifacts.files(id)), directory, shown);
      return { root_uri: `mlflow-artifacts:/${id}/artifacts`, files };
    },
    'POST logged-models/search': () => ({ models: [] }),
    'GET server-info': () => ({
      workspaces_enabled: false,
      multipart_uploads_enabled: false,
      multipart_downloads_enabled: false,
    }),
  };
}

/** The runs that are asked for, from the index; those that steps began only where their parent is named. */
async function searchHistory(
  history: History,
  body: JsonObject,
  start: number,
  end: number,
): Promise<{ runs: ProtocolRun[]; total: number }> {
  if (optionalText(body, 'run_view_type') === 'DELETED_ONLY') return { runs: [], total: 0 };
  const where = parseFilter(optionalText(body, 'filter') ?? '', ATTRIBUTES);
  const sort = parseOrder(listOf(body.order_by, 'order_by').map(String), ATTRIBUTES);
  const parent = parentOf(where);
  const above = parent === undefined ? undefined : await history.run(splitRunId(parent).run);
  if (above) {
    const children = above.record.steps
      .flatMap(({ logged }) => logged?.runs ?? [])
      .map((run) => [loggedRunAnswer(above.record, run), run.metrics] as const);
    const rows = children.map(([child]) => rowOf(child));
    const found = searchRows(rows, { ...(where ? { where } : {}), sort });
    const byId = new Map(children.map((child) => [child[0].id, child]));
    const runs: ProtocolRun[] = [];
    for (const { id } of found.rows.slice(start, end))
      runs.push(await withSeriesEnds(...byId.get(id)!, history.text));
    if (children.length > 0) return { runs, total: found.total };
  }
  const wanted = listOf(body.experiment_ids, 'experiment_ids').map(String);
  const conditions: RunCondition[] = where ? [indexedCondition(where)] : [];
  if (!wanted.includes(EVERYTHING)) {
    const names = new Set(
      history
        .search({})
        .rows.map(({ program }) => program)
        .filter((name) => wanted.includes(experimentOf(name))),
    );
    conditions.push({ field: { of: 'run', name: 'program' }, in: [...names] });
  }
  const query: RunQuery = {
    sort: sort.map(({ field, descending }) => ({ field: indexedField(field), descending })),
    limit: end,
    ...(conditions.length === 0 ? {} : { where: { and: conditions } }),
  };
  const { rows, total } = history.search(query);
  const runs: ProtocolRun[] = [];
  for (const run of await history.read(rows.slice(start)))
    runs.push(await withSeriesEnds(historyAnswer(run), figuresOf(run.record), history.text));
  return { runs, total };
}

/** The run whose children a condition is about. */
function parentOf(condition: RunCondition | undefined): string | undefined {
  if (condition === undefined) return undefined;
  if ('and' in condition) return condition.and.map(parentOf).find((each) => each !== undefined);
  if (!('field' in condition) || !('operator' in condition) || condition.operator !== '=') return undefined;
  const { of, name } = condition.field;
  return of === 'tags' && name === PARENT && typeof condition.value === 'string'
    ? condition.value
    : undefined;
}

function rowOf(run: ProtocolRun) {
  const status = {
    RUNNING: 'running',
    SCHEDULED: 'pending',
    FINISHED: 'succeeded',
    FAILED: 'failed',
    KILLED: 'canceled',
  } as const;
  return {
    id: run.id,
    own: true,
    display: run.name,
    program: '',
    version: '',
    digest: '',
    status: status[run.status],
    startedAt: instant(run.startedMs),
    ...(run.endedMs === undefined ? {} : { finishedAt: instant(run.endedMs) }),
    engine: '',
    target: '',
    parameters: Object.fromEntries(run.parameters),
    metrics: Object.fromEntries([...run.metrics].map(({ name, value }) => [name, value])),
    tags: Object.fromEntries(run.tags),
  };
}

function fits(name: string, operator: string, pattern: string): boolean {
  if (operator === '=') return name === pattern;
  const parts = pattern.split('%').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`, operator.toUpperCase() === 'ILIKE' ? 'i' : '').test(name);
}
