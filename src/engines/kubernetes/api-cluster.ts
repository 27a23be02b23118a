import { SameError } from '../../errors/same-error.ts';
import {
  type Answer,
  type KubernetesPlace,
  type KubernetesWire,
  NoCluster,
  openKubernetesWire,
} from '../../host/kubernetes-wire.ts';
import { ApiRequests } from './api-requests.ts';
import {
  type Change,
  type Cluster,
  type Kind,
  PODS,
  type Selection,
  type StoredObject,
  whyOf,
} from './cluster.ts';
import { type ApiStatus, brokenWatch } from './cluster-error.ts';
import type { ClusterObject } from './compilation.ts';

const PAGE = 500;
/** The server ends a watch after this, so that a connection that died silently is noticed. */
const WATCH_SECONDS = 240;

/**
 * Opens the API that a kubeconfig names; nothing is asked yet.
 * @throws SAME1702 there is none
 */
export async function openApiCluster(place: KubernetesPlace): Promise<Cluster> {
  let wire: KubernetesWire;
  try {
    wire = await openKubernetesWire(place);
  } catch (error) {
    if (!(error instanceof NoCluster)) throw error;
    throw new SameError({
      code: 'SAME1702',
      message: `no cluster can be asked: ${error.message}`,
      hint: 'kubectl config view shows what is configured; KUBECONFIG names another file',
    });
  }
  return new ApiCluster(wire);
}

class ApiCluster implements Cluster {
  readonly #requests: ApiRequests;
  readonly #wire: KubernetesWire;
  readonly context: string;
  readonly namespace: string;
  readonly server: string;

  constructor(wire: KubernetesWire) {
    this.#wire = wire;
    this.#requests = new ApiRequests(wire);
    ({ context: this.context, namespace: this.namespace, server: this.server } = wire);
  }

  async ask(path: string): Promise<Record<string, unknown> | undefined> {
    return orMissing(this.#requests.json<Record<string, unknown>>({ what: `show ${path}`, path }));
  }

  post(path: string, body: ClusterObject): Promise<Record<string, unknown>> {
    return this.#requests.json({ what: `take what is sent to ${path}`, method: 'POST', path, body });
  }

  async get(kind: Kind, name: string): Promise<StoredObject | undefined> {
    const path = this.#pathOf(kind, name);
    return orMissing(this.#requests.json<StoredObject>({ what: this.#saying('show', kind, name), path }));
  }

  async list(kind: Kind, { labels, fields }: Selection = {}) {
    const items: StoredObject[] = [];
    for (let from: string | undefined; ; ) {
      const page = await this.#requests.json<{
        items: StoredObject[];
        metadata: { resourceVersion: string; continue?: string };
      }>({
        what: this.#saying('list', kind),
        path: this.#pathOf(kind),
        query: { labelSelector: labels, fieldSelector: fields, limit: String(PAGE), continue: from },
      });
      items.push(...page.items);
      from = page.metadata.continue;
      if (!from) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  create(kind: Kind, object: ClusterObject): Promise<StoredObject> {
    const { name } = (object.metadata ?? {}) as { name?: string };
    return this.#requests.json({
      what: this.#saying('create', kind, name),
      method: 'POST',
      path: this.#pathOf(kind),
      // A field that the API does not know would be left out without a word.
      query: { fieldValidation: 'Strict' },
      body: object,
    });
  }

  patch(kind: Kind, name: string, changes: ClusterObject): Promise<StoredObject> {
    return this.#requests.json({
      what: this.#saying('change', kind, name),
      method: 'PATCH',
      path: this.#pathOf(kind, name),
      body: changes,
      type: 'application/merge-patch+json',
    });
  }

  async delete(
    kind: Kind,
    name: string,
    {
      propagation,
      graceSeconds,
      uid,
    }: { propagation?: 'Foreground' | 'Background'; graceSeconds?: number; uid?: string } = {},
  ): Promise<boolean> {
    const found = await orMissing(
      this.#requests.json({
        what: this.#saying('delete', kind, name),
        method: 'DELETE',
        path: this.#pathOf(kind, name),
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          // Without it the API leaves the pods of a Job behind.
          propagationPolicy: propagation ?? 'Background',
          ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
          ...(uid === undefined ? {} : { preconditions: { uid } }),
        },
      }),
    );
    return found !== undefined;
  }

  async *watch(
    kind: Kind,
    { labels, fields, resourceVersion }: Selection & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<Change, void, undefined> {
    const what = this.#saying('watch', kind);
    const response = await this.#requests.send({
      what,
      path: this.#pathOf(kind),
      query: {
        watch: 'true',
        labelSelector: labels,
        fieldSelector: fields,
        resourceVersion,
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(WATCH_SECONDS),
      },
      signal,
    });
    let rest = '';
    const silence = setTimeout(
      () => response.destroy(new Error('nothing came')),
      (WATCH_SECONDS + 30) * 1000,
    );
    try {
      response.setEncoding('utf8');
      for await (const chunk of response) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          const change = JSON.parse(line) as Change | { type: 'ERROR'; object: ApiStatus };
          if (change.type === 'ERROR') throw brokenWatch(what, change.object as ApiStatus);
          yield change as Change;
        }
      }
    } catch (error) {
      throw this.#requests.broken(error, signal);
    } finally {
      clearTimeout(silence);
      response.destroy();
    }
  }

  logs(
    pod: string,
    {
      container,
      follow,
      since,
      signal,
    }: { container: string; follow?: boolean; since?: string; signal?: AbortSignal },
  ): Promise<Answer> {
    return this.#requests.send({
      what: this.#saying('show the log of', PODS, pod),
      path: `${this.#pathOf(PODS, pod)}/log`,
      query: { container, ...(follow ? { follow: 'true' } : {}), sinceTime: since },
      signal,
    });
  }

  async exec(pod: string, execution: Parameters<Cluster['exec']>[1]) {
    const query = new URLSearchParams({ container: execution.container, stdout: 'true', stderr: 'true' });
    if (execution.input) query.set('stdin', 'true');
    for (const word of execution.command) query.append('command', word);
    const path = `${this.#pathOf(PODS, pod)}/exec?${query}`;
    const what = this.#saying('run a command in', PODS, pod);
    return this.#requests.run(what, path, execution);
  }

  close(): void {
    this.#wire.close();
  }

  #pathOf({ apiVersion, plural, isClusterWide }: Kind, name?: string): string {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = isClusterWide ? '' : `/namespaces/${encodeURIComponent(this.namespace)}`;
    return `${root}${within}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }

  #saying(verb: string, { plural, isClusterWide }: Kind, name?: string): string {
    const which = name === undefined ? plural : `${plural} ${name}`;
    return `${verb} ${which}${isClusterWide ? '' : ` in namespace ${this.namespace}`}`;
  }
}

async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (whyOf(error) === 'missing') return undefined;
    throw error;
  }
}
