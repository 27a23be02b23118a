import { StringDecoder } from 'node:string_decoder';
import { sleep } from '../../host/clock.ts';
import { statSync } from '../../host/files.ts';
import { followLines } from '../attempt/log-lines.ts';
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
  readonly #container: string;
  readonly #strange: RegExp;
  readonly #over = new AbortController();
  #following: Promise<void> | undefined;
  /** Bytes of the step that have come. */
  #bytes = 0;
  /** How many are to come; known when it has ended. */
  #wanted: { bytes: number; come(): void } | undefined;

  /** @param of its container, and lines there of others than the step: those of its shim without it */
  constructor(
    run: { cluster: Cluster; say(line: string): void },
    cell: string,
    how: Pick<RunningCommand, 'onLines' | 'kill'>,
    { container, strange }: { container: string; strange: RegExp } = { container: MAIN, strange: OF_SHIM },
  ) {
    this.#run = run;
    this.#cell = cell;
    this.#how = how;
    this.#container = container;
    this.#strange = strange;
  }

  /** Begins with a pod of which the container has started. */
  begin(pod: string): void {
    this.#following ??= this.#follow(pod);
  }

  /**
   * Ends it, once what was printed last has had a little time to come: no more than it takes where that is known.
   * @param logs everything that was printed, which is shown from there where following has not begun
   */
  async end(logs?: readonly string[]): Promise<void> {
    if (this.#following) {
      const all = logs && this.#come(logs.reduce((sum, path) => sum + statSync(path).size, 0));
      const late = sleep(LAST_WORDS_MS, AbortSignal.any([this.#how.kill, this.#over.signal]));
      await Promise.race([this.#following, late, ...(all ? [all] : [])]);
    } else for (const path of logs ?? []) followLines(path, (lines) => this.#tell(lines)).end();
    this.#over.abort();
    await this.#following;
  }

  async #follow(pod: string): Promise<void> {
    const { signal } = this.#over;
    const decoder = new StringDecoder('utf8');
    let rest = '';
    try {
      const log = await this.#run.cluster.logs(pod, { container: this.#container, follow: true, signal });
      for await (const chunk of log) {
        const lines = (rest + decoder.write(chunk)).split('\n');
        rest = lines.pop()!.slice(-LONGEST_LINE);
        const strange = this.#tell(lines);
        this.#bytes += chunk.length - strange;
        if (this.#wanted && this.#bytes >= this.#wanted.bytes) this.#wanted.come();
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

  #come(bytes: number): Promise<void> {
    return new Promise((come) => {
      this.#wanted = { bytes, come };
      if (this.#bytes >= bytes) come();
    });
  }

  /** @returns how many bytes are not shown */
  #tell(lines: string[]): number {
    if (lines.some((line) => line.startsWith(NO_BASH))) this.saidNoBash = true;
    const { shown = [], strange = [] } = Object.groupBy(lines, (line) =>
      this.#strange.test(line) ? 'strange' : 'shown',
    );
    if (shown.length > 0) this.#how.onLines(shown);
    return strange.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  }
}
