import type { LocalContentStore } from '../../content/content-store.ts';
import { SameError } from '../../errors/same-error.ts';
import { monotonicMs } from '../../host/clock.ts';
import type { EngineContext } from '../engine.ts';
import { type Cluster, whyOf } from '../kubernetes/cluster.ts';
import { type ClusterRun, openClusterRun } from '../kubernetes/cluster-run.ts';
import type { ClusterObject } from '../kubernetes/compilation.ts';
import { Watched } from '../kubernetes/watched.ts';
import { removeRuns, runDirectory } from './leftovers.ts';
import type { SubmittedState, System } from './system.ts';

/** What nobody takes up for this long is told of. */
const TELL_MS = 20_000;
/** For so long a system is given to say that a run has ended. */
const OVER_MS = 60_000;

/** One run as a cluster has it with the system that runs all of it. */
export interface SubmittedRun extends ClusterRun {
  system: System;
  /** Objects that are handed over, by their names: that of the run is one. */
  wholes: Watched;
  /** What the system makes of it. */
  parts?: Watched;
  /** What the object of the run is called. */
  whole: string;
  /** Asks the system to end all of it, `finally` too; once. */
  terminate(): void;
  /** Asks the system to end the steps that have not ended, and to go on with those of `finally`; once. */
  stopSteps(): void;
  /** Tells, once, where no controller takes it up. */
  missController(state: SubmittedState): void;
}

/** How far the object of a run is, as long as it is there. */
export function stateOf({ system, wholes, whole, parts }: SubmittedRun): SubmittedState | undefined {
  const there = wholes.objects.get(whole);
  return there && system.state(there, parts);
}

/**
 * Waits until the system says of a run of which all cells have ended that it has, where its history tells of it later: that
 * lags behind its pods. What went wrong meanwhile is told when it is closed.
 */
export async function untilOver(run: SubmittedRun, cancel: AbortSignal, limitMs = OVER_MS): Promise<void> {
  if (!run.system.keepsHistory) return;
  const sinceMs = monotonicMs();
  const look = () =>
    (stateOf(run)?.isOver ?? true) || monotonicMs() - sinceMs >= limitMs ? true : undefined;
  await run.wholes.until(look, cancel).catch(() => {});
}

/**
 * @throws SAME1702 there is no cluster, or not that system in it; SAME1703, SAME1704, SAME1705 as it answers
 */
export async function openSubmittedRun(options: {
  system: System;
  open(): Promise<Cluster>;
  context: EngineContext;
  content: LocalContentStore;
  image: string;
  say(line: string): void;
}): Promise<SubmittedRun> {
  const { system, context, say } = options;
  const directory = runDirectory(system, context.firstRunId ?? context.runId);
  const base = await openClusterRun({ ...options, directory });
  const { cluster, names, carrier } = base;
  const labels = `same.dev/run=${names.run}`;
  const wholes = new Watched(cluster, system.kind, labels);
  const parts = system.parts && new Watched(cluster, system.parts, labels);
  try {
    await Promise.all([wholes.begin(), parts?.begin()]);
  } catch (error) {
    await Promise.all([wholes.close(), parts?.close()]);
    // What goes on there of a run that this goes on with is not to be lost, where it may only not be looked at.
    const mayGoOn = context.firstRunId !== undefined && whyOf(error) !== 'missing';
    await (mayGoOn ? base.leave() : base.close());
    throw whyOf(error) === 'missing' ? withoutSystem(system, cluster, error) : error;
  }
  const whole = system.objectName(names.run);
  const called = `${system.called} ${whole}`;
  const swept = removeRuns(system, cluster, carrier, names).catch(() => {});
  const sinceMs = monotonicMs();
  let terminating: Promise<unknown> | undefined;
  let stopping: Promise<unknown> | undefined;
  const end = async (change: ClusterObject): Promise<void> => {
    try {
      await cluster.patch(system.kind, whole, change);
    } catch (error) {
      if (whyOf(error) !== 'missing') say(`${called} is not stopped: ${(error as Error).message}`);
    }
  };
  let isMissed = false;
  return {
    ...base,
    system,
    wholes,
    ...(parts ? { parts } : {}),
    whole,
    terminate() {
      terminating ??= end(system.ending.all);
    },
    stopSteps() {
      stopping ??= end(system.ending.steps);
    },
    missController({ isTaken }) {
      if (isMissed || isTaken || monotonicMs() - sinceMs < TELL_MS) return;
      isMissed = true;
      say(
        `${called} waits: no controller of ${system.name} has taken it up; does one look at this namespace?`,
      );
    },
    async close() {
      await Promise.all([swept, terminating, stopping]);
      let isLeft = false;
      try {
        await cluster.delete(system.kind, whole, { propagation: 'Background' });
      } catch (error) {
        isLeft = true;
        say(`${called} of run ${context.runId} is left in the cluster: ${(error as Error).message}`);
      }
      await Promise.all([wholes.close(), parts?.close()]);
      await base.close(isLeft);
    },
  };
}

function withoutSystem({ engine, product, kind }: System, { context }: Cluster, cause: unknown): SameError {
  const [group] = kind.apiVersion.split('/');
  return new SameError(
    {
      code: 'SAME1702',
      message: `${product} is not in the cluster of context ${context}: it has no ${kind.plural}.${group}`,
      hint: `what is there: same describe engine ${engine}; Jobs run on any cluster: --engine kubernetes`,
    },
    { cause },
  );
}
