import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificates } from './certificates.ts';

/** A run as a tracking server keeps it, without what two servers differ in. */
export interface TrackedRun {
  id: string;
  experiment: string;
  name: string;
  status: string;
  start: number;
  end?: number;
  params: Map<string, string>;
  tags: Map<string, string>;
  /** Kept as they come, twice what comes twice. */
  points: { key: string; value: number | string; timestamp: number; step: number }[];
}

/** What becomes of a request. */
export type TrackingFault =
  | { cut: 'before' | 'after' }
  | { status: number; headers?: Record<string, string>; text?: string }
  | 'silent';

/** A tracking server in memory, which misbehaves as it is told. */
export interface FaultTracking {
  address: string;
  experiments: Map<string, { id: string; tags: Map<string, string>; stage: string }>;
  runs: TrackedRun[];
  files: Map<string, Buffer>;
  /** `METHOD PATH` of each request, without its query. */
  asked: string[];
  logins: (string | undefined)[];
  /** What is wrong with what was asked: more than the protocol takes. */
  complaints: string[];
  /** Told the number of each request, from 0. */
  fault: ((index: number, path: string) => TrackingFault | undefined) | undefined;
  /** Where it says that the files of runs are. */
  place: string;
  dispose(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: what a client sends has any shape
type Body = any;
type Answer = { status: number; body: object };

/** Starts it on a port that the system chooses. */
export async function startFaultTracking(tls?: Certificates): Promise<FaultTracking> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const index = tracking.asked.length;
    const [path = '', query = ''] = (request.url ?? '').split('?');
    tracking.asked.push(`${request.method} ${path}`);
    tracking.logins.push(request.headers.authorization);
    const fault = tracking.fault?.(index, path);
    if (fault === 'silent') return;
    if (fault && 'cut' in fault && fault.cut === 'before') return void request.socket.destroy();
    const bytes = await bodyOf(request);
    if (fault && 'status' in fault) {
      response.writeHead(fault.status, fault.headers).end(fault.text ?? '');
      return;
    }
    const { status, body } = answer(tracking, request.method ?? '', path, new URLSearchParams(query), bytes);
    if (fault) return void request.socket.destroy();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = tls
    ? createTlsServer({ cert: readFileSync(tls.certificateFile), key: readFileSync(tls.keyFile) }, handle)
    : createServer(handle);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const tracking: FaultTracking = {
    address: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    experiments: new Map(),
    runs: [],
    files: new Map(),
    asked: [],
    logins: [],
    complaints: [],
    fault: undefined,
    place: 'mlflow-artifacts:/',
    async dispose() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return tracking;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function answer(
  to: FaultTracking,
  method: string,
  path: string,
  query: URLSearchParams,
  bytes: Buffer,
): Answer {
  const files = '/api/2.0/mlflow-artifacts/artifacts/';
  if (path.startsWith(files) && method === 'PUT') {
    to.files.set(decodeURIComponent(path.slice(files.length)), bytes);
    return { status: 200, body: {} };
  }
  const what = path.replace('/api/2.0/mlflow/', '');
  const body: Body = bytes.length === 0 ? {} : JSON.parse(bytes.toString());
  if (bytes.length > 1_000_000) to.complaints.push(`${bytes.length} bytes at once`);
  const run = to.runs.find(({ id }) => id === (body.run_id ?? query.get('run_id')));
  switch (what) {
    case 'experiments/search':
      return { status: 200, body: { experiments: [] } };
    case 'experiments/get-by-name': {
      const found = to.experiments.get(query.get('experiment_name') ?? '');
      if (!found) return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'none' } };
      return { status: 200, body: { experiment: { experiment_id: found.id, lifecycle_stage: found.stage } } };
    }
    case 'experiments/create': {
      if (to.experiments.has(body.name))
        return { status: 400, body: { error_code: 'RESOURCE_ALREADY_EXISTS', message: 'there' } };
      const id = String(to.experiments.size + 1);
      to.experiments.set(body.name, { id, tags: new Map(), stage: 'active' });
      return { status: 200, body: { experiment_id: id } };
    }
    case 'experiments/set-experiment-tag': {
      const found = [...to.experiments.values()].find(({ id }) => id === body.experiment_id);
      found?.tags.set(body.key, body.value);
      return { status: 200, body: {} };
    }
    case 'runs/search': {
      const wanted = /^tags\.`same\.run_id` = '([^']*)'$/.exec(body.filter)?.[1];
      const found = to.runs.filter(
        ({ experiment, tags }) =>
          body.experiment_ids.includes(experiment) && tags.get('same.run_id') === wanted,
      );
      return { status: 200, body: found.length === 0 ? {} : { runs: found.map((one) => shown(to, one)) } };
    }
    case 'runs/create': {
      const made: TrackedRun = {
        id: `r${to.runs.length}`,
        experiment: body.experiment_id,
        name: body.run_name,
        status: 'RUNNING',
        start: body.start_time,
        params: new Map(),
        tags: new Map(body.tags.map(({ key, value }: Body) => [key, value])),
        points: [],
      };
      to.runs.push(made);
      return { status: 200, body: { run: shown(to, made) } };
    }
    case 'runs/log-batch': {
      const { metrics = [], params = [], tags = [] } = body;
      if (metrics.length > 1000 || params.length > 100 || tags.length > 100)
        to.complaints.push(`${metrics.length} metrics, ${params.length} params, ${tags.length} tags at once`);
      for (const { key, value } of params) {
        if ((run?.params.get(key) ?? value) !== value)
          return { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: `changed ${key}` } };
        run?.params.set(key, value);
      }
      for (const { key, value } of tags) run?.tags.set(key, value);
      run?.points.push(...metrics);
      return { status: 200, body: {} };
    }
    case 'runs/delete-tag':
      if (!run?.tags.delete(body.key))
        return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: `no ${body.key}` } };
      return { status: 200, body: {} };
    case 'metrics/get-history': {
      const all = run?.points.filter(({ key }) => key === query.get('metric_key')) ?? [];
      // In pages of two, so that a reader has to ask on.
      const from = Number(query.get('page_token') ?? 0);
      const next = from + 2 < all.length ? { next_page_token: String(from + 2) } : {};
      return { status: 200, body: { metrics: all.slice(from, from + 2), ...next } };
    }
    case 'runs/update':
      if (run) Object.assign(run, { status: body.status, end: body.end_time });
      return { status: 200, body: {} };
    default:
      return { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND', message: path } };
  }
}

function shown(to: FaultTracking, { id, tags }: TrackedRun): object {
  return {
    info: {
      run_id: id,
      artifact_uri: `${to.place}${to.place.endsWith('/') ? '' : '/'}1/${id}/artifacts`,
      lifecycle_stage: 'active',
    },
    data: { tags: [...tags].map(([key, value]) => ({ key, value })) },
  };
}
