import type { Answer, Request } from '../../host/http-server.ts';
import { isJsonObject, type JsonObject } from '../../program/json.ts';
import { Refusal, statuses } from './refusal.ts';
import { apiPath, findRoute, type Routes } from './routes.ts';

/** Bytes of a request but an artifact's. */
const BODY_BYTES = 32 * 1024 * 1024;

/** The files behind the protocol's artifact service. */
export interface ArtifactService {
  /** @param path as it stands in the URL */
  read(path: string): Promise<Answer>;
  list(path: string): JsonObject | Promise<JsonObject>;
  /** Where they can only be read there is none. */
  write?(path: string, body: AsyncIterable<Uint8Array>): Promise<void>;
  remove?(path: string): void;
}

/** Answers one request of the protocol; what is wrong with it is an answer too, in the words its clients show. */
export async function answerRequest(
  request: Request,
  path: string,
  routes: Routes,
  artifacts: ArtifactService,
): Promise<Answer> {
  try {
    if (request.method === 'GET' && (path === '/health' || path === '/version'))
      return plain(path === '/health' ? 'OK' : '2.22.0');
    const { service, rest } = apiPath(path);
    if (service === 'mlflow-artifacts') return await answerArtifacts(request, rest, artifacts);
    const { route, path: parts } = findRoute(routes, request.method, rest);
    return json(200, await route({ body: await bodyOf(request), path: parts }));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return json(statuses[error.code], { error_code: error.code, message: error.message });
  }
}

async function answerArtifacts(request: Request, rest: string, artifacts: ArtifactService): Promise<Answer> {
  const { method, query } = request;
  const [, path] = /^artifacts(?:\/(.*))?$/.exec(rest) ?? ['', undefined];
  if (rest !== 'artifacts' && path === undefined)
    throw new Refusal('ENDPOINT_NOT_FOUND', `nothing answers at ${rest.slice(0, 200)}`);
  if (method === 'GET' && path === undefined) return json(200, await artifacts.list(query.get('path') ?? ''));
  if (method === 'GET' && path !== undefined) return artifacts.read(path);
  if (method === 'PUT' && path !== undefined && artifacts.write) {
    await artifacts.write(path, request.body());
    return json(200, {});
  }
  if (method === 'DELETE' && path !== undefined && artifacts.remove) {
    artifacts.remove(path);
    return json(200, {});
  }
  throw new Refusal('ENDPOINT_NOT_FOUND', `artifacts cannot be asked for by ${method.slice(0, 20)}`);
}

/** The fields of a request: those of its query, and the JSON that it sends. */
async function bodyOf(request: Request): Promise<JsonObject> {
  const fields: JsonObject = Object.fromEntries(request.query);
  const bytes = await request.read(BODY_BYTES);
  if (!bytes)
    throw new Refusal(
      'RESOURCE_LIMIT_EXCEEDED',
      `a request may have ${BODY_BYTES} bytes, and this one has more`,
    );
  if (bytes.length === 0) return fields;
  let sent: unknown;
  try {
    sent = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Refusal('BAD_REQUEST', 'the request is not JSON');
  }
  if (!isJsonObject(sent as JsonObject)) throw new Refusal('BAD_REQUEST', 'the request is no JSON object');
  return { ...fields, ...(sent as JsonObject) };
}

function json(status: number, body: JsonObject): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function plain(body: string): Answer {
  return { status: 200, type: 'text/plain', body };
}
