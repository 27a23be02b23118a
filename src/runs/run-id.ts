import { randomBytes } from 'node:crypto';
import { epochMs } from '../host/clock.ts';

/** A new UUID version 7 (RFC 9562): ids of later milliseconds sort later. */
export function newRunId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(epochMs(), 0, 6);
  return idOf(bytes);
}

function idOf(bytes: Buffer): string {
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The UUID version 7 of something that began at a time and is known by a digest (spec SAME-RUN-083). */
export function runIdOf(startedMs: number, digest: string): string {
  const bytes = Buffer.from(digest.replace(/^sha256:/, ''), 'hex').subarray(0, 16);
  bytes.writeUIntBE(startedMs, 0, 6);
  return idOf(bytes);
}

/** Year and month of a version 7 id, in UTC: the directories its files lie in. */
export function monthOf(id: string): { year: string; month: string } {
  const at = new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString();
  return { year: at.slice(0, 4), month: at.slice(5, 7) };
}

/** What a run id looks like. */
export const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is a whole run id. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}
