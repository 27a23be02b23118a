import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

/** The tracking server of MLflow itself, with a database and files below a directory. */
export interface MlflowServer {
  address: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs a program of MLflow's own client against it. @returns what it printed, as JSON */
  // biome-ignore lint/suspicious/noExplicitAny: what it prints has any shape
  client(program: string): Promise<any>;
}

const START_MS = 120_000;
const QUIET = { DO_NOT_TRACK: '1', MLFLOW_DISABLE_TELEMETRY: 'true' };

/** Starts nothing yet. @param python one that has the server */
export async function mlflowServer(python: string, directory: string): Promise<MlflowServer> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  return {
    address,
    async start() {
      const log = openSync(join(directory, 'mlflow.log'), 'a');
      const words = [
        ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
        ['--backend-store-uri', `sqlite:///${join(directory, 'mlflow.db')}`],
        ['--artifacts-destination', join(directory, 'files')],
      ].flat();
      // A group of its own: it starts others.
      child = spawn(python, words, {
        cwd: directory,
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...QUIET, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
      });
      for (const until = Date.now() + START_MS; ; await pause(200)) {
        const answer = await fetch(`${address}/health`).catch(() => undefined);
        if (answer?.ok) return;
        if (child.exitCode !== null || Date.now() > until)
          throw new Error(`the tracking server does not start: see ${directory}/mlflow.log`);
      }
    },
    async stop() {
      const pid = child?.pid;
      if (!child || pid === undefined || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      process.kill(-pid, 'SIGKILL');
      await ended;
    },
    async client(program) {
      const { stdout } = await promisify(execFile)(python, ['-c', program, address], {
        env: { ...process.env, ...QUIET },
        timeout: 120_000,
        maxBuffer: 64 * 1024 * 1024,
      });
      return JSON.parse(stdout);
    },
  };
}
