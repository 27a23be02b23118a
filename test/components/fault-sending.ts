import type { ServerResponse } from 'node:http';
import type { Answer, Asked, Sending } from './faults.ts';

/** Often enough for a connection to look alive. */
const DRIP_MS = 20;

/** Sends an answer as it is to be sent, and writes down how much. */
export function sendAnswer(response: ServerResponse, asked: Asked, answer: Answer, how?: Sending): void {
  if (how === 'never') return;
  if (how === 'lost') {
    response.destroy();
    return;
  }
  if (how === 'drip-headers') {
    response.socket?.write('HTTP/1.1 200 OK\r\nx-endless: ');
    drip(response, () => response.socket?.write('x'));
    return;
  }
  asked.status = answer.status;
  const body = answer.body ?? Buffer.alloc(0);
  const told: Record<string, string | undefined> = {
    'content-length': String(body.length),
    ...answer.headers,
  };
  const { 'content-length': length, ...headers } = told;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (length !== undefined && answer.status !== 204) response.setHeader('content-length', length);
  response.writeHead(answer.status);
  if (asked.method === 'HEAD') {
    response.end();
    return;
  }
  const part = body.subarray(0, partOf(body.length, how));
  asked.sentBytes = part.length;
  if (how === undefined && (length === undefined || Number(length) === part.length)) {
    response.end(part);
    return;
  }
  response.flushHeaders();
  response.write(part, () => {
    // The end of a connection that is closed, not reset, comes after the bytes.
    if (how === undefined || 'cutAfterBytes' in how) response.socket?.end();
  });
  if (how && 'dripAfterBytes' in how) {
    drip(response, () => response.write(body.subarray(asked.sentBytes, ++asked.sentBytes)));
  }
}

function partOf(wholeBytes: number, how?: Exclude<Sending, string>): number {
  if (how === undefined) return wholeBytes;
  return Math.min(wholeBytes, ...Object.values(how));
}

function drip(response: ServerResponse, drop: () => void): void {
  const timer = setInterval(drop, DRIP_MS);
  response.socket?.once('close', () => clearInterval(timer));
}
