import { SameError } from '../../errors/same-error.ts';
import { readCertificates } from '../../host/certificates.ts';
import { epochMs, sleep } from '../../host/clock.ts';
import { type ExchangeResponse, openWire } from '../../host/exchange.ts';
import { isJsonObject, type JsonObject } from '../../program/json.ts';
import type { MetadataStoreAddress, MetadataSurroundings } from './metadata-store.ts';
import { isPassingStatus, saidBy, serverProblem, unreachable } from './mlflow-problem.ts';

/** Something that is asked of a tracking server. */
export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** Below its address. */
  path: string;
  body?: JsonObject | { sizeBytes: number; open(): AsyncIterable<Uint8Array> };
  /** Codes of errors of MLflow's that are an answer here. */
  expect?: readonly string[];
  /** Whether it may be sent again when nobody knows what became of it (default true). */
  again?: boolean;
}

/** Talks with a tracking server, and tries again what fails in passing. */
export interface MlflowClient {
  /** The server's address. */
  readonly base: URL;
  /**
   * @returns the answer's object; of an expected error `{error_code, message}`
   * @throws SAME1811 with `details.passing` where the same may go well later, and `details.isDown` where no answer came ·
   * SAME1812 · SAME1813 · SAME1903
   */
  call(call: Call): Promise<JsonObject>;
  /** Waits before the n-th further try of what the caller repeats (from 1). @throws SAME1903 */
  pause(tries: number): Promise<void>;
  close(): void;
}

const ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const LONGEST_WAIT_MS = 60_000;
const HURRIED_MS = 5_000;

/** Opens nothing yet. @throws SAME1805 the file of authorities cannot be read */
export function openMlflowClient(
  { address, caFile }: MetadataStoreAddress,
  { variables, signal, isPatient, progress }: MetadataSurroundings,
): MlflowClient {
  const base = new URL(address);
  const wire = openWire({
    signal,
    ...(caFile === undefined ? {} : { certificates: readCertificates(caFile) }),
    ...(isPatient ? {} : { headerTimeoutMs: HURRIED_MS }),
  });
  const login = loginFrom(variables);

  async function wait(ms: number, why: string): Promise<void> {
    if (ms >= 2_000) progress(`${base.host} ${why}: trying again in ${Math.round(ms / 1000)} s`);
    await sleep(ms, signal);
    if (signal.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted' });
  }

  async function send({ method, path, body }: Call): Promise<ExchangeResponse> {
    const isFile = body !== undefined && typeof body.open === 'function';
    const text = body === undefined || isFile ? undefined : Buffer.from(JSON.stringify(body));
    return wire.send({
      method,
      url: new URL(`${base.href.replace(/\/$/, '')}${path}`),
      headers: {
        accept: 'application/json',
        ...(login && { authorization: login }),
        ...(body && { 'content-type': isFile ? 'application/octet-stream' : 'application/json' }),
      },
      ...(text && { body: { sizeBytes: text.length, chunks: [text] } }),
      ...(isFile && {
        body: {
          sizeBytes: Number(body.sizeBytes),
          chunks: (body as { open(): AsyncIterable<Uint8Array> }).open(),
        },
      }),
    });
  }

  return {
    base,
    async call(call) {
      const { again = true, expect = [] } = call;
      for (let tries = 1; ; tries++) {
        const mayRetry = tries < (isPatient ? MAX_TRIES : 3);
        let response: ExchangeResponse;
        let text: string;
        try {
          response = await send(call);
          text = await read(response);
        } catch (error) {
          const problem = unreachable(error, address);
          const why = problem.details.why;
          const isUncertain = problem.code === 'SAME1811' && (why === 'cut' || why === 'slow');
          if (isUncertain && !again) throw uncertain(problem);
          if (!isUncertain || !mayRetry) throw problem;
          if (why === 'slow' && (!isPatient || tries > 1)) throw problem;
          await wait(problem.details.reused ? 0 : pauseMs(tries), 'cannot be reached');
          continue;
        }
        const { status, headers } = response;
        const said = saidBy(text);
        if (status >= 200 && status < 300 && said) return said;
        const code = said?.error_code;
        if (typeof code === 'string' && expect.includes(code)) return said!;
        // What is turned away for coming too often has changed nothing.
        if (isPassingStatus(status, text) && mayRetry && (again || status === 429)) {
          const asked = retryAfterMs(headers['retry-after']);
          await wait(asked ?? pauseMs(tries), status === 429 ? 'is asked too often' : 'is in trouble');
          continue;
        }
        const problem = serverProblem({
          address,
          call,
          status,
          text,
          said,
          hasLogin: login !== undefined,
          headers,
        });
        throw !again && status !== 429 && problem.details.passing ? uncertain(problem) : problem;
      }
    },
    pause: (tries) => wait(pauseMs(tries), 'has not taken everything'),
    close: wire.close,
  };
}

/** Nobody knows what became of what was sent. */
function uncertain(problem: SameError): SameError {
  return new SameError(problem.findings, {
    cause: problem.cause,
    details: { ...problem.details, uncertain: true },
  });
}

/** As MLflow's own client takes it: a name and a password before a token. */
function loginFrom(variables: Readonly<Record<string, string>>): string | undefined {
  const { MLFLOW_TRACKING_USERNAME: name, MLFLOW_TRACKING_PASSWORD: password } = variables;
  const { MLFLOW_TRACKING_TOKEN: token } = variables;
  if (name && password) return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
  return token ? `Bearer ${token.trim()}` : undefined;
}

async function read({ body }: ExchangeResponse): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > ANSWER_BYTES) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function pauseMs(tries: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  return Math.round(full * (0.5 + Math.random() / 2));
}

function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - epochMs();
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}

/** Whether an answer is the object that was asked for. */
export function objectIn(answer: JsonObject, name: string): JsonObject | undefined {
  return isJsonObject(answer[name]) ? answer[name] : undefined;
}
