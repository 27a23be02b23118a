import { monotonicMs, sleep } from '../../host/clock.ts';
import {
  type Change,
  type Cluster,
  CONFIG_MAPS,
  type Kind,
  PODS,
  type Selection,
  type StoredObject,
  whyOf,
} from '../kubernetes/cluster.ts';
import { clusterError } from '../kubernetes/cluster-error.ts';
import type { ClusterObject } from '../kubernetes/compilation.ts';
import { endOf } from '../kubernetes/pod-state.ts';
import { PipelinesApi } from './pipelines-api.ts';
import { GONE, OVER, PIPELINE_RUN, RUN_LABEL } from './run-state.ts';

/**
 * Runs of Kubeflow as {@link openPipelineRuns} has them: each is claimed by an object of the cluster, which tells which one
 * it is, for its own API knows no names that are there once.
 */
export const PIPELINE_RUNS: Kind = { apiVersion: 'v1', plural: 'pipelineruns' };

const ROLE = { name: 'same.dev/role', value: 'pipeline-run' };
const SPEC = 'run.json';
const PAUSE_GROWTH = 1.25;
const NAME_LENGTH = 100;

/** How often Kubeflow is asked, and how long a run is given to end. */
export interface PipelinePace {
  pollMs: number;
  /** Where nothing of it changes. */
  longestPollMs: number;
  endMs: number;
}

const PACE: PipelinePace = { pollMs: 2000, longestPollMs: 10_000, endMs: 90_000 };

/**
 * The same cluster with runs of Kubeflow as objects of it ({@link PIPELINE_RUNS}), once Kubeflow has answered: what never
 * has is not waited for. It is closed where that does not.
 * @throws SAME1702 there is no Kubeflow in this namespace, or one of another kind; SAME1703, SAME1704 as it answers
 */
export async function openPipelineRuns(cluster: Cluster, pace: PipelinePace = PACE): Promise<Cluster> {
  const api = new PipelinesApi(cluster);
  try {
    await api.look();
  } catch (error) {
    cluster.close();
    throw error;
  }
  return withRuns(cluster, new PipelineRuns(cluster, api, pace));
}

function withRuns(cluster: Cluster, runs: PipelineRuns): Cluster {
  const isRun = (kind: Kind) => kind === PIPELINE_RUNS;
  return {
    context: cluster.context,
    namespace: cluster.namespace,
    server: cluster.server,
    ask: (path) => cluster.ask(path),
    post: (path, body) => cluster.post(path, body),
    get: (kind, name) => (isRun(kind) ? runs.get(name) : cluster.get(kind, name)),
    list: (kind, selection) => (isRun(kind) ? runs.list(selection) : cluster.list(kind, selection)),
    create: (kind, object) => (isRun(kind) ? runs.create(object) : cluster.create(kind, object)),
    patch: (kind, name, changes) =>
      isRun(kind) ? runs.patch(name, changes) : cluster.patch(kind, name, changes),
    delete: (kind, name, options) =>
      isRun(kind) ? runs.delete(name, options) : cluster.delete(kind, name, options),
    watch: (kind, selection, signal) =>
      isRun(kind) ? runs.watch(selection, signal) : cluster.watch(kind, selection, signal),
    logs: (pod, options) => cluster.logs(pod, options),
    exec: (pod, execution) => cluster.exec(pod, execution),
    close: () => cluster.close(),
  };
}

class PipelineRuns {
  readonly #cluster: Cluster;
  readonly #api: PipelinesApi;
  readonly #pace: PipelinePace;
  /** Claims as they were told last, by their names, until it is told that they are gone. */
  readonly #seen = new Map<string, StoredObject>();

  constructor(cluster: Cluster, api: PipelinesApi, pace: PipelinePace) {
    this.#cluster = cluster;
    this.#api = api;
    this.#pace = pace;
  }

  async get(name: string): Promise<StoredObject | undefined> {
    const claim = await this.#cluster.get(CONFIG_MAPS, name);
    return claim && this.#told(claim);
  }

