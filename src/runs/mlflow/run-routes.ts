import type { LoggedRun } from '../../engines/intake.ts';
import { epochMs } from '../../host/clock.ts';
import type { JsonObject } from '../../program/json.ts';
import { EXPERIMENT_ID, experimentAnswer, filesAnswer, pointAnswer, runAnswer } from './answers.ts';
import type { AttemptLog } from './attempt-log.ts';
import {
  listOf,
  nameOf,
  objectOf,
  optionalText,
  pairsOf,
  pointOf,
  segmentsOf,
  textOf,
  wholeNumber,
} from './fields.ts';
import { Refusal } from './refusal.ts';
import type { Routes } from './routes.ts';
import { searchTracked } from './search-tracked.ts';
import type { TrackedRun } from './tracked-run.ts';

const STATUSES = ['running', 'scheduled', 'finished', 'failed', 'killed'] as const;
/** Where Java and R clients, and old ones, number them. */
const NUMBERED = ['', ...STATUSES.map((status) => status.toUpperCase())];
const PAGE = 1000;
const MOST_IN_PAGE = 50_000;

/** The routes of experiments, runs, parameters, tags and figures of what one attempt logs. */
export function runRoutes(log: AttemptLog): Routes {
  const runOf = (body: JsonObject) =>
    log.run(optionalText(body, 'run_id', 'run_uuid') ?? textOf(body, 'run_id'));
  const experiment = () => ({
    experiment: experimentAnswer(EXPERIMENT_ID, log.experiment, log.root.startedMs),
  });
  const named = (body: JsonObject, field: string) => {
    // Whatever it is called it is the program's: a step has one, as its run does.
    log.experiment = log.clean(textOf(body, field));
  };
  const answerOf = (run: TrackedRun) => ({ run: runAnswer(protocolRun(run)) });
  const log1 = (run: TrackedRun, body: JsonObject) =>
    run.addPoints([cleanPoint(log, pointOf(body, epochMs()))]);
  return {
    'GET experiments/get': experiment,
    'GET experiments/get-by-name': ({ body }) => {
      named(body, 'experiment_name');
      return experiment();
    },
    'POST experiments/create': ({ body }) => {
      named(body, 'name');
      return { experiment_id: EXPERIMENT_ID };
    },
    'POST experiments/search': () => ({ experiments: [experiment().experiment] }),
    'GET experiments/search': () => ({ experiments: [experiment().experiment] }),
    'POST experiments/update': ({ body }) => {
      named(body, 'new_name');
      return {};
    },
    'POST experiments/set-experiment-tag': ({ body }) => {
      log.setTag(log.root, nameOf(body), optionalText(body, 'value') ?? '');
      return {};
    },
    'POST runs/create': ({ body }) => {
      const tags = pairsOf(body.tags);
      const tag = (name: string) => tags.find(([key]) => key === name)?.[1];
      const name = log.clean(optionalText(body, 'run_name') ?? tag('mlflow.runName') ?? '');
      const run = log.begin(name, wholeNumber(body, 'start_time', epochMs()), tag('mlflow.parentRunId'));
      for (const [key, value] of tags) log.setTag(run, key, value);
      if (name !== '') log.setTag(run, 'mlflow.runName', name);
      return answerOf(run);
    },
    'GET runs/get': ({ body }) => answerOf(runOf(body)),
    'POST runs/update': ({ body }) => {
      const run = runOf(body);
      const status = optionalText(body, 'status');
      const name = optionalText(body, 'run_name');
      const ended = wholeNumber(body, 'end_time', 0);
      if (status) run.status = statusOf(status);
      if (ended > 0) run.endedMs = ended;
      else if (status && !['running', 'scheduled'].includes(run.status)) run.endedMs ??= epochMs();
      if (name) log.setTag(run, 'mlflow.runName', name);
      return { run_info: (runAnswer(protocolRun(run)) as { info: JsonObject }).info };
    },
    'POST runs/delete': ({ body }) => {
      const run = runOf(body);
      if (run === log.root)
        throw new Refusal('INVALID_PARAMETER_VALUE', "a step's own run cannot be deleted from within");
      run.isDeleted = true;
      return {};
    },
    'POST runs/restore': ({ body }) => {
      runOf(body).isDeleted = false;
      return {};
    },
    'POST runs/log-metric': ({ body }) => {
      log1(runOf(body), body);
      return {};
    },
    'POST runs/log-parameter': ({ body }) => {
      log.setParameter(runOf(body), nameOf(body), optionalText(body, 'value') ?? '');
      return {};
    },
    'POST runs/log-batch': ({ body }) => {
      const run = runOf(body);
      // All of it is understood before any of it is taken.
      const points = listOf(body.metrics, 'metrics').map((each) => cleanPoint(log, pointOf(each, epochMs())));
      const [parameters, tags] = [pairsOf(body.params), pairsOf(body.tags)];
      run.addPoints(points);
      for (const [key, value] of parameters) log.setParameter(run, key, value);
      for (const [key, value] of tags) log.setTag(run, key, value);
      return {};
    },
    'POST runs/set-tag': ({ body }) => {
      log.setTag(runOf(body), nameOf(body), optionalText(body, 'value') ?? '');
      return {};
    },
    'POST runs/delete-tag': ({ body }) => {
      runOf(body).tags.delete(log.clean(nameOf(body)));
      return {};
    },
    'POST runs/log-inputs': ({ body }) => {
      const run = runOf(body);
      for (const each of listOf(body.datasets, 'datasets')) addInput(log, run, objectOf(each, 'a data set'));
      return {};
    },
    'POST runs/outputs': ({ body }) => {
      runOf(body);
      for (const each of listOf(body.models, 'models'))
        log.model(textOf(objectOf(each, 'a model'), 'model_id'));
      return {};
    },
    // What models logged of themselves before there were logged models: it is in their files.
    'POST runs/log-model': ({ body }) => {
      runOf(body);
      return {};
    },
    'POST runs/search': ({ body }) => searchTracked(log, body, (run) => runAnswer(protocolRun(run))),
    'GET metrics/get-history': ({ body }) => {
      const points = runOf(body).series.history(log.clean(textOf(body, 'metric_key')));
      const most = Math.min(wholeNumber(body, 'max_results', MOST_IN_PAGE) || PAGE, MOST_IN_PAGE);
      const start = wholeNumber(body, 'page_token', 0);
      return {
        metrics: points.slice(start, start + most).map(pointAnswer),
        ...(points.length > start + most ? { next_page_token: String(start + most) } : {}),
      };
    },
    'GET artifacts/list': ({ body }) => {
      const run = runOf(body);
      const directory = segmentsOf(optionalText(body, 'path') ?? '').join('/');
      const files = [...run.artifacts].map(([path, { sizeBytes }]) => [path, sizeBytes] as const);
      const shown = (name: string) => (directory === '' ? name : `${directory}/${name}`);
      return {
        root_uri: `mlflow-artifacts:/${run.id}/artifacts`,
        files: filesAnswer(files, directory, shown),
      };
    },
    'GET server-info': () => ({
      workspaces_enabled: false,
      multipart_uploads_enabled: false,
      multipart_downloads_enabled: false,
      trace_archival_enabled: false,
    }),
  };
}

