import type { Artifact } from '../../engines/engine.ts';
import type { IntakeRequest, LoggedReading } from '../../engines/intake.ts';
import { type Answer, openHttpServer, type Request, type Socket } from '../../host/http-server.ts';
import { artifactPlace, encodedPlace, placeAnswer } from './artifact-places.ts';
import { AttemptLog } from './attempt-log.ts';
import { type ArtifactService, answerRequest } from './endpoint.ts';
import { storeLog } from './logged-reading.ts';
import { modelRoutes } from './model-routes.ts';
import { Refusal } from './refusal.ts';
import type { Routes } from './routes.ts';
import { runRoutes } from './run-routes.ts';

/** Connections of one attempt at a time. */
const MOST_CONNECTIONS = 128;

/** What the intake needs of the content store. */
export interface StoredContent {
  write(bytes: Uint8Array): Promise<Artifact>;
  ingest(chunks: AsyncIterable<Uint8Array>): Promise<Artifact>;
  adopt(path: string): Promise<Artifact>;
  reread(digest: string): Promise<AsyncIterable<Uint8Array>>;
}

/** An attempt that may log, and once it did, what. */
export interface OpenAttempt {
  request: IntakeRequest;
  /** Takes nothing more. @returns what stores it, told whether the step succeeded */
  end?(): (hasSucceeded: boolean) => Promise<LoggedReading>;
}

/** What takes connections of steps. */
export interface IntakeServer {
  take(socket: Socket): void;
}

/** Speaks MLflow's protocol with the attempts that are open, each at the path that its token is. */
export function openIntakeServer(
  open: ReadonlyMap<string, OpenAttempt>,
  content: StoredContent,
): IntakeServer {
  const logs = new WeakMap<OpenAttempt, AttemptEndpoint>();
  return openHttpServer(async (request, socket): Promise<Answer> => {
    const [, token = '', path = '/'] = /^\/([0-9a-f]{32})(\/.*)?$/.exec(request.path) ?? [];
    const attempt = open.get(token);
    // Not a word to whoever guesses.
    if (!attempt) return { status: 404 };
    let endpoint = logs.get(attempt);
    if (!endpoint) {
      endpoint = new AttemptEndpoint(attempt, content);
      logs.set(attempt, endpoint);
    }
    return endpoint.answer(request, path, socket);
  });
}

class AttemptEndpoint {
  readonly #log: AttemptLog;
  readonly #routes: Routes;
  readonly #content: StoredContent;
  readonly #sockets = new Set<Socket>();
  readonly #pending = new Set<Promise<Answer>>();

  constructor(attempt: OpenAttempt, content: StoredContent) {
    this.#log = new AttemptLog(attempt.request);
    this.#content = content;
    this.#routes = { ...runRoutes(this.#log), ...modelRoutes(this.#log) };
    attempt.end = () => {
      for (const socket of this.#sockets) socket.destroy();
      return async (hasSucceeded) => {
        await Promise.allSettled(this.#pending);
        return storeLog(this.#log, attempt.request, content, hasSucceeded);
      };
    };
  }

  async answer(request: Request, path: string, socket: Socket): Promise<Answer> {
    if (!this.#sockets.has(socket)) {
      if (this.#sockets.size >= MOST_CONNECTIONS)
        return { status: 429, headers: { connection: 'close', 'retry-after': '1' } };
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    const pending = answerRequest(request, path, this.#routes, this.#artifacts);
    this.#pending.add(pending);
    try {
      return await pending;
    } finally {
      this.#pending.delete(pending);
    }
  }

  readonly #artifacts: ArtifactService = {
    list: (path) => placeAnswer(artifactPlace(this.#log, path)),
    read: async (path) => {
      const { run, segments } = encodedPlace(this.#log, path);
      const blob = run.artifacts.get(segments.join('/'));
      if (!blob)
        throw new Refusal(
          'RESOURCE_DOES_NOT_EXIST',
          `the run has no artifact ${JSON.stringify(segments.join('/'))}`,
        );
      return {
        status: 200,
        type: 'application/octet-stream',
        headers: { 'content-length': String(blob.sizeBytes) },
        body: await this.#content.reread(blob.digest),
      };
    },
    write: async (path, body) => {
      const { run, segments } = encodedPlace(this.#log, path);
      const { digest, sizeBytes } = await this.#content.ingest(body);
      run.setArtifact(segments, { digest, sizeBytes });
    },
    remove: (path) => {
      const { run, segments } = encodedPlace(this.#log, path);
      run.removeArtifacts(segments.join('/'));
    },
  };
}
