import type { LocalContentStore } from '../../content/content-store.ts';
import type { Finding } from '../../errors/same-error.ts';
import { storeEnd } from '../attempt/conclusion.ts';
import { type RunningCommand, runCommand } from '../attempt/running-command.ts';
import type { AttemptEnd, Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import { closeWorkspace, openEmptyWorkspace } from '../attempt/workspace.ts';
import type { AttemptNews } from '../attempts.ts';
import { stepLabel } from '../kubernetes/carried-objects.ts';
import { whyOf } from '../kubernetes/cluster.ts';
import { collect, withoutLogs } from '../kubernetes/collection.ts';
import { attemptEnd, lostFor } from '../kubernetes/exit-record.ts';
import { refusedByShim } from '../kubernetes/kubernetes-attempts.ts';
import type { PodEnd } from '../kubernetes/pod-state.ts';
import { accountOf } from './account.ts';
import type { Submission } from './submission.ts';
import { type SubmittedRun, stateOf } from './submitted-run.ts';
import type { CellPlace, System } from './system.ts';
import { cellOf, WatchedTry } from './watched-try.ts';

/** Attempts of a run, which another system makes and this client takes in, one after the other for each cell. */
export class SubmittedAttempts {
  /** The system repeats what failed. */
  readonly decideRetries = true;
  readonly content: LocalContentStore;
  readonly #run: SubmittedRun;
  readonly #slots = new Map<string, number>();
  /** Cells of which no pod can be made. */
  readonly #stuck = new Set<string>();
  /** Why, by their steps. */
  readonly #hopeless = new Map<string, Finding>();
  /** Tries of a cell that have been taken in. */
  readonly #taken = new Map<string, number>();
  /** Why the system took a step for failed that succeeded, if it did. */
  #disowned: string | undefined;

  constructor(run: SubmittedRun, { cells }: Submission, content: LocalContentStore) {
    this.content = content;
    this.#run = run;
    for (const names of Object.values(cells))
      for (const [slot, name] of names.entries()) this.#slots.set(name, slot);
  }

  /** Nothing of it waits for ever. */
  get endsByItself(): boolean {
    return this.#stuck.size === 0;
  }

  /** Takes the next attempt of a cell in, when it has ended. */
  async run(task: StepAttempt, tell: (news: AttemptNews) => void): Promise<Finished> {
    const { step, cell } = task;
    const place = {
      label: stepLabel(this.#run.names.run, step.name),
      slot: this.#slots.get(cell.name)!,
    };
    // The steps have all ended but for these.
    if (step.group === 'finally' && this.#stuck.size > 0) this.#run.stopSteps();
    let workspace: Workspace | undefined;
    try {
      let shimError = '';
      let isFinal = false;
      const { logs, end } = await runCommand(task, tell, async (how) => {
        const ran = await this.#untilItEnds(task, place, how, (opened) => (workspace = opened));
        ({ shimError, isFinal = false } = ran);
        return ran.end;
      });
      workspace ??= openEmptyWorkspace(task);
      const finished = await storeEnd({ ...task, workspace, placed: [], logs, end });
      const told =
        finished.status === 'succeeded' && shimError !== '' ? refusedByShim(finished, shimError) : finished;
      const retrying = told.status === 'failed' && !isFinal && (await this.#goesOn(task, place));
      if (!retrying && told.status === 'failed' && !isFinal) this.#sayUnrepeated(task, place);
      if (!retrying && told.status !== 'succeeded' && !task.cancel.aborted) await this.#giveUp(task, place);
      return { ...told, retrying };
    } finally {
      if (workspace) await closeWorkspace(workspace);
    }
  }

  /** Takes in tries until one ends by itself. */
  async #untilItEnds(
    task: StepAttempt,
    place: CellPlace,
    how: RunningCommand,
    opened: (workspace: Workspace) => void,
  ): Promise<{ end: AttemptEnd; shimError: string; isFinal?: boolean }> {
    const { step, cell } = task;
    let isStarted = false;
    const onStart = () => {
      if (!isStarted) how.onStart({});
      isStarted = true;
    };
    for (let lost = 0; ; ) {
      const index = this.#taken.get(cell.name) ?? 0;
      const watched = new WatchedTry(this.#run, {
        ...{ task, place, index, how },
        hopeless: () => this.#hopeless.get(step.name),
      });
      const end = await watched.end(onStart);
      const isCanceled = how.cancel.aborted || how.kill.aborted;
      const hasBash = { hasBash: !watched.saidNoBash };
      const failed = (why: Finding) => ({
        end: { status: 'failed' as const, durationMs: 0, problem: why, ...hasBash },
        shimError: '',
      });
      if (end.as === 'troubled') {
        onStart();
        withoutLogs(how.logs);
        // Its pod is waited for, for ever, and with it all that was submitted; what it keeps from running is no better off.
        this.#stuck.add(cell.name);
        this.#hopeless.set(step.name, end.problem);
        if (step.mutex.length > 0 || this.#stuck.size >= task.context.jobs) this.#run.stopSteps();
        return failed(end.problem);
      }
      if (end.as === 'failed') {
        onStart();
        withoutLogs(how.logs);
        this.#taken.set(cell.name, index + 1);
        return { ...failed(end.problem), isFinal: index >= step.retries.max };
      }
      if (end.as !== 'ended') {
        onStart();
        withoutLogs(how.logs);
        const message = end.as === 'left-out' ? this.#disowned : end.as === 'none' ? end.message : undefined;
        if (isCanceled || message === undefined)
          return { end: { status: 'canceled', durationMs: 0 }, shimError: '' };
        return failed(
          lost > 0
            ? lostFor(cell.name, lost, { lost: message })
            : neverRan(this.#run.system, cell.name, message),
        );
      }
      this.#taken.set(cell.name, index + 1);
      const workspace = openEmptyWorkspace(task);
      const { exit } = await collect(
        this.#run.carrier,
        task,
        workspace,
        this.#keep(task, place),
        how.logs,
        accountOf(String(index + 1)),
      );
      const concluded = attemptEnd(exit, end.pod, {
        isCanceled,
        isKilled: how.kill.aborted,
        hasTimeout: step.timeoutMs !== undefined,
      });
      const hasRun = end.pod.exitCode !== undefined;
      const isFinal = this.#run.system.isFinal?.(step, { index, exit, hasRun }) ?? false;
      if (!('lost' in concluded)) {
        onStart();
        opened(workspace);
        if (concluded.status === 'succeeded' && exit?.error === '') this.#compare(cell.name, end.pod);
        return { end: { ...concluded, ...hasBash }, shimError: exit?.error ?? '', isFinal };
      }
      await closeWorkspace(workspace);
      lost++;
      if (!isFinal && (await this.#goesOn(task, place))) {
        this.#run.say(`step ${cell.name} is made again by ${this.#run.system.name}: ${concluded.lost}`);
        continue;
      }
      onStart();
      if (isCanceled) return { end: { status: 'canceled', durationMs: 0 }, shimError: '' };
      return { ...failed(lostFor(cell.name, lost, concluded)), isFinal };
    }
  }

  /** Says it where the pod of what succeeded failed all the same: of what is left out for that nobody else knows why. */
  #compare(step: string, { exitCode = 0, message }: PodEnd): void {
    if (exitCode === 0) return;
    const { name } = this.#run.system;
    const said = message ? `: ${message}` : '';
    const told = `step ${step} succeeded, and ${name} has it as failed, for its pod ended with ${exitCode}${said}`;
    this.#disowned ??= told;
    this.#run.say(told);
  }

  /** Whether a cell is tried again: known when it is. */
  async #goesOn({ cell, cancel }: StepAttempt, place: CellPlace): Promise<boolean> {
    const run = this.#run;
    if (this.#stuck.has(cell.name)) return false;
    const taken = this.#taken.get(cell.name) ?? 0;
    const found = await run.wholes.until(() => {
      const own = cellOf(run, place);
      if (own && own.tries.length > taken) return true;
      return !own || own.isOver || stateOf(run)!.isOver ? false : undefined;
    }, cancel);
    return found ?? false;
  }

  /** Says it where a cell that has failed is not tried as often as it may be. */
  #sayUnrepeated({ step, cell, cancel }: StepAttempt, place: CellPlace): void {
    const { system } = this.#run;
    const tries = cellOf(this.#run, place)?.tries.length ?? 0;
    if (system.repeatsUnless === undefined || cancel.aborted || stateOf(this.#run)?.isShutDown) return;
    if (tries === 0 || tries > step.retries.max) return;
    const more = step.retries.max + 1 - tries;
    this.#run.say(
      `step ${cell.name} may be tried ${more === 1 ? 'once' : `${more} times`} more, and ${system.name} does not: ${system.repeatsUnless}`,
    );
  }

  /** Has the system try a cell no more, of which nobody takes anything in any more: others wait for its end. */
  async #giveUp({ cell }: StepAttempt, place: CellPlace): Promise<void> {
    const { system, cluster, wholes, whole, parts, say } = this.#run;
    const there = wholes.objects.get(whole);
    try {
      if (there) await system.giveUp?.(cluster, there, parts, place);
    } catch (error) {
      if (whyOf(error) !== 'missing') say(`step ${cell.name} is not ended: ${(error as Error).message}`);
    }
  }

  #keep({ step }: StepAttempt, { slot }: CellPlace): string {
    return `${this.#run.names.directory}/${step.name}/${slot}`;
  }
}

function neverRan({ name, advice }: System, step: string, message: string): Finding {
  return {
    code: 'SAME1705',
    message: `step ${step} was not run by ${name}: ${message}`,
    hint: advice,
  };
}
