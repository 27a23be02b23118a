import { canonicalBytes, sha256 } from '../../bundle/canonical-json.ts';
import { SameError } from '../../errors/same-error.ts';
import { isJsonObject, type JsonObject } from '../../program/json.ts';
import { parametersOf, tagsOf } from '../mlflow/history.ts';
import { statusOf } from '../mlflow/history-runs.ts';
import {
  type MetadataStore,
  type MetadataStoreAddress,
  type MetadataSurroundings,
  RECORD_PATH,
  type Told,
  type ToldRun,
} from './metadata-store.ts';
import { sendArtifacts } from './mlflow-artifacts.ts';
import { type LoggedPoint, logPairs, logPoints, pointsThere } from './mlflow-batches.ts';
import { type MlflowClient, objectIn, openMlflowClient } from './mlflow-client.ts';
import { Fitting, figureNames } from './mlflow-fitting.ts';
import { takeBack } from './mlflow-said.ts';

const PREFIX = '/api/2.0/mlflow';
/** The tags by which a run is found, and told from one that was told by half. */
const RUN_TAG = 'same.run_id';
const TOLD_TAG = 'same.told';
const MAX_TRIES = 4;

/** A run of the tracking server. */
interface RemoteRun {
  id: string;
  place: string;
  tags: Map<string, string>;
  isDeleted: boolean;
}

/**
 * The tracking server of MLflow at an address, by its REST protocol 2.0 (spec SAME-RUN-114).
 * @throws SAME1805 the file of authorities cannot be read
 */
