import type { LocalContentStore } from '../../content/content-store.ts';
import type { EngineContext } from '../engine.ts';
import { Carrier } from './carrier.ts';
import { type Cluster, JOBS, NETWORK_POLICIES, PODS, type StoredObject, whyOf } from './cluster.ts';
import { Given } from './given.ts';
import { removeLeftovers } from './leftovers.ts';
import { Patient, patientCluster } from './patient-cluster.ts';
import { labelsOf, type RunNames, runNames } from './run-names.ts';
import { holdToVolume } from './run-volume.ts';
import { Watched } from './watched.ts';

/** One run as a cluster has it: opened when its first attempt starts, for a run of stored results needs no cluster. */
export interface ClusterRun {
  cluster: Cluster;
  names: RunNames;
  jobs: Watched;
  pods: Watched;
  carrier: Carrier;
  given: Given;
  say(line: string): void;
  /** Notes a Job of an attempt. */
  mine(step: string, attempt: number, job: StoredObject): void;
  /** Removes the Jobs of an attempt of which it is durable how it ended: nobody takes them over any more. */
  settled(step: string, attempt: number): void;
  /**
   * Removes everything of the run from the cluster and its volume, and notes that.
   * @param isElseLeft something else of it is left there
   */
  close(isElseLeft?: boolean): Promise<void>;
  /** Leaves everything as it is. */
  leave(): Promise<void>;
}

/** What a run in a cluster is opened with. */
export interface ClusterRunOptions {
  open(): Promise<Cluster>;
  context: EngineContext;
  content: LocalContentStore;
  /** The image of a step, with `sh` and `tar`. */
  image: string;
  say(line: string): void;
  /** Of the volume, where it is not that of a run of Jobs. */
  directory?: string;
}

/**
 * Opens what every run in a cluster has, whatever starts its pods.
 * @throws SAME1702 there is no cluster, SAME1703, SAME1704, SAME1705 as it answers, SAME1502 the image is not to be had,
 *   SAME1615 what it goes on with is elsewhere
 */
export async function openClusterRun({
  open,
  context,
  content,
  image,
  say,
  directory,
}: ClusterRunOptions): Promise<ClusterRun> {
  const asked = await open();
  const patient = new Patient({ signal: context.kill, say });
  const cluster = patientCluster(asked, patient);
  const usual = runNames(context.firstRunId ?? context.runId);
  const names = directory === undefined ? usual : { ...usual, directory };
  const labels = `same.dev/run=${names.run}`;
  const [jobs, pods] = [new Watched(cluster, JOBS, labels), new Watched(cluster, PODS, labels)];
  const leave = async () => {
    await Promise.all([jobs.close(), pods.close()]);
    asked.close();
  };
  try {
    // One that has never answered is not waited for.
    await asked.ask('/version');
    const place = await holdToVolume(cluster, context);
    // Each answer is waited for: what is still asked when nobody listens any more looks like a cluster that is gone.
    const begun = await Promise.allSettled([jobs.begin(), pods.begin()]);
    const refused = begun.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (refused) throw refused.reason;
    await closeNetwork(cluster, names);
    context.place?.note(place);
  } catch (error) {
    await leave();
    throw error;
  }
  const carrier = new Carrier({ cluster, patient, names, jobs, pods, image, say, kill: context.kill });
  const swept = removeLeftovers(cluster, carrier, names).catch(() => {});
  const own = new Map<string, StoredObject[]>();
  const removals = new Set<Promise<unknown>>();
  return {
    cluster,
    names,
    jobs,
    pods,
    carrier,
    given: new Given(names.directory, carrier, context, content),
    say,
    mine(step, attempt, job) {
      const key = `${step} ${attempt}`;
      own.set(key, [...(own.get(key) ?? []), job]);
    },
    settled(step, attempt) {
      for (const { metadata } of own.get(`${step} ${attempt}`) ?? []) {
        const removal = cluster
          .delete(JOBS, metadata.name, { uid: metadata.uid })
          .catch(() => {})
          .finally(() => removals.delete(removal));
        removals.add(removal);
      }
    },
    leave,
    async close(isElseLeft = false) {
      try {
        await Promise.all([swept, ...removals]);
        const left = [...jobs.objects.keys()].filter((name) => name !== names.carrier);
        for (const name of left) await cluster.delete(JOBS, name, { propagation: 'Background' });
        // Of what was killed nobody waits for files.
        if (!context.kill.aborted) await carrier.remove(names.directory);
        await cluster.delete(JOBS, names.carrier, { propagation: 'Background' });
        await cluster.delete(NETWORK_POLICIES, names.policy);
        if (!isElseLeft) context.place?.note('nowhere');
      } catch (error) {
        say(`something of run ${context.runId} is left in the cluster: ${(error as Error).message}`);
      } finally {
        await leave();
      }
    },
  };
}

/** No step reaches the network but those that ask for it, where the cluster heeds such policies (spec SAME-ENG-002). */
async function closeNetwork(cluster: Cluster, names: RunNames): Promise<void> {
  try {
    await cluster.create(NETWORK_POLICIES, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: names.policy, labels: labelsOf(names), annotations: names.owner },
      spec: {
        podSelector: { matchLabels: { 'same.dev/run': names.run, 'same.dev/network': 'none' } },
        policyTypes: ['Ingress', 'Egress'],
      },
    });
  } catch (error) {
    if (whyOf(error) !== 'exists') throw error;
  }
}
