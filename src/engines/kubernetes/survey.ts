import { SameError } from '../../errors/same-error.ts';
import { WANTED_APIS, type WantedApi } from '../../program/engines.ts';
import { CLAIMS, type Cluster, type Kind, type StoredObject, whyOf } from './cluster.ts';
import { type ClusterNode, nodeOf } from './cluster-node.ts';
import { type Right, rightsOf, rightText } from './rights.ts';
import { VOLUME } from './step-container.ts';

/** An API that was looked for. */
export interface OfferedApi extends WantedApi {
  /** Versions that are served: `v1alpha1`; none where it is not there. */
  versions: string[];
  /** What its definition says of its release, where the caller may read that. */
  release?: string;
}

/** One class of volumes. */
export interface StorageClass {
  name: string;
  provisioner: string;
  isDefault: boolean;
}

/** The claim of the volume on which steps leave what others read. */
export interface ClaimState {
  name: string;
  /** `Bound`, `Pending`, `Lost`; absent where there is none of that name. */
  phase?: string;
  storageClass?: string;
  capacity?: string;
  accessModes?: string[];
}

/** What a cluster is. */
export interface ClusterGlance {
  context: string;
  namespace: string;
  /** URL of the API. */
  server: string;
  /** `v1.34.4`. */
  version: string;
  apis: OfferedApi[];
}

/** What a cluster offers to one caller in one namespace. What the caller may not see is absent, and said in `unseen`. */
export interface ClusterSurvey extends ClusterGlance {
  /** Whether the namespace is there. */
  namespaceExists?: boolean;
  storageClasses?: StorageClass[];
  claim?: ClaimState;
  nodes?: ClusterNode[];
  /** Each right that is needed, one verb each, and whether the caller has it. */
  rights: { right: string; allowed: boolean }[];
  /** What could not be looked at, and why. */
  unseen: { what: string; why: string }[];
}

const NODES: Kind = { apiVersion: 'v1', plural: 'nodes', isClusterWide: true };
const NAMESPACES: Kind = { apiVersion: 'v1', plural: 'namespaces', isClusterWide: true };
const STORAGE_CLASSES: Kind = {
  apiVersion: 'storage.k8s.io/v1',
  plural: 'storageclasses',
  isClusterWide: true,
};
const REVIEWS: Kind = {
  apiVersion: 'authorization.k8s.io/v1',
  plural: 'selfsubjectaccessreviews',
  isClusterWide: true,
};

/** Asks a cluster what it is. @throws SAME1703, SAME1704 it cannot be asked, or not by this caller */
export async function glanceAtCluster(cluster: Cluster): Promise<ClusterGlance> {
  const { context, namespace, server } = cluster;
  // What says whether anything answers is asked first, so that its error is the one that is told.
  const version = String((await cluster.ask('/version'))?.gitVersion ?? 'unknown');
  return { context, namespace, server, version, apis: await apisOf(cluster, WANTED_APIS) };
}

/**
 * Asks a cluster what it has and what the caller may do; changes nothing there.
 * @param engine the one whose rights are asked for, where that is not `kubernetes`
 * @throws SAME1703, SAME1704 it cannot be asked, or not by this caller
 */
export async function surveyCluster(cluster: Cluster, engine?: string): Promise<ClusterSurvey> {
  const glance = await glanceAtCluster(cluster);
  const unseen: ClusterSurvey['unseen'] = [];
  const looking = async <T>(what: string, look: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      unseen.push({ what, why: (error as SameError).findings[0]!.message });
      return undefined;
    }
  };
  const [there, storageClasses, claim, nodes, rights] = await Promise.all([
    isThere(cluster, glance.namespace),
    looking('storage classes', async () => (await cluster.list(STORAGE_CLASSES)).items.map(storageClassOf)),
    looking('volume', () => claimOf(cluster)),
    looking('nodes', async () => (await cluster.list(NODES)).items.map(nodeOf)),
    Promise.all(
      rightsOf(engine).flatMap((right) =>
        right.verbs.flatMap((verb) =>
          (right.names ?? [undefined]).map((of) => allowed(cluster, right, verb, of)),
        ),
      ),
    ),
  ]);
  return {
    ...glance,
    ...(there === undefined ? {} : { namespaceExists: there }),
    ...(storageClasses ? { storageClasses } : {}),
    ...(claim ? { claim } : {}),
    ...(nodes ? { nodes } : {}),
    rights,
    unseen: unseen.sort((a, b) => (a.what < b.what ? -1 : 1)),
  };
}

