import type { Finding } from '../../errors/same-error.ts';
import { sleep } from '../../host/clock.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { StepAttempt } from '../attempt/step-attempt.ts';
import type { AwaitedAccount } from './awaited-account.ts';
import { JOBS, PODS, type StoredObject } from './cluster.ts';
import type { ClusterRun } from './cluster-run.ts';
import { Following } from './following.ts';
import { endOf, hasStarted, jobEndOf, type PodEnd, podOf } from './pod-state.ts';
import { Waiting } from './waiting.ts';

/** Beyond the grace of its pod, for it to be told. */
const DELETE_MS = 60_000;

/** What came of a Job. */
export interface JobEnd {
  /** Nothing where its pod is gone, and was not seen to end. */
  pod?: PodEnd;
  /** Why it never ran. */
  problem?: Finding;
  /** Its shim has told of its success; of its pod nothing is known yet, and nothing needs to be. */
  account?: AwaitedAccount;
  isCanceled: boolean;
}

/** A Job of one attempt while it runs. */
export class RunningJob {
  readonly #run: ClusterRun;
  readonly #task: StepAttempt;
  readonly #job: StoredObject;
  readonly #how: RunningCommand;
  readonly #over = new AbortController();
  readonly #following: Following;
  readonly #look: () => AwaitedAccount | undefined;
  readonly #told = new AbortController();
  #account: AwaitedAccount | undefined;
  #isLooking = false;
  #isDeleted = false;
  #isGivenUp = false;

  /** @param look begins to look for its account on the volume */
  constructor(
    run: ClusterRun,
    task: StepAttempt,
    job: StoredObject,
    how: RunningCommand,
    look: () => AwaitedAccount | undefined = () => undefined,
  ) {
    this.#run = run;
    this.#task = task;
    this.#job = job;
    this.#how = how;
    this.#look = look;
    this.#following = new Following(run, task.cell.name, how);
  }

  /** Its shim said that a pipe hides failures. */
  get saidNoBash(): boolean {
    return this.#following.saidNoBash;
  }

  /**
   * Waits for its end, which Ctrl-C hastens. It is over when {@link close} was called.
   * @throws what made watching impossible
   */
  async end(): Promise<JobEnd> {
    const { cancel, kill } = this.#how;
    const stop = () => void this.#stop().catch((error: Error) => this.#isNotStopped(error));
    cancel.addEventListener('abort', stop);
    kill.addEventListener('abort', stop);
    if (cancel.aborted || kill.aborted) stop();
    try {
      const end = await this.#ended();
      // It would be tried again for ever.
      if (end.problem)
        await this.#run.cluster.delete(JOBS, this.#job.metadata.name, { uid: this.#job.metadata.uid });
      const isCanceled = cancel.aborted || kill.aborted;
      return { ...end, isCanceled };
    } finally {
      cancel.removeEventListener('abort', stop);
      kill.removeEventListener('abort', stop);
      this.#over.abort();
    }
  }

  /**
   * Ends what is left of watching it.
   * @param isWhole its logs are here as its shim left them
   */
  async close(isWhole: boolean): Promise<void> {
    this.#account?.abandon();
    await this.#following.end(isWhole ? Object.values(this.#how.logs) : undefined);
  }

  async #ended(): Promise<Omit<JobEnd, 'isCanceled'>> {
    const { jobs, pods, say } = this.#run;
    const { name, uid } = this.#job.metadata;
    const { cell, environment } = this.#task;
    const image =
      environment.container && 'image' in environment.container ? environment.container.image : '';
    const waiting = new Waiting(`step ${cell.name}`, image, say);
    let started = false;
    let last: PodEnd | undefined;
    this.#lookForAccount();
    const end = await jobs.until(() => {
      const pod = podOf(name, pods.objects.values());
      if (pod && hasStarted(pod) && !started) {
        started = true;
        this.#how.onStart({});
        this.#following.begin(pod.metadata.name);
        // It may have waited for long, and nobody looks any more.
        if (!endOf(pod)) this.#lookForAccount();
      }
      const podEnd = pod && endOf(pod);
      if (podEnd) last = podEnd;
      const job = jobs.objects.get(name);
      if (!job || job.metadata.uid !== uid || this.#isGivenUp) return { ...(last ? { pod: last } : {}) };
      if (podEnd && !this.#isDeleted) return { pod: podEnd };
      if (jobEndOf(job) && !this.#isDeleted && (podEnd || !pod)) return { ...(last ? { pod: last } : {}) };
      if (started || this.#isDeleted) return undefined;
      const problem = waiting.look(pod);
      return problem ? { problem } : undefined;
    }, this.#told.signal);
    if (!started) this.#how.onStart({});
    return end ?? { account: this.#account! };
  }

  /** What the cluster tells of a pod it knows by looking once a second; its shim's word comes sooner. */
  #lookForAccount(): void {
    if (this.#isLooking || this.#isDeleted) return;
    const account = this.#look();
    if (!account) return;
    this.#isLooking = true;
    this.#account = account;
    void account.succeeded.then((isSo) => {
      // One that has said so is kept, to be taken from or abandoned.
      this.#isLooking = isSo;
      // Of what was asked to end the cluster says when it has.
      if (isSo && !this.#isDeleted) this.#told.abort();
    });
  }

  /** Asks it to end as Ctrl-C asks a command, and without grace where it is killed. */
  async #stop(): Promise<void> {
    const { cluster, pods } = this.#run;
    const { name, uid } = this.#job.metadata;
    this.#isDeleted = true;
    await cluster.delete(JOBS, name, { propagation: 'Foreground', uid });
    if (!this.#how.kill.aborted) return;
    const pod = podOf(name, pods.objects.values());
    if (pod) await cluster.delete(PODS, pod.metadata.name, { graceSeconds: 0 });
    // Its node may be gone: then nobody is left to say that it has ended.
    await sleep(DELETE_MS, this.#over.signal);
    this.#isGivenUp = true;
  }

  /** What cannot be deleted ends by itself, or is not waited for where it was to be killed. */
  #isNotStopped({ message }: Error): void {
    if (this.#over.signal.aborted) return;
    this.#isGivenUp = this.#how.kill.aborted;
    this.#isDeleted = false;
    const why = message.replace(/^SAME\d+ /, '');
    this.#run.say(`step ${this.#task.cell.name} cannot be asked to end: ${why}`);
  }
}
