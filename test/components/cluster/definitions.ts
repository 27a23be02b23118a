import { join } from 'node:path';
import { clusterParts } from '../installed.ts';
import { type Cluster, retried } from './cluster.ts';

/** What of each system the API is told, for its definitions are large. */
const DEFINITIONS = {
  argo: ['argoproj.io_workflows.yaml', 'argoproj.io_workflowtaskresults.yaml'],
  tekton: ['300-pipelinerun.yaml', '300-taskrun.yaml', '300-pipeline.yaml', '300-task.yaml'],
};

const DEFINED_MS = 90_000;

/** Has the API of a cluster know the resources of another system, with their whole schemas. Nothing executes them. */
export async function define(cluster: Cluster, system: keyof typeof DEFINITIONS): Promise<void> {
  const files = DEFINITIONS[system].flatMap((name) => [
    '-f',
    join(clusterParts()!, 'definitions', system, name),
  ]);
  await retried(async () => {
    await cluster.kubectl(['apply', '--server-side', '--force-conflicts', ...files]);
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...files]);
  }, Date.now() + DEFINED_MS);
}
