import { SameError } from '../../errors/same-error.ts';
import type { Answer, KubernetesWire } from '../../host/kubernetes-wire.ts';
import type { Execution } from './cluster.ts';
import { refusedByCluster, unreachable } from './cluster-error.ts';
import type { ClusterObject } from './compilation.ts';
import { execute } from './execution.ts';

/** How long an answer may take to begin, and to go on. */
const ANSWER_MS = 60_000;

/** What is asked of an API. */
export interface Asked {
  /** What is asked, for messages: `create jobs in namespace team`. */
  what: string;
  method?: string;
  path: string;
  query?: Record<string, string | undefined>;
  body?: ClusterObject;
  type?: string;
  signal?: AbortSignal;
}

/** Asks an API, and says in words of ours what is in the way. */
export class ApiRequests {
  readonly #wire: KubernetesWire;

  constructor(wire: KubernetesWire) {
    this.#wire = wire;
  }

  /** @returns what the answer of a success says @throws what is in the way, as a cluster error or SAME1903 */
  async json<T>(asked: Asked): Promise<T> {
    const response = await this.send(asked);
    try {
      return JSON.parse(await textOf(response)) as T;
    } catch (error) {
      throw this.broken(error, asked.signal);
    }
  }

  /** @returns the answer of a success, which has only begun */
  async send({ what, method = 'GET', path, query, body, type, signal }: Asked): Promise<Answer> {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) words.set(name, value);
    let response: Answer;
    let text: string;
    try {
      response = await this.#wire.send({
        method,
        path: words.size === 0 ? path : `${path}?${words}`,
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(type ? { headers: { 'content-type': type } } : {}),
        ...(signal ? { signal } : {}),
        timeoutMs: ANSWER_MS,
      });
      if (response.statusCode! < 300) return response;
      text = await textOf(response);
    } catch (error) {
      throw this.broken(error, signal);
    }
    throw refusedByCluster(what, response.statusCode!, text);
  }

  /** What broke an answer, as it is told. */
  broken(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof SameError) return error;
    if (signal?.aborted) return new SameError({ code: 'SAME1903', message: 'interrupted' }, { cause: error });
    return unreachable(this.#wire.server, error);
  }

  /** Runs a command where a path of the API does that. */
  async run(what: string, path: string, execution: Execution): Promise<{ exitCode: number; stderr: string }> {
    try {
      return await execute((protocols) => this.#wire.open(path, protocols, execution.signal), execution);
    } catch (error) {
      if (isResponse(error))
        throw refusedByCluster(what, error.statusCode ?? 0, await textOf(error).catch(() => ''));
      throw this.broken(error, execution.signal);
    }
  }
}

function isResponse(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'statusCode' in value;
}

/** @throws an error where nothing more of it comes for as long as an answer may take to begin */
async function textOf(response: Answer): Promise<string> {
  const chunks: Buffer[] = [];
  const late = setTimeout(
    () => response.destroy(new Error(`nothing more of an answer for ${ANSWER_MS / 1000} s`)),
    ANSWER_MS,
  );
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      late.refresh();
    }
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString('utf8');
}
