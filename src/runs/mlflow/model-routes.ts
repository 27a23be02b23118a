import { epochMs } from '../../host/clock.ts';
import type { JsonObject } from '../../program/json.ts';
import { EXPERIMENT_ID } from './answers.ts';
import type { AttemptLog } from './attempt-log.ts';
import { optionalText, pairsOf } from './fields.ts';
import { Refusal } from './refusal.ts';
import type { Call, Routes } from './routes.ts';
import type { TrackedModel } from './tracked-run.ts';

/** Parameters and tags of a model, each. */
const MOST_NAMES = 10_000;
/** As the protocol numbers them. */
const STATUSES = ['', 'LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'];

/** The routes of models that one attempt logs: of each the name, the kind, parameters and tags; files go elsewhere. */
export function modelRoutes(log: AttemptLog): Routes {
  const modelOf = ({ path }: Call) => log.model(path[0] ?? '');
  const answerOf = (model: TrackedModel) => ({ model: modelAnswer(model) });
  return {
    'POST logged-models': ({ body }) => {
      const source = optionalText(body, 'source_run_id');
      const run = source ? log.run(source) : log.root;
      const model = log.createModel(run, optionalText(body, 'name') ?? '', optionalText(body, 'model_type'));
      setAll(log, model.parameters, body.params);
      setAll(log, model.tags, body.tags);
      return answerOf(model);
    },
    'GET logged-models/*': (call) => answerOf(modelOf(call)),
    'PATCH logged-models/*': (call) => {
      const model = modelOf(call);
      const status = optionalText(call.body, 'status') ?? '';
      const said = /^[0-9]+$/.test(status) ? STATUSES[Number(status)] : status;
      if (!said || !STATUSES.includes(said))
        throw new Refusal('INVALID_PARAMETER_VALUE', `status is none of ${STATUSES.slice(1).join(', ')}`);
      model.status = said;
      model.updatedMs = epochMs();
      return answerOf(model);
    },
    'DELETE logged-models/*': (call) => {
      const model = modelOf(call);
      const run = log.run(model.run);
      run.removeArtifacts(`models/${model.name}`);
      run.models.splice(run.models.indexOf(model), 1);
      log.forget(model);
      return {};
    },
    'POST logged-models/*/params': (call) => {
      setAll(log, modelOf(call).parameters, call.body.params);
      return {};
    },
    'PATCH logged-models/*/tags': (call) => {
      setAll(log, modelOf(call).tags, call.body.tags);
      return {};
    },
    'DELETE logged-models/*/tags/*': (call) => {
      modelOf(call).tags.delete(log.clean(call.path[1] ?? ''));
      return {};
    },
    'POST logged-models/search': () => ({ models: [...log.models].map(modelAnswer) }),
  };
}

function modelAnswer(model: TrackedModel): JsonObject {
  const { id, run, name, type, status, createdMs, updatedMs, parameters, tags } = model;
  const pairs = (map: ReadonlyMap<string, string>) => [...map].map(([key, value]) => ({ key, value }));
  return {
    info: {
      model_id: id,
      experiment_id: EXPERIMENT_ID,
      name,
      creation_timestamp_ms: createdMs,
      last_updated_timestamp_ms: updatedMs,
      artifact_uri: `mlflow-artifacts:/models/${id}/artifacts`,
      status,
      model_type: type ?? '',
      source_run_id: run,
      tags: pairs(tags),
    },
    data: { params: pairs(parameters), metrics: [] },
  };
}

function setAll(log: AttemptLog, map: Map<string, string>, pairs: JsonObject[string] | undefined): void {
  for (const [key, value] of pairsOf(pairs)) {
    if (map.size >= MOST_NAMES)
      throw new Refusal(
        'RESOURCE_LIMIT_EXCEEDED',
        `a model may have ${MOST_NAMES} parameters and tags each, and these are more`,
      );
    map.set(log.clean(key), log.clean(value));
  }
}
