import type { Readable } from 'node:stream';
import { SameError } from '../../errors/same-error.ts';
import type { ClusterObject } from './compilation.ts';

/** A kind of object as the API's paths name it. */
export interface Kind {
  /** `v1`, `batch/v1`. */
  apiVersion: string;
  /** `jobs`, or a part of a kind: `pods/exec`. */
  plural: string;
  /** It is in no namespace. */
  isClusterWide?: true;
}

/** What runs pods to their end. */
export const JOBS: Kind = { apiVersion: 'batch/v1', plural: 'jobs' };
/** Containers that run together. */
export const PODS: Kind = { apiVersion: 'v1', plural: 'pods' };
/** Small files for pods. */
export const CONFIG_MAPS: Kind = { apiVersion: 'v1', plural: 'configmaps' };
/** Small files that few may read. */
export const SECRETS: Kind = { apiVersion: 'v1', plural: 'secrets' };
/** Volumes as pods name them. */
export const CLAIMS: Kind = { apiVersion: 'v1', plural: 'persistentvolumeclaims' };
/** What pods may reach. */
export const NETWORK_POLICIES: Kind = { apiVersion: 'networking.k8s.io/v1', plural: 'networkpolicies' };

/** Graphs of steps that Argo runs. */
export const WORKFLOWS: Kind = { apiVersion: 'argoproj.io/v1alpha1', plural: 'workflows' };

/** Pipelines that Tekton runs. */
export const PIPELINE_RUNS: Kind = { apiVersion: 'tekton.dev/v1', plural: 'pipelineruns' };
/** Their tasks: of each cell of a step one. */
export const TASK_RUNS: Kind = { apiVersion: 'tekton.dev/v1', plural: 'taskruns' };

/** What every object of a cluster has, as far as it is read here. */
export interface StoredObject extends ClusterObject {
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string }[];
  };
}

/** Which objects of a kind are meant. */
export interface Selection {
  /** A label selector: `same.dev/run=0123456789ab,same.dev/role`. */
  labels?: string;
  /** A field selector: `metadata.name=x`. */
  fields?: string;
}

/** One line of a watch; a `BOOKMARK` has no more than the version to go on from. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: StoredObject;
}

/** A command to run in a container that runs. */
export interface Execution {
  container: string;
  command: string[];
  /** What it reads on standard input, which is closed at its end; none without it. */
  input?: AsyncIterable<Uint8Array>;
  /** Takes its standard output piece by piece; no more is read before a piece was taken. */
  take?(chunk: Buffer): void | Promise<void>;
  signal?: AbortSignal;
}

/**
 * The API of a cluster, asked as one user in one namespace. Every method
 * @throws SAME1703 it cannot be reached or answers wrongly, SAME1704 it wants another login or does not allow it,
 *   SAME1705 it refuses what it is sent, SAME1903 interrupted; {@link whyOf} tells these further apart
 */
export interface Cluster {
  /** Name of the context, for people. */
  readonly context: string;
  readonly namespace: string;
  /** URL of the API, for people. */
  readonly server: string;
  /** What stands at any path of the API, as JSON: `/version`. @returns undefined where nothing is there */
  ask(path: string): Promise<Record<string, unknown> | undefined>;
  /** Sends JSON to any path; nobody sends it again for the caller. @returns what is answered */
  post(path: string, body: ClusterObject): Promise<Record<string, unknown>>;
  /** @returns undefined where there is none of that name */
  get(kind: Kind, name: string): Promise<StoredObject | undefined>;
  /** All of them, and the version to watch from. */
  list(kind: Kind, selection?: Selection): Promise<{ items: StoredObject[]; resourceVersion: string }>;
  /** @throws also where there is one of that name already (`exists`) */
  create(kind: Kind, object: ClusterObject): Promise<StoredObject>;
  /** A merge patch. */
  patch(kind: Kind, name: string, changes: ClusterObject): Promise<StoredObject>;
  /**
   * @param options.uid deletes only this one, and no other of the same name
   * @param options.graceSeconds how long a pod may take to end
   * @returns whether there was one
   */
  delete(
    kind: Kind,
    name: string,
    options?: { propagation?: 'Foreground' | 'Background'; graceSeconds?: number; uid?: string },
  ): Promise<boolean>;
  /**
   * Changes after a version, until the server ends the answer, which it does every few minutes.
   * @throws also where that version is too old (`expired`): list anew
   */
  watch(
    kind: Kind,
    selection: Selection & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<Change>;
  /** What a container printed, as far as its node has it. */
  logs(
    pod: string,
    options: { container: string; follow?: boolean; since?: string; signal?: AbortSignal },
  ): Promise<Readable>;
  /** Runs a command in a container to its end. @returns its exit code, and the end of its standard error */
  exec(pod: string, execution: Execution): Promise<{ exitCode: number; stderr: string }>;
  /** Ends idle connections. */
  close(): void;
}

/** Why the API did not do what it was asked for. */
export type ClusterWhy =
  /** Nothing answers, or the answer was cut. */
  | 'unreachable'
  /** It answers that it cannot now: too much is asked, or a part of it is gone. */
  | 'busy'
  | 'login'
  | 'forbidden'
  /** Forbidden, because a quota of the namespace is used up. */
  | 'quota'
  | 'missing'
  | 'exists'
  | 'conflict'
  | 'expired'
  /** The object is not valid, or an admission refuses it. */
  | 'invalid'
  | 'other';

/** What the API's error was about. @returns undefined for what is none of {@link Cluster}'s errors */
export function whyOf(error: unknown): ClusterWhy | undefined {
  return error instanceof SameError ? (error.details.clusterWhy as ClusterWhy | undefined) : undefined;
}
