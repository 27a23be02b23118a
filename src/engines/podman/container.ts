import {
  closeSync,
  dirname,
  ftruncateSync,
  makeDirectories,
  openSync,
  rmSync,
  writeFully,
} from '../../host/files.ts';
import { type ChildProcess, spawn } from '../../host/processes.ts';
import { followLines } from '../attempt/log-lines.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { AttemptEnd } from '../attempt/step-attempt.ts';
import { type Container, containerWords } from './container-words.ts';
import type { Podman } from './podman.ts';
import { RunningContainer, whyNotStarted } from './running-container.ts';

const WATCH_MS = 100;

/** One container to run to its end. */
export interface ContainerInput extends RunningCommand {
  podman: Podman;
  container: Container;
  /** What its command reads on standard input. */
  input?: string;
}

/**
 * Runs one container to its end; its output goes straight to the log files. A timeout, counted from the start of its
 * command, or the first cancel sends TERM to every process in it and KILL after ten seconds. What it leaves running ends
 * with it, for its first process does. The container itself stays until it is removed.
 */
export async function runContainer(input: ContainerInput): Promise<AttemptEnd> {
  const { podman, container, logs } = input;
  makeDirectories(dirname(logs.stdout));
  // Secrets are masked in them when the attempt has ended; until then they are for their owner only.
  const stdout = openSync(logs.stdout, 'w', 0o600);
  const stderr = openSync(logs.stderr, 'w', 0o600);
  const followed = [logs.stdout, logs.stderr].map((path) => followLines(path, input.onLines));
  const stdin = input.input === undefined ? undefined : namelessFile(`${container.pidFile}-in`, input.input);
  const running = new RunningContainer(input);
  let watch: NodeJS.Timeout | undefined;
  try {
    let child: ChildProcess;
    try {
      child = spawn(podman.command, containerWords(container), {
        env: podman.variables,
        // Podman's monitor leaves a file where it stands when memory ran out: not in the caller's folder.
        cwd: dirname(container.pidFile),
        stdio: [stdin ?? 'ignore', stdout, stderr],
        detached: true,
      });
    } catch (error) {
      input.onStart({});
      return { status: 'failed', durationMs: 0, startError: whyNotStarted(error as Error) };
    }
    watch = setInterval(() => {
      running.look();
      for (const log of followed) log.read();
    }, WATCH_MS);
    const code = await running.until(child);
    const end = await running.end(code);
    // What podman or its init say of a command that never ran is no output of it.
    if (end.startError !== undefined) for (const fd of [stdout, stderr]) ftruncateSync(fd, 0);
    return end;
  } finally {
    clearInterval(watch);
    running.dispose();
    for (const log of followed) log.end();
    for (const fd of [stdout, stderr, stdin]) if (fd !== undefined) closeSync(fd);
  }
}

/** A text to be read that no name leads to. A pipe of node's would be a socket, which no shell opens again. */
function namelessFile(path: string, text: string): number {
  const written = openSync(path, 'wx', 0o600);
  try {
    writeFully(written, text);
    return openSync(path, 'r');
  } finally {
    closeSync(written);
    rmSync(path);
  }
}
