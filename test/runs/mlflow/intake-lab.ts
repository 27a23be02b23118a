import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openDiskContentStore } from '../../../src/content/disk-content-store.ts';
import type { IntakeRequest } from '../../../src/engines/intake.ts';
import { openIntake } from '../../../src/runs/mlflow/intake.ts';
import { openIntakeServer } from '../../../src/runs/mlflow/intake-server.ts';

/** The run whose steps log. */
export const RUN = '019a3b5c-7d00-7abc-8def-0123456789ab';
/** Where the content and the points of attempts lie; removed when the tests of a file are over. */
export const directory = mkdtempSync(join(tmpdir(), 'same-intake-'));
after(() => rmSync(directory, { recursive: true, force: true }));
/** What was stored of what was logged. */
export const content = openDiskContentStore(join(directory, 'content'));
const intake = openIntake(async (attempts) => openIntakeServer(attempts, content));
let spools = 0;

/** An attempt that logs, by requests as clients send them. */
export async function openAttempt(more: Partial<IntakeRequest> = {}) {
  const attempt = await intake.open({
    runId: RUN,
    step: 'train',
    parameters: {},
    places: [],
    spool: join(directory, 'spool', String(spools++)),
    mask: (text) => text,
    ...more,
  });
  const uri = attempt!.variables.MLFLOW_TRACKING_URI!;
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${uri}${path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`}`, {
      method,
      // Attempts have connections of their own: nobody keeps one for another.
      headers: { connection: 'close' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
      json: text.startsWith('{') ? (JSON.parse(text) as any) : undefined,
    };
  };
  return {
    uri,
    ask,
    post: (path: string, body: unknown) => ask('POST', path, body),
    end: async () => await attempt!.close()?.(true),
    close: () => attempt!.close(),
  };
}

/** A stored text. */
export const text = async (digest: string) => (await content.read(digest)).toString();
