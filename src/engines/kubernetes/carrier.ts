import { type TarSource, writeTar } from '../../bundle/canonical-tar.ts';
import { SameError } from '../../errors/same-error.ts';
import { sleep } from '../../host/clock.ts';
import { type AwaitedAccount, awaitAccount } from './awaited-account.ts';
import { carrierJob, PLACE } from './carrier-job.ts';
import { NO_TAR, NOT_SEALED, NOT_THERE, PUT, TAKE, TAKE_AND_SEAL } from './carrier-scripts.ts';
import { type Cluster, JOBS, PODS, type StoredObject, whyOf } from './cluster.ts';
import type { Patient } from './patient-cluster.ts';
import { endOf, hasStarted, jobEndOf, MAIN, podOf } from './pod-state.ts';
import type { RunNames } from './run-names.ts';
import { unpackInto } from './unpacking.ts';
import { Waiting } from './waiting.ts';
import type { Watched } from './watched.ts';

const TRIES = 4;
const PAUSE_MS = 500;
/** Commands in one pod at a time, and beside them those that wait for the end of an attempt. */
const [AT_ONCE, AWAITED_AT_ONCE] = [8, 16];

/** What a carrier needs of its run. */
export interface CarrierOptions {
  cluster: Cluster;
  patient: Patient;
  names: RunNames;
  jobs: Watched;
  pods: Watched;
  /** An image with `sh` and `tar`: that of a step. */
  image: string;
  say(line: string): void;
  kill: AbortSignal;
}

/**
 * A pod of the run that has its volume, through which files come and go: where no store is within everybody's reach, the
 * API's own connection to a container is. It is a Job, so that it ends by itself when nobody ends it.
 */