/** A tracked run in the protocol's words. */
function protocolRun(run: TrackedRun) {
  return {
    id: run.id,
    experiment: EXPERIMENT_ID,
    name: run.name,
    status: run.status.toUpperCase() as Uppercase<LoggedRun['status']>,
    startedMs: run.startedMs,
    ...(run.endedMs === undefined ? {} : { endedMs: run.endedMs }),
    isDeleted: run.isDeleted,
    metrics: run.series.latest.values(),
    parameters: run.parameters,
    tags: run.tags,
    inputs: run.inputs.map(({ sent }) => sent),
    models: run.models.map(({ id }) => id),
  };
}

function cleanPoint<T extends { name: string }>(log: AttemptLog, point: T): T {
  return { ...point, name: log.clean(point.name) };
}

function statusOf(text: string): LoggedRun['status'] {
  const word = /^[0-9]+$/.test(text) ? NUMBERED[Number(text)] : text;
  const status = STATUSES.find((each) => each.toUpperCase() === word);
  if (!status)
    throw new Refusal('INVALID_PARAMETER_VALUE', `status is none of ${NUMBERED.slice(1).join(', ')}`);
  return status;
}

function addInput(log: AttemptLog, run: TrackedRun, sent: JsonObject): void {
  const dataset = objectOf(sent.dataset, 'dataset');
  const [name, digest] = [log.clean(nameOf(dataset, 'name')), log.clean(textOf(dataset, 'digest'))];
  const context = pairsOf(sent.tags).find(([key]) => key === 'mlflow.data.context')?.[1];
  if (run.inputs.some((input) => input.name === name && input.digest === digest && input.context === context))
    return;
  if (run.inputs.length >= PAGE)
    throw new Refusal('RESOURCE_LIMIT_EXCEEDED', `a run may log ${PAGE} data sets`);
  run.inputs.push({ name, digest, ...(context === undefined ? {} : { context: log.clean(context) }), sent });
}
