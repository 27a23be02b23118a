import type { WebSocket } from 'ws';
import type { Execution } from './cluster.ts';

/** The last one cannot say that standard input has ended. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const [INPUT, OUTPUT, ERROR, STATUS, CLOSE] = [0, 1, 2, 3, 255];
const STDERR_BYTES = 16_384;
/** Of a connection on which nothing moves, this tells whether the other side is there. */
const PING_MS = 20_000;

/**
 * Runs a command over the API's channels: one stream for each of its standard streams, and one for how it ended. Pieces
 * of its output are taken one after the other, and no more is read meanwhile.
 * @param open opens the socket, paused @throws what broke the connection
 */
export async function execute(
  open: (protocols: string[]) => Promise<WebSocket>,
  { input, take, signal }: Execution,
): Promise<{ exitCode: number; stderr: string }> {
  const socket = await open(PROTOCOLS);
  let stderr = '';
  let exitCode: number | undefined;
  let taken: Promise<void> = Promise.resolve();
  let failed: unknown;
  let isAlive = true;
  const fail = (error: unknown) => {
    failed ??= error;
    socket.terminate();
  };
  const ended = new Promise<void>((done) => socket.once('close', () => done()));
  socket.on('error', fail);
  socket.on('pong', () => (isAlive = true));
  const pulse = setInterval(() => {
    if (!isAlive) return fail(new Error('nothing answers any more'));
    isAlive = socket.isPaused;
    socket.ping();
  }, PING_MS);
  socket.on('message', (message: Buffer) => {
    isAlive = true;
    const content = message.subarray(1);
    if (message[0] === OUTPUT && content.length > 0 && take) {
      socket.pause();
      taken = taken
        .then(() => take(content))
        .then(() => socket.resume())
        .catch(fail);
    } else if (message[0] === ERROR) stderr = (stderr + content.toString('utf8')).slice(-STDERR_BYTES);
    else if (message[0] === STATUS) {
      const how = exitCodeOf(content.toString('utf8'));
      if (typeof how === 'string') return fail(new Error(how));
      exitCode = how;
      // What it printed came before.
      void taken.then(() => socket.close());
    }
  });
  socket.resume();
  try {
    if (input) send(socket, input, signal).catch(fail);
    await ended;
    await taken;
  } finally {
    clearInterval(pulse);
  }
  if (failed !== undefined) throw failed;
  if (exitCode === undefined) throw new Error('the connection ended before the command did');
  return { exitCode, stderr };
}

async function send(
  socket: WebSocket,
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const chunk of input) {
    if (signal?.aborted || socket.readyState !== socket.OPEN) return;
    await sent(socket, Buffer.concat([Buffer.of(INPUT!), chunk]));
  }
  if (socket.protocol === PROTOCOLS[0] && socket.readyState === socket.OPEN)
    await sent(socket, Buffer.of(CLOSE!, INPUT!));
}

function sent(socket: WebSocket, bytes: Buffer): Promise<void> {
  return new Promise((done, fail) => socket.send(bytes, (error) => (error ? fail(error) : done())));
}

/** @returns the code, or why there is none */
function exitCodeOf(text: string): number | string {
  const status = statusOf(text);
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause) return Number(cause.message);
  return status.message ?? text;
}

interface Status {
  status?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** What stands between may have put something else there: that is what is said then. */
function statusOf(text: string): Status {
  try {
    return (JSON.parse(text) as Status | null) ?? {};
  } catch {
    return {};
  }
}