export class Carrier {
  readonly #options: CarrierOptions;
  #opening: Promise<string> | undefined;
  #running = 0;
  #awaited = 0;
  readonly #queue: (() => void)[] = [];

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  /**
   * Puts files at a path of the volume, all or nothing; what is there already stays.
   * @param open entries below `content`, or that name alone; read anew for each try
   */
  async put(path: string, open: () => AsyncIterable<TarSource> | Iterable<TarSource>): Promise<void> {
    const temporary = `${PLACE}/${path}.tmp-${process.pid}`;
    await this.#tried(['sh', '-c', PUT, 'sh', temporary, `${PLACE}/${path}`], () => ({
      input: writeTar(open()),
    }));
  }

  /**
   * Brings a directory of the volume here.
   * @param options.isToSeal files in it are sealed then: others may be given them as they are
   * @returns `taken` where nothing was sealed, or its image lacks what that takes; undefined where there is none
   * @throws SAME1306 it cannot be unpacked
   */
  async take(
    path: string,
    fresh: () => string,
    { isToSeal = false }: { isToSeal?: boolean } = {},
  ): Promise<'sealed' | 'taken' | undefined> {
    const script = isToSeal ? TAKE_AND_SEAL : TAKE;
    const exitCode = await this.#tried(['sh', '-c', script, 'sh', `${PLACE}/${path}`], () => {
      const unpacking = unpackInto(fresh());
      return { take: (chunk) => unpacking.take(chunk), end: () => unpacking.end() };
    });
    if (exitCode === NOT_THERE) return undefined;
    return isToSeal && exitCode !== NOT_SEALED ? 'sealed' : 'taken';
  }

  /** Looks there for the account of an attempt, by the path of what it leaves. @returns undefined where too many are looked for */
  await(path: string): AwaitedAccount | undefined {
    if (this.#awaited === AWAITED_AT_ONCE) return undefined;
    this.#awaited++;
    return awaitAccount(this, `${PLACE}/${path}`, async (execution) => {
      try {
        const pod = await this.#pod();
        execution.signal?.throwIfAborted();
        return await this.#options.cluster.exec(pod, { container: MAIN, ...execution });
      } finally {
        this.#awaited--;
      }
    });
  }

  /** Removes a path of the volume. */
  async remove(path: string): Promise<void> {
    await this.#tried(['rm', '-rf', `${PLACE}/${path}`], () => ({}));
  }

  /** Names at the top of the volume. */
  async names(): Promise<string[]> {
    let chunks: Buffer[] = [];
    await this.#tried(['ls', '-A', PLACE], () => {
      chunks = [];
      return { take: (chunk) => void chunks.push(chunk) };
    });
    return Buffer.concat(chunks)
      .toString('utf8')
      .split('\n')
      .filter((name) => name !== '');
  }

  /** @returns the code that it ended with, if it is one of those that say something */
  async #tried(
    command: string[],
    begin: () => {
      input?: AsyncIterable<Uint8Array>;
      take?(chunk: Buffer): void;
      end?(): Promise<void>;
    },
  ): Promise<number> {
    const { cluster, patient, kill } = this.#options;
    await this.#place();
    try {
      for (let tries = 1; ; tries++) {
        const pod = await this.#pod();
        let end: ReturnType<typeof begin>['end'];
        try {
          const { exitCode, stderr } = await patient.ask(async () => {
            // Anew each time: of what was sent or taken before nothing counts, nor may a file of it stay open.
            await end?.().catch(() => {});
            const begun = begin();
            end = begun.end;
            const { input, take } = begun;
            return cluster.exec(pod, {
              container: MAIN,
              command,
              ...(input ? { input } : {}),
              ...(take ? { take } : {}),
            });
          });
          if (exitCode === NOT_THERE) return exitCode;
          if (exitCode === 0 || exitCode === NOT_SEALED) {
            await end?.();
            return exitCode;
          }
          throw failed(this.#options.image, command, exitCode, stderr);
        } catch (error) {
          await end?.().catch(() => {});
          const isPassing = whyOf(error) !== undefined || isTorn(error);
          if (!isPassing || tries === TRIES || kill.aborted) throw error;
          // It may have ended, or been taken away: then there is another.
          this.#opening = undefined;
          await sleep(PAUSE_MS * tries, kill);
        }
      }
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  async #place(): Promise<void> {
    if (this.#running >= AT_ONCE) await new Promise<void>((done) => this.#queue.push(done));
    this.#running++;
  }

  /** @returns the name of a pod that runs */
  async #pod(): Promise<string> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #open(): Promise<string> {
    const { cluster, names, jobs, pods, image, say, kill } = this.#options;
    const name = names.carrier;
    for (;;) {
      const stale = await this.#stale(name);
      if (stale) {
        await cluster
          .delete(JOBS, name, { propagation: 'Foreground', uid: stale.metadata.uid })
          .catch(passConflict);
        await jobs.until(
          () => (jobs.objects.get(name)?.metadata.uid === stale.metadata.uid ? undefined : true),
          kill,
        );
        if (kill.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted' });
        continue;
      }
      if (!jobs.objects.has(name)) {
        try {
          jobs.add(await cluster.create(JOBS, carrierJob(names, image)));
        } catch (error) {
          if (whyOf(error) !== 'exists') throw error;
          const there = await cluster.get(JOBS, name);
          if (there) jobs.add(there);
        }
      }
      const waiting = new Waiting('the carrier of files', image, say);
      const ready = await pods.until(() => {
        const pod = podOf(name, pods.objects.values());
        if (pod && hasStarted(pod) && !endOf(pod)) return { pod: pod.metadata.name };
        const job = jobs.objects.get(name);
        if (!job || jobEndOf(job) || (pod && endOf(pod))) return {};
        const problem = waiting.look(pod);
        return problem ? { problem } : undefined;
      }, kill);
      if (!ready) throw new SameError({ code: 'SAME1903', message: 'interrupted' });
      if (ready.problem) throw new SameError(ready.problem);
      if (ready.pod) return ready.pod;
      await sleep(PAUSE_MS, kill);
    }
  }

  /** A Job of that name that is of no use any more. */
  async #stale(name: string): Promise<StoredObject | undefined> {
    const { jobs, pods, cluster } = this.#options;
    const job = jobs.objects.get(name);
    if (!job) return undefined;
    const pod = podOf(name, pods.objects.values());
    if (
      job.metadata.deletionTimestamp ||
      jobEndOf(job) ||
      (pod && (endOf(pod) || pod.metadata.deletionTimestamp))
    )
      return job;
    // Asked once more: what is known may be old where a connection to it has just broken.
    if (pod && (await cluster.get(PODS, pod.metadata.name)) === undefined) return job;
    return undefined;
  }
}

function failed(image: string, command: string[], exitCode: number, stderr: string): SameError {
  const said = stderr.trim().split('\n').slice(-3).join('; ');
  const lacksTar = exitCode === NO_TAR || /tar: (command )?not found/.test(said);
  return new SameError({
    code: 'SAME1703',
    message: `files cannot be carried to or from the volume: ${command[0]} ended with code ${exitCode}${said === '' ? '' : ` (${said})`}`,
    ...(lacksTar ? { hint: `image ${image} needs sh and tar for that` } : {}),
  });
}

function isTorn(error: unknown): boolean {
  return error instanceof SameError && error.code === 'SAME1306';
}

function passConflict(error: unknown): void {
  if (whyOf(error) !== 'conflict' && whyOf(error) !== 'missing') throw error;
}