  async list({ labels }: Selection = {}): Promise<{ items: StoredObject[]; resourceVersion: string }> {
    const own = `${ROLE.name}=${ROLE.value}`;
    const { items, resourceVersion } = await this.#cluster.list(CONFIG_MAPS, {
      labels: labels === undefined ? own : `${labels},${own}`,
    });
    const told: StoredObject[] = [];
    for (const claim of items) told.push(await this.#told(claim));
    return { items: told, resourceVersion };
  }

  /** Claims it: nothing is handed over before it is released. */
  async create(object: ClusterObject): Promise<StoredObject> {
    const { labels, ...metadata } = object.metadata as { labels: Record<string, string> };
    const { suspend: _, ...spec } = object.spec as ClusterObject;
    return this.#told(
      await this.#cluster.create(CONFIG_MAPS, {
        apiVersion: CONFIG_MAPS.apiVersion,
        kind: 'ConfigMap',
        metadata: { ...metadata, labels: { ...labels, [ROLE.name]: ROLE.value } },
        data: { [SPEC]: JSON.stringify(spec) },
      }),
    );
  }

  async patch(name: string, { metadata, spec }: ClusterObject): Promise<StoredObject> {
    let claim = await this.#cluster.get(CONFIG_MAPS, name);
    if (!claim) throw clusterError('missing', `the cluster has no run ${name}`);
    if (metadata) claim = await this.#cluster.patch(CONFIG_MAPS, name, { metadata });
    const { suspend, isEnding } = (spec ?? {}) as { suspend?: boolean; isEnding?: boolean };
    if (suspend === false) claim = await this.#submit(claim);
    if (isEnding) await this.#terminate(claim);
    return this.#told(claim);
  }

  /** What was handed over stays in the history of Kubeflow; it is ended where it has not, and in the foreground first. */
  async delete(
    name: string,
    { uid, propagation }: { uid?: string; propagation?: 'Foreground' | 'Background' } = {},
  ): Promise<boolean> {
    const claim = await this.#cluster.get(CONFIG_MAPS, name);
    if (!claim) return false;
    // Another one of that name goes on, and is not deleted either.
    if (uid === undefined || uid === claim.metadata.uid) {
      await this.#terminate(claim);
      if (propagation === 'Foreground') await this.#ended(claim);
    }
    return this.#cluster.delete(CONFIG_MAPS, name, {
      propagation: 'Background',
      uid: uid ?? claim.metadata.uid,
    });
  }

  /** Waits until nothing of a run writes any more where another one would; what does not end by itself is deleted. */
  async #ended({ metadata: { annotations } }: StoredObject): Promise<void> {
    const id = annotations?.[PIPELINE_RUN];
    if (id === undefined) return;
    const sinceMs = monotonicMs();
    for (;;) {
      const { state = '' } = (await this.#api.run(id)) ?? { state: GONE };
      const { items } = await this.#cluster.list(PODS, { labels: `${RUN_LABEL}=${id},same.dev/step` });
      const running = items.filter((pod) => !endOf(pod));
      if (OVER.includes(state) && running.length === 0) return;
      if (monotonicMs() - sinceMs >= this.#pace.endMs) {
        for (const { metadata } of running)
          await this.#cluster.delete(PODS, metadata.name, { graceSeconds: 0, uid: metadata.uid });
        return;
      }
      await sleep(this.#pace.pollMs);
    }
  }

  /** Asks every few seconds: its API tells no changes. While there are none, it asks less often: each answer is long. */
  async *watch({ labels }: Selection, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    let before = new Map<string, { object: StoredObject; text: string }>();
    const { pollMs, longestPollMs } = this.#pace;
    for (let pauseMs = pollMs; !signal.aborted; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, longestPollMs)) {
      // What was there before this watch, too: between two of them it may go.
      const known = [...this.#seen.values()].filter((object) => hasLabels(object, labels));
      const { items } = await this.list(labels === undefined ? {} : { labels });
      const now = new Map(
        items.map((object) => [object.metadata.name, { object, text: JSON.stringify(object) }]),
      );
      for (const [name, { object, text }] of now)
        if (before.get(name)?.text !== text) {
          pauseMs = pollMs;
          yield { type: 'MODIFIED', object };
        }
      for (const object of known) {
        const { name } = object.metadata;
        if (now.has(name) || !this.#seen.delete(name)) continue;
        yield { type: 'DELETED', object };
      }
      before = now;
      await sleep(pauseMs, signal);
    }
  }

  /** A claim with what Kubeflow says of its run. */
  async #told({ data: _, ...claim }: StoredObject): Promise<StoredObject> {
    const id = claim.metadata.annotations?.[PIPELINE_RUN];
    const { state, finished_at, error, run_details } =
      id === undefined ? {} : ((await this.#api.run(id)) ?? { state: GONE });
    const told: StoredObject =
      id === undefined ? claim : { ...claim, status: { state, finished_at, error, run_details } };
    this.#seen.set(claim.metadata.name, told);
    return told;
  }

  /** Hands a run over, once: what is there under the name of its claim is it. */
  async #submit(claim: StoredObject): Promise<StoredObject> {
    const { name, annotations } = claim.metadata;
    if (annotations?.[PIPELINE_RUN] !== undefined) return claim;
    const spec = specOf(claim);
    const called = spec.display_name;
    let [found] = await this.#api.find(called);
    if (!found) {
      await this.#api.submit(spec);
      // Somebody else may have done the same at the same time.
      const [first, ...others] = await this.#api.find(called);
      await this.#api.terminate(others);
      found = first;
    }
    if (found?.run_id === undefined)
      throw clusterError('other', `Kubeflow took run ${called} and does not show it`);
    try {
      return await this.#cluster.patch(CONFIG_MAPS, name, {
        metadata: { annotations: { [PIPELINE_RUN]: found.run_id } },
      });
    } catch (error) {
      // Its claim was deleted meanwhile: nobody else knows of it.
      if (whyOf(error) === 'missing') await this.#api.terminate([found]);
      throw error;
    }
  }

  /** Also what was handed over and not noted, for whoever did so died, or the API was gone. */
  async #terminate(claim: StoredObject): Promise<void> {
    const id = claim.metadata.annotations?.[PIPELINE_RUN];
    await this.#api.terminate(
      id === undefined ? await this.#api.find(specOf(claim).display_name) : [{ run_id: id }],
    );
  }
}

/** What is handed over for a claim. Nothing else is called so: a claim of the same name has another uid. */
function specOf({ data, metadata: { name, uid } }: StoredObject): ClusterObject & { display_name: string } {
  const spec = JSON.parse((data as Record<string, string>)[SPEC]!) as { display_name: string };
  const mark = ` ${name}-${uid.slice(0, 8)}`;
  return { ...spec, display_name: `${spec.display_name.slice(0, NAME_LENGTH - mark.length)}${mark}` };
}

/** As a selector names them: `same.dev/run=1,same.dev/role`. */
function hasLabels({ metadata: { labels = {} } }: StoredObject, selector: string | undefined): boolean {
  return (selector?.split(',') ?? []).every((each) => {
    const [key, value] = each.split('=') as [string, string?];
    return value === undefined ? key in labels : labels[key] === value;
  });
}
