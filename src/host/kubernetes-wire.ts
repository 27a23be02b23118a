import { existsSync } from 'node:fs';
import type { Agent, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { WebSocket } from 'ws';

/** Which cluster is meant, and by whose kubeconfig. */
export interface KubernetesPlace {
  /** The caller's environment: `KUBECONFIG`, `HOME`. */
  variables: Record<string, string | undefined>;
  /** Name of a context; the current one without it. */
  context?: string;
  /** Another namespace than the context's. */
  namespace?: string;
}

/** An answer whose head is there. */
export type Answer = IncomingMessage;

/** Connections to the API of one cluster, with the login of a kubeconfig. */
export interface KubernetesWire {
  context: string;
  namespace: string;
  /** URL of the API. */
  server: string;
  /** One exchange; nothing is tried again. The answer has to be read to its end or destroyed. @throws what node says */
  send(request: {
    method: string;
    path: string;
    body?: string;
    headers?: Record<string, string>;
    signal?: AbortSignal;
    /** How long it may take until the answer begins. */
    timeoutMs: number;
  }): Promise<Answer>;
  /** A WebSocket that is open, and paused until somebody listens and resumes it. @throws what node says; for an answer that is none of a socket, that answer */
  open(path: string, protocols: string[], signal?: AbortSignal): Promise<WebSocket>;
  close(): void;
}

/** There is no kubeconfig that names a cluster, or it cannot be read: its message is for people. */
export class NoCluster extends Error {}

const IN_CLUSTER = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Reads the kubeconfig; connects to nothing yet. @throws NoCluster */
export async function openKubernetesWire(place: KubernetesPlace): Promise<KubernetesWire> {
  const config = await readConfig(place);
  const cluster = config.getCurrentCluster()!;
  const agents = new Set<Agent>();

  async function options(): Promise<RequestOptions & { agent: Agent & { keepAlive: boolean } }> {
    const made: RequestOptions = {};
    // Asked for each time: a token may have run out since.
    await config.applyToHTTPSOptions(made);
    const agent = made.agent as Agent & { keepAlive: boolean };
    agent.keepAlive = true;
    agents.add(agent);
    return { ...made, agent };
  }

  const urlOf = (path: string) => new URL(`${cluster.server.replace(/\/+$/, '')}${path}`);

  return {
    context: config.getCurrentContext(),
    namespace: place.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    server: cluster.server,
    async send({ method, path, body, headers, signal, timeoutMs }) {
      const url = urlOf(path);
      const { headers: login, ...login_ } = await options();
      const { request: start } =
        url.protocol === 'https:' ? await import('node:https') : await import('node:http');
      return new Promise((done, fail) => {
        const request = start(url, {
          ...login_,
          method,
          signal,
          headers: {
            accept: 'application/json',
            'user-agent': 'same',
            ...(login as Record<string, string> | undefined),
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
            ...headers,
          },
        });
        const patience = setTimeout(
          () => request.destroy(new Error(`no answer for ${timeoutMs / 1000} s`)),
          timeoutMs,
        );
        request.on('socket', (socket) => socket.setKeepAlive(true, 30_000));
        request.on('response', (response) => {
          clearTimeout(patience);
          done(response);
        });
        request.on('error', (error) => {
          clearTimeout(patience);
          fail(error);
        });
        request.end(body);
      });
    },
    async open(path, protocols, signal) {
      const { WebSocket } = await import('ws');
      const url = urlOf(path);
      url.protocol = url.protocol.replace('http', 'ws');
      const { headers, ...rest } = await options();
      // What was said before somebody listens below.
      signal?.throwIfAborted();
      const socket = new WebSocket(url, protocols, {
        ...rest,
        headers: headers as Record<string, string> | undefined,
        handshakeTimeout: 30_000,
        perMessageDeflate: false,
      } as ConstructorParameters<typeof WebSocket>[2]);
      return new Promise((done, fail) => {
        const stop = () => socket.terminate();
        signal?.addEventListener('abort', stop, { once: true });
        socket.once('open', () => {
          // What comes with the first answer would be told before anybody listens.
          socket.pause();
          done(socket);
        });
        socket.once('unexpected-response', (_, response) => fail(response));
        socket.on('error', fail);
        socket.once('close', () => signal?.removeEventListener('abort', stop));
      });
    },
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

async function readConfig({ variables, context }: KubernetesPlace): Promise<KubeConfig> {
  // What the library has for every kind of object weighs more than all the rest of it, and is not used.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config: KubeConfig = new KubeConfig();
  const named = (variables.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  const usual = join(variables.HOME ?? '', '.kube', 'config');
  const files = named.length > 0 ? named : existsSync(usual) ? [usual] : [];
  try {
    if (files.length === 0 && existsSync(IN_CLUSTER)) config.loadFromCluster();
    else if (files.length === 0) throw new Error(`there is no ${usual}, and KUBECONFIG is not set`);
    const [first, ...others] = files;
    if (first !== undefined) config.loadFromFile(first);
    for (const path of others) {
      const next: KubeConfig = new KubeConfig();
      next.loadFromFile(path);
      config.mergeConfig(next, true);
    }
  } catch (error) {
    throw new NoCluster((error as Error).message);
  }
  if (context !== undefined) config.setCurrentContext(context);
  const current = config.getCurrentContext();
  if (!current) throw new NoCluster('no context is current: kubectl config use-context NAME');
  if (!config.getContextObject(current)) {
    const known = config.getContexts().map(({ name }) => name);
    throw new NoCluster(`there is no context "${current}" (known: ${known.join(', ') || 'none'})`);
  }
  if (!config.getCurrentCluster()) throw new NoCluster(`context "${current}" names no cluster that is there`);
  return config;
}
