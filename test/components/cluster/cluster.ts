import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../facts.ts';
import { clusterParts } from '../installed.ts';
import { ADDRESS, configuration, kubeconfig, NODE } from './configuration.ts';
import { busyboxImage, type ImageArchive, pauseImage } from './images.ts';

/** Parts of a cluster that can be stopped. */
export type ClusterPart = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet';

/** A real Kubernetes of one node on this machine, in network, mount and process namespaces of its own. */
export interface Cluster {
  /** Where its logs and certificates are; gone when it is. */
  directory: string;
  /** The kubeconfig of an administrator, for any process of this machine. */
  kubeconfig: string;
  /** busybox, by its digest. */
  busybox: string;
  /** Asks kubectl, as the administrator unless told otherwise. @returns what it prints */
  kubectl(words: string[], options?: { input?: string; kubeconfig?: string }): Promise<string>;
  /** Gives the node an image, for there is no registry. @returns its name by digest: `NAME@sha256:…` */
  addImage(image: ImageArchive): string;
  /** Kills a part, as a crash would. */
  stop(part: ClusterPart): Promise<void>;
  /** Starts a part that was stopped. Resolves when the API answers. */
  start(part: ClusterPart): Promise<void>;
  /** Ends it; nothing of it is left. */
  dispose(): Promise<void>;
}

const UP_MS = 240_000;
const DOWN_MS = 60_000;
const ANSWER_MS = 60_000;

/**
 * The cluster that the tests of this process use: the one of SAME_TEST_CLUSTER, its directory, where there is one, and one
 * of their own otherwise.
 */
export async function openCluster(): Promise<Cluster> {
  const directory = process.env.SAME_TEST_CLUSTER;
  return directory ? { ...clusterIn(directory), dispose: async () => {} } : await startCluster();
}

/** Starts a cluster. Resolves when its node is ready; it ends with this process, however that ends. */
export async function startCluster(
  directory = mkdtempSync(join(tmpdir(), 'same-cluster-')),
): Promise<Cluster> {
  const at = (name: string): string => join(directory, name);
  const cgroup = basename(directory);
  for (const name of ['log', 'cni', 'volatile', 'volumes']) mkdirSync(at(name), { recursive: true });
  execFileSync('sh', [join(import.meta.dirname, 'certificates.sh'), at('pki'), NODE, ADDRESS], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for (const [name, text] of Object.entries(configuration(directory, cgroup))) writeFileSync(at(name), text);
  const keeper = spawn(
    'sh',
    [join(import.meta.dirname, 'keeper.sh'), kube(), directory, NODE, ADDRESS, cgroup],
    // Of its own session, so that it outlives what ends its starter, and ends after it.
    { detached: true, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  const ended = once(keeper, 'exit');
  keeper.stdin.on('error', () => {});
  // What keeps nobody waiting: the pipe closes with this process.
  keeper.unref();
  (keeper.stdin as unknown as { unref(): void }).unref();
  const dispose = async (): Promise<void> => {
    keeper.ref();
    keeper.stdin.end();
    const late = setTimeout(() => keeper.kill('SIGKILL'), DOWN_MS);
    await ended;
    clearTimeout(late);
  };
  try {
    const listening = / listening on AF=2 127\.0\.0\.1:(\d+)/;
    const port = (): string | undefined => listening.exec(textOf(at('log/port.log')))?.[1];
    await until('the port of the cluster listens', () => port() !== undefined);
    writeFileSync(at('kubeconfig'), kubeconfig(directory, 'admin', `https://127.0.0.1:${port()}`));
    await until('containerd listens', () => existsSync(at('containerd.sock')), UP_MS);
    const cluster = clusterIn(directory);
    cluster.addImage(pauseImage());
    writeFileSync(at('busybox'), cluster.addImage(busyboxImage()));
    const deadline = Date.now() + UP_MS;
    for (const words of [
      ['get', '--raw', '/readyz'],
      ['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=60s'],
      ['get', 'serviceaccount', 'default'],
    ])
      await retried(() => cluster.kubectl(words), deadline);
    return { ...cluster, busybox: textOf(at('busybox')), dispose };
  } catch (error) {
    const told = ['init', 'kube-apiserver', 'kubelet', 'containerd']
      .map(
        (part) =>
          `--- ${part}\n${textOf(at(`log/${part}.log`))
            .split('\n')
            .slice(-8)
            .join('\n')}`,
      )
      .join('\n');
    await dispose();
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`the cluster did not come up: ${(error as Error).message}\n${told}`);
  }
}

function clusterIn(directory: string): Omit<Cluster, 'dispose'> {
  const own = join(directory, 'kubeconfig');
  const kubectl: Cluster['kubectl'] = async (words, options = {}) => {
    const asked = promisify(execFile)(
      kube(),
      ['kubectl', `--kubeconfig=${options.kubeconfig ?? own}`, ...words],
      { timeout: ANSWER_MS + 60_000, maxBuffer: 2 ** 28, env: { PATH: process.env.PATH, HOME: directory } },
    );
    asked.child.stdin?.on('error', () => {}).end(options.input);
    return (await asked).stdout.trim();
  };
  const ask = (verb: string, part: ClusterPart): void => {
    // Fails instead of waiting where nobody reads any more.
    const pipe = openSync(join(directory, 'control'), constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(pipe, `${verb} ${part}\n`);
    closeSync(pipe);
  };
  const answers = async (): Promise<boolean> => {
    try {
      return (await kubectl(['get', '--raw', '/readyz', '--request-timeout=5s'])) === 'ok';
    } catch {
      return false;
    }
  };
  return {
    directory,
    kubeconfig: own,
    busybox: textOf(join(directory, 'busybox')),
    kubectl,
    addImage({ reference, archive }) {
      // A file, not a pipe: ctr leaves what pads the archive unread, and whoever still writes it then fails with EPIPE.
      const given = mkdtempSync(join(directory, 'image-'));
      try {
        const file = join(given, 'image.tar');
        writeFileSync(file, archive);
        const words = ['-a', join(directory, 'containerd.sock'), '-n', 'k8s.io', 'images', 'import', file];
        execFileSync('ctr', words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: ANSWER_MS });
      } finally {
        rmSync(given, { recursive: true, force: true });
      }
      return reference;
    },
    async stop(part) {
      ask('stop', part);
      if (part === 'kube-apiserver')
        await until('the API is gone', async () => !(await answers()), ANSWER_MS);
    },
    async start(part) {
      ask('start', part);
      await until('the API answers', answers, ANSWER_MS);
    },
  };
}

function kube(): string {
  const parts = clusterParts();
  if (parts === undefined) throw new Error('there is no Kubernetes: sh scripts/install.sh --cluster');
  return join(parts, 'kube');
}

/** Does again what fails, until a time that is as `Date.now` says it: an API that has just come up answers in parts. */
export async function retried(work: () => Promise<unknown>, deadline: number): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 300));
    }
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