/** Whether there is a namespace; those who may work in one need not be allowed to look at it. */
function isThere(cluster: Cluster, namespace: string): Promise<boolean | undefined> {
  return ifAllowed(async () => (await cluster.get(NAMESPACES, namespace)) !== undefined);
}

/**
 * What decides whether steps can start, for a comparison before a run. What the caller may not see is absent.
 * @throws SAME1703, SAME1704
 */
export async function lookForRoom(cluster: Cluster): Promise<{ nodes?: ClusterNode[]; claim?: ClaimState }> {
  const [nodes, claim] = await Promise.all([
    ifAllowed(async () => (await cluster.list(NODES)).items.map(nodeOf)),
    ifAllowed(() => claimOf(cluster)),
  ]);
  return { ...(nodes ? { nodes } : {}), ...(claim ? { claim } : {}) };
}

async function ifAllowed<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof SameError && whyOf(error) === 'forbidden';
}

async function apisOf(cluster: Cluster, wanted: readonly WantedApi[]): Promise<OfferedApi[]> {
  const list = (await cluster.ask('/apis')) as
    | { groups?: { name: string; versions: { version: string }[] }[] }
    | undefined;
  return Promise.all(
    wanted.map(async (api) => {
      const versions = list?.groups?.find(({ name }) => name === api.group)?.versions ?? [];
      const served = await Promise.all(
        versions.map(async ({ version }) => {
          const found = (await cluster.ask(`/apis/${api.group}/${version}`)) as
            | { resources?: { name: string }[] }
            | undefined;
          return found?.resources?.some(({ name }) => name === api.resource) ? [version] : [];
        }),
      );
      const release = served.flat().length === 0 ? undefined : await releaseOf(cluster, api);
      return { ...api, versions: served.flat(), ...(release === undefined ? {} : { release }) };
    }),
  );
}

/** Few may read it, and not every definition says it: nothing depends on it. */
async function releaseOf(cluster: Cluster, { group, resource }: WantedApi): Promise<string | undefined> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${resource}.${group}`;
  const found = await ifAllowed(() => cluster.ask(path));
  const { labels = {} } = (found as { metadata?: StoredObject['metadata'] } | undefined)?.metadata ?? {};
  return labels['pipeline.tekton.dev/release'] ?? labels['app.kubernetes.io/version'];
}

function storageClassOf({ metadata, provisioner }: StoredObject): StorageClass {
  const isDefault = metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
  return { name: metadata.name, provisioner: String(provisioner), isDefault };
}

async function claimOf(cluster: Cluster): Promise<ClaimState> {
  const found = (await cluster.get(CLAIMS, VOLUME)) as
    | {
        spec?: { storageClassName?: string };
        status?: { phase?: string; capacity?: { storage?: string }; accessModes?: string[] };
      }
    | undefined;
  if (!found) return { name: VOLUME };
  const { phase = 'Pending', capacity, accessModes } = found.status ?? {};
  const { storageClassName } = found.spec ?? {};
  return {
    name: VOLUME,
    phase,
    ...(storageClassName ? { storageClass: storageClassName } : {}),
    ...(capacity?.storage === undefined ? {} : { capacity: capacity.storage }),
    ...(accessModes ? { accessModes } : {}),
  };
}

/** @param of the name of the one thing that it is a right to */
async function allowed(cluster: Cluster, { group, resource }: Right, verb: string, of: string | undefined) {
  const [name, subresource] = resource.split('/') as [string, string?];
  const review = (await cluster.create(REVIEWS, {
    apiVersion: REVIEWS.apiVersion,
    kind: 'SelfSubjectAccessReview',
    spec: {
      resourceAttributes: {
        namespace: cluster.namespace,
        group,
        resource: name,
        ...(subresource === undefined ? {} : { subresource }),
        ...(of === undefined ? {} : { name: of }),
        verb,
      },
    },
  })) as StoredObject & { status?: { allowed?: boolean } };
  return { right: rightText({ group, resource }, verb), allowed: review.status?.allowed === true };
}
