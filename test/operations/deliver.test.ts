import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { deliver } from '../../src/operations/deliver.ts';
import type { Ports } from '../../src/operations/ports.ts';
import type { Outbox, Queued } from '../../src/runs/metadata/outbox.ts';

/** Ports with a store that takes all, a clock that runs as it is slept by, and a queue in memory. */
function rigOf(outbox: Partial<Outbox>) {
  const cancel = new AbortController();
  const asked: string[] = [];
  let nowMs = 0;
  const ports = {
    home: '/home',
    cancel: cancel.signal,
    metadataStore: async () => ({ kind: 'mlflow', address: 'http://store' }),
    openOutbox: async () => outbox,
    openMetadataStore: async () => ({
      check: async () => {},
      tellProgram: async ({ version }: { version: string }) => {
        asked.push(version);
        return { notes: [] };
      },
      [Symbol.asyncDispose]: async () => {},
    }),
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  } as unknown as Ports;
  return { ports, cancel, asked };
}

function programOf(version: string): Queued {
  const telling = { kind: 'program', name: 'a', version, digest: 'sha256:0', createdAt: '' } as const;
  return { key: `program-${version}.json`, telling };
}

describe('telling a store what waits', () => {
  it('leaves nothing that holds the process where another command tells already', async () => {
    const { ports, cancel, asked } = rigOf({ waiting: () => [programOf('1')], lock: () => undefined });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const { problem, waiting } = await deliver(ports, { isPatient: false });
    assert.equal(problem?.code, 'SAME1405');
    assert.equal(waiting, 1);
    assert.deepEqual(asked, []);
    assert.equal(timers(), before);
    assert.deepEqual(getEventListeners(cancel.signal, 'abort'), []);
  });
});
