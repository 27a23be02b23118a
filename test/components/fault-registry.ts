import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificates } from './certificates.ts';
import { answerRegistry, type Features, type Served } from './fault-answers.ts';
import { emptyContent, type RegistryContent } from './fault-content.ts';
import { type Door, type Gate, openDoor } from './fault-logins.ts';
import { sendAnswer } from './fault-sending.ts';
import { type Asked, type Fault, type Listener, refusal } from './faults.ts';

/** An OCI registry in memory, which misbehaves as it is told. */
export interface FaultRegistry {
  /** `localhost:PORT`. */
  host: string;
  /** `SCHEME://localhost:PORT` of each port. */
  origin: Record<Listener, string>;
  content: RegistryContent;
  features: Features;
  /** What was asked, in order of arrival. */
  log: Asked[];
  /** Faults that wait for their request; each is gone when it was used up. */
  faults: Fault[];
  /** Adds faults. */
  script(...faults: Fault[]): void;
  /** The log's entries of a method, a path, or both. */
  asked(method?: string, path?: RegExp): Asked[];
  /** What must stay secret so far. */
  secrets(): string[];
  /** Ends all connections and stops. */
  dispose(): Promise<void>;
}

/** The tag list, referrers, uploads, mounts: all there, until a test says otherwise. */
const everything: Features = {
  referrers: 'api',
  subjectHeader: 'when-listed',
  mount: true,
  ranges: true,
  locations: 'relative',
  pageSize: 1000,
  digestHeader: true,
};

/** Starts it on three ports that the system chooses: the registry, its token service, and a host to be redirected to. */
export async function startFaultRegistry(
  options: { gate?: Gate; features?: Partial<Features>; tls?: Certificates } = {},
): Promise<FaultRegistry> {
  const gate: Gate = options.gate ?? { kind: 'open' };
  const door = openDoor(gate);
  const log: Asked[] = [];
  const faults: Fault[] = [];
  const served: Served = {
    content: emptyContent(),
    features: { ...everything, ...options.features },
    origin: { registry: '', elsewhere: '', tokens: '' },
  };
  const servers = (['registry', 'elsewhere', 'tokens'] as const).map(async (listener) => {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      const asked = begun(listener, request);
      log.push(asked);
      // A cut that the client makes is seen in the log, and is no failure of the server.
      answer(served, door, asked, takeFault(faults, asked), request, response).catch(() =>
        response.destroy(),
      );
    };
    const server = options.tls
      ? createTlsServer(
          { key: readFileSync(options.tls.keyFile), cert: readFileSync(options.tls.certificateFile) },
          handle,
        )
      : createServer(handle);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    served.origin[listener] = `${options.tls ? 'https' : 'http'}://localhost:${port}`;
    return server;
  });
  const listening: Server[] = await Promise.all(servers);
  return {
    host: new URL(served.origin.registry).host,
    ...served,
    log,
    faults,
    script: (...more) => void faults.push(...more),
    asked: (method, path) =>
      log.filter(
        (asked) => (method === undefined || asked.method === method) && (path?.test(target(asked)) ?? true),
      ),
    secrets: door.secrets,
    async dispose() {
      await Promise.all(
        listening.map((server) => {
          const closed = new Promise((done) => server.close(done));
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
}

function begun(listener: Listener, request: IncomingMessage): Asked {
  const url = new URL(request.url ?? '/', 'http://server');
  return {
    listener,
    host: request.headers.host ?? '',
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers as Record<string, string | undefined>,
    body: Buffer.alloc(0),
    receivedBytes: 0,
    sentBytes: 0,
  };
}

function target({ path, query }: Asked): string {
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The first fault that meets the request, with one of its times used up. */
function takeFault(faults: Fault[], asked: Asked): Fault | undefined {
  const fault = faults.find(({ method, path }) => method === asked.method && path.test(target(asked)));
  if (fault === undefined) return undefined;
  if (fault.skip > 0) {
    fault.skip--;
    return undefined;
  }
  fault.times--;
  if (fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
  return fault;
}

async function answer(
  served: Served,
  door: Door,
  asked: Asked,
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const realm = `${served.origin.tokens}/token`;
  if (!fault?.early) {
    const whole = await readBody(asked, request, fault?.cutRequestAfterBytes);
    if (!whole) {
      if (asked.listener !== 'tokens' && !(asked.listener === 'registry' && door.check(asked, realm))) {
        answerRegistry(served, asked, false);
      }
      request.socket.destroy();
      return;
    }
  }
  fault?.before?.(served.content, asked);
  let right =
    fault?.instead?.(asked) ?? (asked.listener === 'registry' ? door.check(asked, realm) : undefined);
  if (asked.listener === 'tokens')
    right ??= asked.path === '/token' ? door.tokens(asked) : refusal(404, 'NOT_FOUND');
  const from = asked.query.get('from');
  if (from !== null && !door.mayPull(asked, from)) asked.query.delete('mount');
  right ??= answerRegistry(served, asked, true);
  sendAnswer(response, asked, fault?.change?.(right, asked) ?? right, fault?.send);
}

/** Reads the request's body. @returns false when it was cut, by the fault or by the client */
async function readBody(asked: Asked, request: IncomingMessage, cutAfterBytes = Infinity): Promise<boolean> {
  const chunks: Buffer[] = [];
  let taken = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      asked.receivedBytes += chunk.length;
      chunks.push(chunk.subarray(0, Math.max(0, cutAfterBytes - taken)));
      taken += chunks.at(-1)!.length;
      if (taken >= cutAfterBytes) break;
    }
  } catch {
    cutAfterBytes = 0;
  }
  asked.body = Buffer.concat(chunks);
  return taken < cutAfterBytes;
}
