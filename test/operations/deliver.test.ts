import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { deliver } from '../../src/operations/deliver.ts';
import type { Ports } from '../../src/operations/ports.ts';
import type { ToldProgram } from '../../src/runs/metadata/metadata-store.ts';
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

function programOf(version: string, put = ''): Queued {
  const telling = { kind: 'program', name: 'a', version, digest: 'sha256:0', createdAt: '' } as const;
  return { key: `program-${version}.json`, put, telling };
}

/** A queue in memory. */
function queueOf(...versions: string[]) {
  const entries = new Map(versions.map((version) => [version, 'first']));
  const looks: number[] = [];
  let locks = 0;
  const outbox: Partial<Outbox> = {
    count: () => entries.size,
    waiting() {
      looks.push(entries.size);
      return [...entries].map(([version, put]) => programOf(version, put));
    },
    told({ telling, put }) {
      const { version } = telling as ToldProgram;
      if (entries.get(version) === put) entries.delete(version);
    },
    lock() {
      locks++;
      return () => locks--;
    },
    problem: undefined,
  };
  return { outbox, entries, looks, isLocked: () => locks > 0 };
}

describe('telling a store what waits', () => {
  it('leaves nothing that holds the process where another command tells already', async () => {
    const { ports, cancel, asked } = rigOf({ ...queueOf('1').outbox, lock: () => undefined });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const { problem, waiting } = await deliver(ports, { isPatient: false });
    assert.equal(problem?.code, 'SAME1405');
    assert.equal(waiting, 1);
    assert.deepEqual(asked, []);
    assert.equal(timers(), before);
    assert.deepEqual(getEventListeners(cancel.signal, 'abort'), []);
  });

  it('says that it was interrupted, and not what it waited for, at Ctrl-C while another command tells', async () => {
    const { ports, cancel, asked } = rigOf({ ...queueOf('1').outbox, lock: () => undefined });
    const { sleep } = ports;
    ports.sleep = async (ms) => {
      cancel.abort();
      await sleep(ms);
    };
    await assert.rejects(deliver(ports, { isPatient: true }), { code: 'SAME1903' });
    assert.deepEqual(asked, []);
    assert.deepEqual(getEventListeners(cancel.signal, 'abort'), []);
  });

  it('is over where the command that tells already took along what waits', async () => {
    const { outbox, entries } = queueOf('1');
    const lock = () => {
      entries.clear();
      return undefined;
    };
    const { ports } = rigOf({ ...outbox, lock });
    const { problem, waiting } = await deliver(ports, { isPatient: false });
    assert.deepEqual([problem, waiting], [undefined, 0]);
  });

  it('takes a fault of this machine for no refusal: what it hit waits, and the others are told', async () => {
    const { outbox, entries } = queueOf('1', '2');
    const told = outbox.told!;
    const refused: string[] = [];
    const { ports } = rigOf({
      ...outbox,
      told(queued) {
        if ((queued.telling as ToldProgram).version === '1')
          throw Object.assign(new Error('ENOSPC: no space left on device'), {
            code: 'ENOSPC',
            syscall: 'write',
          });
        told(queued);
      },
      refuse: ({ key }) => refused.push(key),
    });
    const result = await deliver(ports, { isPatient: false });
    assert.deepEqual(refused, []);
    assert.deepEqual([...entries.keys()], ['1']);
    assert.deepEqual([result.waiting, result.told.length], [1, 1]);
    assert.match(result.problem?.message ?? '', /ENOSPC/);
  });

  it('looks at the queue as often as something new may be in it, not for each thing', async () => {
    const versions = Array.from({ length: 50 }, (_, index) => `${index}`);
    const { outbox, looks } = queueOf(...versions);
    const { ports, asked } = rigOf(outbox);
    await deliver(ports, { isPatient: true });
    assert.deepEqual(asked, versions);
    assert.deepEqual(looks, [50, 0]);
  });

  it('tells again what is put again while it is told', async () => {
    const { outbox, entries } = queueOf('1', '2');
    const { ports, asked } = rigOf(outbox);
    let isFirst = true;
    const told = outbox.told!;
    outbox.told = (queued) => {
      if (isFirst) entries.set('1', 'second');
      isFirst = false;
      told(queued);
    };
    const { waiting } = await deliver(ports, { isPatient: true });
    assert.deepEqual(asked, ['1', '2', '1']);
    assert.equal(waiting, 0);
  });

  it('lets others in, and says so, where what was in the way cannot be kept', async () => {
    const { outbox, isLocked } = queueOf('1');
    Object.defineProperty(outbox, 'problem', {
      set() {
        throw new SameError({ code: 'SAME1402', message: 'no space left' });
      },
    });
    const { ports } = rigOf(outbox);
    const { told, problem } = await deliver(ports, { isPatient: true });
    assert.equal(told.length, 1);
    assert.equal(problem?.code, 'SAME1402');
    assert.equal(isLocked(), false);
  });
});
