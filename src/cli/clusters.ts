/** What runs on clusters and looks at them. One chunk, loaded when needed. */
import type { LocalContentStore } from '../content/content-store.ts';
import { argo } from '../engines/argo/system.ts';
import type { Engine } from '../engines/engine.ts';
import { openPipelineRuns } from '../engines/kubeflow/pipeline-runs.ts';
import { kubeflow } from '../engines/kubeflow/system.ts';
import { openApiCluster } from '../engines/kubernetes/api-cluster.ts';
import type { ClusterObject } from '../engines/kubernetes/compilation.ts';
import { openKubernetesEngine as engineOf } from '../engines/kubernetes/kubernetes-engine.ts';
import { lookAtCluster } from '../engines/kubernetes/look.ts';
import { manifestText } from '../engines/kubernetes/manifest-text.ts';
import { rbacOf } from '../engines/kubernetes/rbac.ts';
import {
  type ClusterGlance,
  type ClusterSurvey,
  glanceAtCluster,
  lookForRoom,
  surveyCluster,
} from '../engines/kubernetes/survey.ts';
import { openSubmittedEngine as submittedEngineOf } from '../engines/submitted/submitted-engine.ts';
import type { System } from '../engines/submitted/system.ts';
import { tekton } from '../engines/tekton/system.ts';
import { SameError } from '../errors/same-error.ts';
import type { KubernetesPlace } from '../host/kubernetes-wire.ts';
import { isAsking, nodeRequirements, volumeRequirement } from '../infrastructure/node-requirements.ts';
import type { Requirement } from '../infrastructure/requirements.ts';
import { contentArchive } from '../operations/carried-archives.ts';
import { compiledSteps } from '../operations/compiled-steps.ts';
import type { Program } from '../program/schema.ts';

/** A listing waits no longer. */
const GLANCE_MS = 4000;
const SURVEY_MS = 15_000;

/** Steps as Jobs of the cluster at a place, which is asked when the first of them has to run. */
export function openKubernetesEngine(
  content: LocalContentStore,
  place: KubernetesPlace,
  onProgress: (line: string) => void,
): Engine {
  return engineOf(content, { open: () => openApiCluster(place), onProgress });
}

/** Systems that run a whole plan, by their engines. */
const systems: Readonly<Record<string, System>> = { argo, tekton, kubeflow };

/** What has to run as one object that a system of the cluster at a place runs, which is asked when something has to. */
export function openSubmittedEngine(
  engine: string,
  content: LocalContentStore,
  place: KubernetesPlace,
  onProgress: (line: string) => void,
): Engine {
  return submittedEngineOf(systems[engine]!, content, {
    open: async () => {
      const cluster = await openApiCluster(place);
      return engine === 'kubeflow' ? openPipelineRuns(cluster) : cluster;
    },
    compile: compiledSteps,
    archive: (artifact, field) => contentArchive({ content }, artifact, field),
    onProgress,
  });
}

/** @throws SAME1702, SAME1703, SAME1704 */
export function glance(place: KubernetesPlace): Promise<ClusterGlance> {
  return lookAtCluster(place, glanceAtCluster, { timeoutMs: GLANCE_MS });
}

/** @throws SAME1702, SAME1703, SAME1704 */
export function survey(place: KubernetesPlace, engine?: string): Promise<ClusterSurvey> {
  return lookAtCluster(place, (cluster) => surveyCluster(cluster, engine), { timeoutMs: SURVEY_MS });
}

/** Asks nobody. @throws SAME1702 */
export async function namespaceOf(place: KubernetesPlace): Promise<string> {
  const cluster = await openApiCluster(place);
  cluster.close();
  return cluster.namespace;
}

/** The role of an engine for a namespace, and how a person applies it; undefined where none is needed. */
export function clusterRights(
  engine: string,
  namespace: string,
): { objects: ClusterObject[]; text: string } | undefined {
  const rbac = Object.hasOwn(rbacOf, engine) ? rbacOf[engine]!(namespace) : undefined;
  return rbac && { objects: rbac.objects, text: manifestText(rbac.objects, rbac.comments) };
}

/**
 * Compares a program with what decides on a cluster whether its steps can start. A cluster that does not answer is the
 * engine's to complain of, once something has to run there: what is stored needs none.
 * @returns `unseen`, why nobody knows, where steps ask for something
 */
export async function compareWithCluster(
  program: Program,
  platform: string,
  place: KubernetesPlace,
): Promise<{ resources: Requirement[]; unseen?: string }> {
  const unseen = (why: string) => (isAsking(program) ? { unseen: why } : {});
  try {
    const { nodes, claim, namespace } = await lookAtCluster(
      place,
      async (cluster) => ({ ...(await lookForRoom(cluster)), namespace: cluster.namespace }),
      { timeoutMs: GLANCE_MS },
    );
    const resources = [
      ...(nodes ? nodeRequirements(program, nodes, platform) : []),
      ...(claim ? [volumeRequirement(claim, namespace)] : []),
    ];
    return { resources, ...(nodes ? {} : unseen('which this caller may not list')) };
  } catch (error) {
    if (!(error instanceof SameError) || !['SAME1702', 'SAME1703', 'SAME1704'].includes(error.code))
      throw error;
    return { resources: [], ...(error.code === 'SAME1703' ? unseen('which gives no answer') : {}) };
  }
}
