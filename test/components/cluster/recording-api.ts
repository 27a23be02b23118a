import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** The API of a cluster with somebody who writes down what is asked of it. */
export interface RecordingApi {
  /** `http://127.0.0.1:PORT`: what comes there is handed on as it is, login and all. */
  server: string;
  /** Rights that were made use of: `create jobs.batch`, `get pods.exec`; without what everybody may ask. */
  used: Set<string>;
  dispose(): Promise<void>;
}

const VERBS: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** What stands in for a service behind the API. @returns nothing where the real one is to answer */
export type StandIn = (asked: {
  method: string;
  path: string;
  /** Read only where it is wanted. */
  body(): Promise<string>;
}) => Promise<{ status: number; body: object }> | undefined;

/** @param upstream the real API and the authority of its certificate, as PEM */
export async function recordApi(
  upstream: { server: string; authority: Buffer },
  standIn: StandIn = () => undefined,
): Promise<RecordingApi> {
  const url = new URL(upstream.server);
  const to = { host: url.hostname, port: Number(url.port), ca: upstream.authority };
  const used = new Set<string>();
  const sockets = new Set<Socket | TLSSocket>();
  const server = createServer((incoming, answer) => {
    note(incoming, used);
    const { method, headers, url: path } = incoming;
    const told = standIn({ method: method!, path: path!, body: () => textOf(incoming) });
    if (told) {
      void told.then(({ status, body }) =>
        answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      );
      return;
    }
    const outgoing = request({ ...to, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
      response.on('error', () => answer.destroy());
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    note(incoming, used);
    const through = connect(to, () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (let at = 0; at < incoming.rawHeaders.length; at += 2)
        lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
      through.write(`${lines.join('\r\n')}\r\n\r\n`);
      through.write(head);
      through.pipe(socket).pipe(through);
    });
    sockets.add(through);
    for (const [one, other] of [
      [socket, through],
      [through, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    server: `http://127.0.0.1:${port}`,
    used,
    async dispose() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** @param used takes the right that a request makes use of, where it is one to something in a namespace */
function note({ method = '', url = '' }: IncomingMessage, used: Set<string>): void {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const found =
    /^\/(?:api|apis\/([^/]+))\/[^/]+\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+)(?:\/([^/]+)(?:\/.*)?)?)?$/.exec(
      pathname,
    );
  if (!found) return;
  const [, group, resource, name, part] = found;
  const reading = name !== undefined ? 'get' : searchParams.get('watch') === 'true' ? 'watch' : 'list';
  const verb = method === 'GET' ? reading : VERBS[method];
  used.add(
    `${verb} ${resource}${group === undefined ? '' : `.${group}`}${part === undefined ? '' : `/${part}`}`,
  );
}
