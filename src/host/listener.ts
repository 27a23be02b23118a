import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Connections at a time, whoever makes them. */
const MOST_CONNECTIONS = 1024;
const BACKLOG = 511;

/** Node's own way to listen at an address, which skips what {@link Server.listen} does first. */
interface ListeningServer extends Server {
  _listen2?(address: string, port: number, family: 4, backlog: number, fd: undefined, flags: 0): void;
}

/** Takes connections of this machine's own processes, at an address of the loopback interface and no other. */
export interface Listener {
  port: number;
  close(): void;
}

/**
 * Listens at 127.0.0.1; this keeps no process alive, nor does what connects.
 * @param take is given each connection; loaded no sooner than the first comes
 * @param port 0 for one that is free
 * @throws the system's error, such as EADDRINUSE
 */
export async function listenOnLoopback(take: (socket: Socket) => Promise<void>, port = 0): Promise<Listener> {
  const server: ListeningServer = createServer({ pauseOnConnect: true });
  server.maxConnections = MOST_CONNECTIONS;
  server.unref();
  server.on('connection', (socket) => {
    socket.unref();
    // Before anybody else listens: one that is cut is nobody's failure.
    socket.on('error', () => socket.destroy());
    take(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((done, fail) => {
    server.once('listening', done);
    server.once('error', fail);
    // Every run listens. To look up an address that is one compiles a pattern of all IPv6 ones, which costs more than all else.
    if (server._listen2) server._listen2('127.0.0.1', port, 4, BACKLOG, undefined, 0);
    else server.listen({ host: '127.0.0.1', port, backlog: BACKLOG });
  });
  server.on('error', () => {});
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
