import { randomBytes } from 'node:crypto';
import { openHttpServer } from '../../host/http-server.ts';
import { listenOnLoopback } from '../../host/listener.ts';
import { answerRequest } from './endpoint.ts';
import type { History } from './history.ts';
import { historyArtifacts } from './history-artifacts.ts';
import { historyRoutes } from './history-routes.ts';

/** A history that MLflow's clients can read. */
export interface ServedHistory {
  /** What they are given as tracking URI. */
  uri: string;
  close(): void;
}

const TOKEN_BYTES = 16;
const API = /^\/(?:ajax-)?api\/[23]\.0\//;

/**
 * Answers MLflow's protocol from a history, for reading only, to whoever on this machine knows the path.
 * @param port 0 for one that is free
 * @throws the system's error, such as EADDRINUSE
 */
export async function serveHistory(history: History, port: number): Promise<ServedHistory> {
  const artifacts = historyArtifacts(history);
  const routes = historyRoutes(history, artifacts);
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const server = openHttpServer(async (request) => {
    // Not a word to whoever guesses.
    if (request.path !== `/${token}` && !request.path.startsWith(`/${token}/`)) return { status: 404 };
    const path = request.path.slice(token.length + 1) || '/';
    const answer = await answerRequest(request, path, routes, artifacts);
    if (answer.status !== 404 || request.method === 'GET' || !API.test(path)) return answer;
    const body = JSON.stringify({
      error_code: 'PERMISSION_DENIED',
      message: 'this history can only be read',
    });
    return { status: 403, type: 'application/json', body };
  });
  const listener = await listenOnLoopback(async (socket) => server.take(socket), port);
  return { uri: `http://127.0.0.1:${listener.port}/${token}`, close: listener.close };
}
