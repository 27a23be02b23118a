import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const START_MS = 60_000;
const RUN_MS = 300_000;

/** Kubeflow's own SDK, which loads pipelines and runs them in containers of this machine. */
export interface LocalKubeflow {
  /** Runs a program of the SDK with words. @returns what it printed, as JSON */
  // biome-ignore lint/suspicious/noExplicitAny: what it prints has any shape
  program(text: string, ...words: string[]): Promise<any>;
  /**
   * Runs a pipeline by `kfp.local`.
   * @param variables that every container gets, as a cluster adds some
   * @returns whether it succeeded, what it printed, and the directory in which its tasks left their artifacts
   */
  run(
    pipeline: string,
    variables?: Record<string, string>,
  ): Promise<{ succeeded: boolean; printed: string; artifacts: string }>;
  stop(): Promise<void>;
}

/**
 * Starts the API of podman, which Kubeflow takes for docker's.
 * @param python one that has the SDK
 */
export async function localKubeflow(python: string, directory: string): Promise<LocalKubeflow> {
  const socket = join(directory, 'podman.sock');
  const log = join(directory, 'podman.log');
  const child = spawn('sh', ['-c', `exec podman system service --time=0 unix://${socket} >"${log}" 2>&1`], {
    stdio: 'ignore',
    env: { ...process.env, CONTAINERS_CONF: withLimits(directory) },
  });
  for (const until = Date.now() + START_MS; !existsSync(socket); await pause(50))
    if (child.exitCode !== null || Date.now() > until)
      throw new Error(`no API: ${readFileSync(log, 'utf8')}`);
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, PYTHONWARNINGS: 'ignore', NO_COLOR: '1' };
  const asked = (text: string, words: string[]) =>
    promisify(execFile)(python, ['-c', text, ...words], {
      env,
      timeout: RUN_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
  return {
    async program(text, ...words) {
      return JSON.parse((await asked(text, words)).stdout);
    },
    async run(pipeline, variables = {}) {
      const artifacts = `${pipeline}.artifacts`;
      const ended = await asked(RUNNER, [pipeline, artifacts, JSON.stringify(variables)]).then(
        ({ stdout, stderr }) => ({ succeeded: true, printed: stdout + stderr }),
        ({ stdout, stderr }: { stdout: string; stderr: string }) => ({
          succeeded: false,
          printed: `${stdout}${stderr}`,
        }),
      );
      return { ...ended, artifacts };
    },
    stop: () => ended(child),
  };
}

// What has ended is forgotten by podman before Kubeflow asks how: here it is kept until the end. And a log that is followed
// while its container ends may never end itself (seen with podman 4.3): here it is read afterwards.
const RUNNER = `
import atexit, json, sys
import kfp
from kfp import local
from docker.models.containers import ContainerCollection

run = ContainerCollection.run

def kept(self, *words, auto_remove, **options):
    container = run(self, *words, **options)
    atexit.register(container.remove, force=True)
    container.wait()
    return container

ContainerCollection.run = kept
pipeline, artifacts, variables = sys.argv[1:]
local.init(runner=local.DockerRunner(environment=json.loads(variables)), pipeline_root=artifacts)
kfp.components.load_component_from_file(pipeline)()
`;

/** The tests' own configuration of podman, with limits that not only who may raise them can give to containers. */
function withLimits(directory: string): string {
  const files = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  const file = join(directory, 'containers.conf');
  const limits = `\n[containers]\ndefault_ulimits = ["nofile=${files}:${files}", "nproc=4096:4096"]\n`;
  writeFileSync(file, readFileSync(join(import.meta.dirname, 'containers.conf'), 'utf8') + limits);
  return file;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}
