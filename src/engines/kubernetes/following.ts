import { sleep } from '../../host/clock.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import { type Cluster, whyOf } from './cluster.ts';
import { unreachable } from './cluster-error.ts';
import { MAIN } from './pod-state.ts';

/** For what was printed last. */
const LAST_WORDS_MS = 2000;
const OF_SHIM = /^same: /;
const NO_BASH = 'same: there is no bash';
const LONGEST_LINE = 65_536;

/** Shows what the container of a step prints while it runs; what is lost of that is in its logs all the same. */
export class Following {
  /** Its shim said that a pipe hides failures. */
  saidNoBash = false;
  readonly #run: { cluster: Cluster; say(line: string): void };
  readonly #cell: string;
  readonly #how: Pick<RunningCommand, 'onLines' | 'kill'>;
  readonly #strange: RegExp;
  readonly #over = new AbortController();
  #following: Promise<void> | undefined;

  /** @param strange lines of others than the step: those of its shim without it */
  constructor(
    run: { cluster: Cluster; say(line: string): void },
    cell: string,
    how: Pick<RunningCommand, 'onLines' | 'kill'>,
    strange = OF_SHIM,
  ) {
    this.#run = run;
    this.#cell = cell;
    this.#how = how;
    this.#strange = strange;
  }

  /** Begins with a pod of which the container has started. */
  begin(pod: string): void {
    this.#following ??= this.#follow(pod);
  }

  /** Ends it, once what was printed last has had a little time to come. */
  async end(): Promise<void> {
    if (this.#following) await Promise.race([this.#following, sleep(LAST_WORDS_MS, this.#how.kill)]);
    this.#over.abort();
    await this.#following;
  }

  async #follow(pod: string): Promise<void> {
    const { signal } = this.#over;
    let rest = '';
    try {
      const log = await this.#run.cluster.logs(pod, { container: MAIN, follow: true, signal });
      log.setEncoding('utf8');
      for await (const chunk of log) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!.slice(-LONGEST_LINE);
        this.#tell(lines);
      }
    } catch (error) {
      if (whyOf(error) !== 'missing' && !signal.aborted) {
        const { message } = whyOf(error) ? (error as Error) : unreachable(this.#run.cluster.server, error);
        const why = message.replace(/^SAME\d+ /, '');
        this.#run.say(`what step ${this.#cell} prints is not shown any more, but kept: ${why}`);
      }
    }
    if (rest !== '') this.#tell([rest]);
  }

  #tell(lines: string[]): void {
    if (lines.some((line) => line.startsWith(NO_BASH))) this.saidNoBash = true;
    const shown = lines.filter((line) => !this.#strange.test(line));
    if (shown.length > 0) this.#how.onLines(shown);
  }
}
