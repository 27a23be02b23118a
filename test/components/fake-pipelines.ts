import { type Kind, type StoredObject, whyOf } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import type { StandIn } from './cluster/recording-api.ts';
import { ToldCluster } from './told-cluster.ts';

/** A run as the API of Kubeflow Pipelines 2.17 answered with it, all that is read of it. */
interface FakeRun {
  run_id: string;
  display_name: string;
  state: string;
  pipeline_spec?: object;
}

const API = '/proxy/apis/v2beta1';

/** A cluster in memory with the API of Kubeflow's runs, which answers as a real one did. */
export class FakePipelines extends ToldCluster {
  /** The first one first. */
  readonly runs: FakeRun[] = [];
  health: Record<string, unknown> | undefined = { multi_user: false, pipeline_store: 'database' };
  /** Its service is not there: nothing is found of what is asked for. */
  isAway = false;
  /** Called when a run is there, before its client is answered. */
  afterPost: (run: FakeRun) => void = () => {};

  override async ask(path: string): Promise<Record<string, unknown> | undefined> {
    this.onAsk(`ask ${path}`);
    const asked = new URL(path.slice(path.indexOf(API) + API.length), 'http://it');
    if (asked.pathname === '/healthz') return this.health;
    if (this.isAway) return undefined;
    const id = /^\/runs\/(.+)$/.exec(asked.pathname)?.[1];
    if (id !== undefined) return this.runs.find(({ run_id }) => run_id === id) as never;
    const { predicates } = JSON.parse(asked.searchParams.get('filter')!);
    const [{ key, operation, string_value: called }] = predicates;
    if (key !== 'display_name' || operation !== 'EQUALS') throw new Error(`unknown filter on ${key}`);
    const runs = this.runs.filter((run) => run.display_name === called);
    return runs.length === 0 ? {} : { runs, total_size: runs.length };
  }

  override async post(path: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.onAsk(`post ${path}`);
    if (this.isAway) throw clusterError('missing', 'services "ml-pipeline" not found');
    const rest = path.slice(path.indexOf(API) + API.length);
    if (rest === '/runs') {
      const run = { ...body, run_id: `run-${this.runs.length + 1}`, state: 'PENDING' } as FakeRun;
      this.runs.push(run);
      this.afterPost(run);
      return { ...run };
    }
    const run = this.runs.find(({ run_id }) => rest === `/runs/${run_id}:terminate`);
    if (!run) throw clusterError('missing', 'Failed to terminate a run: ResourceNotFoundError');
    if (!['PENDING', 'RUNNING'].includes(run.state))
      throw clusterError('invalid', 'Failed to terminate a run: Row not found');
    run.state = 'CANCELING';
    return {};
  }

  override async patch(
    { plural }: Kind,
    name: string,
    changes?: Record<string, unknown>,
  ): Promise<StoredObject> {
    this.onAsk(`patch ${plural}`);
    const there = this.objects.get(`${plural}/${name}`)!;
    const { annotations } = (changes?.metadata ?? {}) as { annotations?: object };
    const metadata = { ...there.metadata, annotations: { ...there.metadata.annotations, ...annotations } };
    const changed = { ...there, metadata };
    this.objects.set(`${plural}/${name}`, changed);
    return changed;
  }
}

/** The same behind the API of a real cluster: answers what is asked of Kubeflow's service there. */
export function pipelinesService(api: FakePipelines): StandIn {
  return ({ method, path, body }) => {
    if (!path.includes('/services/ml-pipeline:8888/proxy/')) return undefined;
    return answered(async () =>
      method === 'GET' ? api.ask(path) : api.post(path, JSON.parse(await body())),
    );
  };
}

async function answered(asked: () => Promise<object | undefined>): Promise<{ status: number; body: object }> {
  try {
    const found = await asked();
    return found ? { status: 200, body: found } : { status: 404, body: { code: 5, message: 'not found' } };
  } catch (error) {
    const { message } = error as Error;
    return whyOf(error) === 'missing'
      ? { status: 404, body: { code: 5, message } }
      : { status: 400, body: { code: 3, message } };
  }
}
