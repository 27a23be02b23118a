import { SameError } from '../../errors/same-error.ts';
import { type Cluster, whyOf } from '../kubernetes/cluster.ts';
import { clusterError } from '../kubernetes/cluster-error.ts';
import type { ClusterObject } from '../kubernetes/compilation.ts';
import type { PipelineRun } from './run-state.ts';

/** Where Kubeflow's API is, in the namespace in which it runs steps. */
const SERVICE = 'ml-pipeline';
const PORT = 8888;

/**
 * The API of Kubeflow Pipelines (v2beta1), by the proxy of a cluster: whoever may use that needs no other login.
 * @throws SAME1703, SAME1704 as the cluster and Kubeflow answer
 */
export class PipelinesApi {
  readonly #cluster: Cluster;
  readonly #root: string;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#root = `/api/v1/namespaces/${encodeURIComponent(cluster.namespace)}/services/${SERVICE}:${PORT}/proxy/apis/v2beta1`;
  }

  /** @throws SAME1702 it is not in this namespace, or it is of another kind */
  async look(): Promise<void> {
    const { context, namespace } = this.#cluster;
    const health = await this.#cluster.ask(`${this.#root}/healthz`);
    if (!health)
      throw new SameError({
        code: 'SAME1702',
        message: `Kubeflow Pipelines is not in namespace ${namespace} of context ${context}: it has no service ${SERVICE} with the API v2beta1`,
        hint: 'it runs steps in its own namespace: --namespace kubeflow; Jobs run on any cluster: --engine kubernetes',
      });
    if (health.multi_user === true)
      throw new SameError({
        code: 'SAME1702',
        message: `Kubeflow Pipelines of context ${context} is for several users, who are told apart by a login that cannot be passed on to it`,
        hint: 'Jobs run on any cluster: --engine kubernetes',
      });
  }

  /** @returns undefined where Kubeflow does not know it */
  async run(id: string): Promise<PipelineRun | undefined> {
    return this.#get(`/runs/${encodeURIComponent(id)}`) as Promise<PipelineRun | undefined>;
  }

  /** Runs of a name, the first one first. */
  async find(called: string): Promise<PipelineRun[]> {
    const filter = {
      predicates: [{ key: 'display_name', operation: 'EQUALS', string_value: called }],
    };
    const words = new URLSearchParams({
      filter: JSON.stringify(filter),
      sort_by: 'created_at asc',
      page_size: '10',
    });
    const found = (await this.#get(`/runs?${words}`)) as { runs?: PipelineRun[] } | undefined;
    return found?.runs ?? [];
  }

  async submit(spec: ClusterObject): Promise<void> {
    await this.#post('/runs', spec);
  }

  /** What is over already, or gone, stays so. */
  async terminate(runs: readonly PipelineRun[]): Promise<void> {
    for (const { run_id: id = '' } of runs)
      await this.#post(`/runs/${encodeURIComponent(id)}:terminate`, {}).catch(passInvalid);
  }

  async #get(path: string): Promise<Record<string, unknown> | undefined> {
    const found = await this.#cluster.ask(`${this.#root}${path}`);
    if (!found) await this.#reach();
    return found;
  }

  /** What it says is wrong stays wrong: also where it calls that an error of its own. */
  async #post(path: string, body: ClusterObject): Promise<void> {
    try {
      await this.#cluster.post(`${this.#root}${path}`, body);
    } catch (error) {
      if (whyOf(error) === 'missing') await this.#reach();
      if (!(error instanceof SameError) || whyOf(error) !== 'busy' || error.details.status !== 500)
        throw error;
      throw clusterError('invalid', error.findings[0]!.message, error);
    }
  }

  /** What is not there may be the API itself. @throws SAME1703 it is */
  async #reach(): Promise<void> {
    if (!(await this.#cluster.ask(`${this.#root}/healthz`)))
      throw clusterError(
        'busy',
        `Kubeflow Pipelines in namespace ${this.#cluster.namespace} does not answer`,
      );
  }
}

function passInvalid(error: unknown): void {
  if (!['invalid', 'missing'].includes(whyOf(error) ?? '')) throw error;
}