export function openMlflowStore(
  address: MetadataStoreAddress,
  surroundings: MetadataSurroundings,
): MetadataStore {
  const client = openMlflowClient(address, surroundings);
  const experiments = new Map<string, Promise<string>>();
  const experimentOf = (name: string) => {
    const known = experiments.get(name) ?? openExperiment(client, name);
    experiments.set(name, known);
    known.catch(() => experiments.delete(name));
    return known;
  };
  return {
    async check() {
      await client.call({ method: 'POST', path: `${PREFIX}/experiments/search`, body: { max_results: 1 } });
    },
    async tellProgram({ name, version, digest }) {
      const fitting = new Fitting();
      const wanted = `same.version.${version}`;
      const key = fitting.names('tag of a program', [wanted]).get(wanted)!;
      await client.call({
        method: 'POST',
        path: `${PREFIX}/experiments/set-experiment-tag`,
        body: { experiment_id: await experimentOf(name), key, value: digest },
      });
      return fitting;
    },
    async tellRun(run) {
      for (let tries = 1; ; tries++) {
        try {
          return await tellRun(client, await experimentOf(run.record.program.name), run);
        } catch (error) {
          // Nobody knows what became of what was sent: it is looked for, and what lacks is sent.
          const mayRetry =
            error instanceof SameError && error.details.uncertain === true && tries < MAX_TRIES;
          if (!mayRetry) throw error;
          await client.pause(tries);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

async function openExperiment(client: MlflowClient, name: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    const found = await client.call({
      method: 'GET',
      path: `${PREFIX}/experiments/get-by-name?${new URLSearchParams({ experiment_name: name })}`,
      expect: ['RESOURCE_DOES_NOT_EXIST'],
    });
    const experiment = objectIn(found, 'experiment');
    if (experiment) {
      const { experiment_id: id, lifecycle_stage: stage } = experiment;
      if (stage !== 'deleted') return String(id);
      throw new SameError({
        code: 'SAME1813',
        message: `the experiment ${JSON.stringify(name)} is deleted in the tracking server`,
        hint: `restore it there (mlflow experiments restore --experiment-id ${id}), then: same deliver --refused`,
      });
    }
    const created = await client.call({
      method: 'POST',
      path: `${PREFIX}/experiments/create`,
      body: { name },
      expect: ['RESOURCE_ALREADY_EXISTS'],
    });
    if (created.experiment_id !== undefined) return String(created.experiment_id);
    // Somebody else has just made it.
    if (tries === 3) {
      const message = `the tracking server neither has nor makes the experiment ${JSON.stringify(name)}`;
      throw new SameError({ code: 'SAME1813', message });
    }
  }
}

async function tellRun(client: MlflowClient, experiment: string, run: ToldRun): Promise<Told> {
  const { record, tags, note } = run;
  const digest = sha256(canonicalBytes({ record, tags, note: note ?? '' } as unknown as JsonObject));
  const found = await findRun(client, experiment, record.id);
  if (found?.isDeleted) return { notes: ['it was deleted in the tracking server, and stays so'] };
  if (found?.tags.get(TOLD_TAG) === digest) return { notes: [] };
  const fitting = new Fitting();
  fitting.notes.push(...(run.notes ?? []));
  const remote = found ?? (await createRun(client, experiment, run));
  const parent = record.parent === undefined ? undefined : await findRun(client, experiment, record.parent);
  const told = tagsOf(run);
  told.delete('mlflow.parentRunId');
  told.set(RUN_TAG, record.id);
  if (parent) told.set('mlflow.parentRunId', parent.id);
  if (record.parent !== undefined) told.set('same.parent', record.parent);
  const parameters = parametersOf(record);
  const pairs = (of: 'parameter' | 'tag', all: ReadonlyMap<string, string>) => {
    const names = fitting.names(of, all.keys());
    return [...all].map(([name, value]) => ({
      key: names.get(name)!,
      value: fitting.value(of, name, value),
    }));
  };
  const given = { params: pairs('parameter', parameters), tags: pairs('tag', told) };
  const said = await takeBack(client, remote, { run, told: told.keys(), given: given.tags, fitting });
  await logPairs(client, remote.id, { ...given, tags: [...said, ...given.tags] });
  await logPoints(
    client,
    remote.id,
    pointsOf(run, fitting),
    found ? pointsThere(client, remote.id) : async () => false,
  );
  const document = Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
  const files = [
    ...run.artifacts,
    {
      path: RECORD_PATH,
      artifact: { digest: '', sizeBytes: document.length },
      async *body() {
        yield document;
      },
    },
  ];
  fitting.notes.push(...(await sendArtifacts(client, remote.place, files)));
  const nested = record.steps.flatMap(({ logged }) => logged?.runs ?? []).length;
  if (nested > 0)
    fitting.notes.push(
      `${nested} runs that its steps began within it are in its record alone (${RECORD_PATH})`,
    );
  await client.call({
    method: 'POST',
    path: `${PREFIX}/runs/update`,
    body: {
      run_id: remote.id,
      status: statusOf(record.status),
      ...(record.finishedAt === undefined ? {} : { end_time: Date.parse(record.finishedAt) }),
    },
  });
  const notes = fitting.notes.join('\n');
  await logPairs(client, remote.id, {
    params: [],
    tags: [
      ...(notes === ''
        ? []
        : [{ key: 'same.notes', value: new Fitting().value('tag', 'same.notes', notes) }]),
      // Last: with it, all is there.
      { key: TOLD_TAG, value: digest },
    ],
  });
  return { notes: fitting.notes };
}

async function findRun(client: MlflowClient, experiment: string, id: string): Promise<RemoteRun | undefined> {
  const answer = await client.call({
    method: 'POST',
    path: `${PREFIX}/runs/search`,
    body: {
      experiment_ids: [experiment],
      filter: `tags.\`${RUN_TAG}\` = '${id}'`,
      run_view_type: 'ALL',
      max_results: 100,
    },
  });
  const runs = (Array.isArray(answer.runs) ? answer.runs : []).filter(isJsonObject).map(remoteRun);
  // Of two that two homes made at the same time, both take one.
  return runs.sort((a, b) => Number(a.isDeleted) - Number(b.isDeleted) || (a.id < b.id ? -1 : 1))[0];
}

function remoteRun(run: JsonObject): RemoteRun {
  const [info = {}, data = {}] = [objectIn(run, 'info'), objectIn(run, 'data')];
  const tags = (Array.isArray(data.tags) ? data.tags : []).filter(isJsonObject);
  return {
    id: String(info.run_id ?? ''),
    place: String(info.artifact_uri ?? ''),
    tags: new Map(tags.map(({ key, value }) => [String(key), String(value ?? '')])),
    isDeleted: info.lifecycle_stage === 'deleted',
  };
}

/** With its id from the first: whatever is cut later, it is found again. */
async function createRun(client: MlflowClient, experiment: string, { record }: ToldRun): Promise<RemoteRun> {
  const answer = await client.call({
    method: 'POST',
    path: `${PREFIX}/runs/create`,
    body: {
      experiment_id: experiment,
      start_time: Date.parse(record.startedAt),
      run_name: record.display,
      tags: [{ key: RUN_TAG, value: record.id }],
    },
    again: false,
  });
  const run = objectIn(answer, 'run');
  if (run) return remoteRun(run);
  throw new SameError({ code: 'SAME1811', message: 'the tracking server made no run of what it was told' });
}

async function* pointsOf(run: ToldRun, fitting: Fitting): AsyncIterable<LoggedPoint> {
  const figures = figureNames(run.record, fitting.notes);
  const names = fitting.names(
    'figure',
    figures.map(({ wanted }) => wanted),
  );
  const wanted = new Map(figures.map((figure) => [`${figure.step}\0${figure.name}`, figure.wanted]));
  for await (const { name, of, value, atMs, step } of run.series()) {
    const key = names.get(wanted.get(`${of}\0${name}`) ?? '');
    if (key !== undefined) yield { key, value, timestamp: Math.round(atMs), step };
  }
}
