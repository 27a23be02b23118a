import type { ClusterGlance } from '../engines/kubernetes/survey.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { type EngineFacts, engines } from '../program/engines.ts';
import type { Ports } from './ports.ts';
import { readTargets } from './registry-aliases.ts';

/** An engine, and whether it can be used here and now. */
export interface EngineState extends EngineFacts {
  usable: boolean;
  /** Why it is not. */
  because?: Finding;
  /** Where it would run. */
  where?: Pick<ClusterGlance, 'context' | 'namespace' | 'server'>;
  /** Of podman or the cluster. */
  version?: string;
  /** Versions of its own API that the cluster serves. */
  apiVersions?: string[];
}

/**
 * `same list engines`: every engine of this version. The cluster of the default target of `kubernetes` stands for all
 * that need one, and is asked once; that it does not answer is no error, and costs a few seconds at most.
 * @throws what is wrong with `config.yaml`
 */
export async function listEngines(ports: Ports): Promise<EngineState[]> {
  const place = (await readTargets(ports)).get('kubernetes') ?? {};
  const [podman, cluster] = await Promise.all([
    orWhy(() => ports.askPodman()),
    orWhy(() => ports.glanceAtCluster(place)),
  ]);
  return engines.map((facts) => {
    if (facts.name === 'local') return { ...facts, usable: true };
    if (facts.name === 'podman')
      return 'because' in podman
        ? { ...facts, usable: false, ...podman }
        : { ...facts, usable: true, version: podman.version };
    return ofCluster(facts, cluster);
  });
}

function ofCluster(facts: EngineFacts, cluster: ClusterGlance | { because: Finding }): EngineState {
  if ('because' in cluster) return { ...facts, usable: false, because: cluster.because };
  const { context, namespace, server, version } = cluster;
  const state = { ...facts, where: { context, namespace, server }, version };
  if (!facts.api) return { ...state, usable: true };
  const { versions = [] } = cluster.apis.find(({ of }) => of === facts.api?.of) ?? {};
  if (versions.length > 0) return { ...state, usable: true, apiVersions: versions };
  const because: Finding = {
    code: 'SAME1702',
    message: `${facts.api.of} is not in this cluster: it has no ${facts.api.resource}.${facts.api.group}`,
  };
  return { ...state, usable: false, because };
}

async function orWhy<T>(look: () => Promise<T>): Promise<T | { because: Finding }> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof SameError) || error.exitCode !== 6) throw error;
    return { because: error.findings[0]! };
  }
}
