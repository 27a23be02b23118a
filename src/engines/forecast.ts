import { createHash } from 'node:crypto';
import type { LocalContentStore } from '../content/content-store.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { EngineContext, EngineEvent } from './engine.ts';
import { schedule } from './scheduler.ts';

const NO_LOG = { digest: `sha256:${createHash('sha256').digest('hex')}`, sizeBytes: 0 };

/**
 * What would become of each cell of a plan now; nothing starts and nothing is stored. A cell that would run is told as
 * `step-finished` with the status `canceled`, and those that wait for it as skipped for its failure.
 */
export function forecast(
  plan: Plan,
  context: EngineContext,
  content: LocalContentStore,
): AsyncIterable<EngineEvent[]> {
  const looking: EngineContext = { ...context, onFailure: 'keep-going', jobs: Number.MAX_SAFE_INTEGER };
  return schedule(plan, looking, {
    content: lookingAt(content),
    async run({ step: _, cell, attempt, key, inputs }) {
      return {
        type: 'step-finished',
        step: cell.name,
        attempt,
        at: '',
        status: 'canceled',
        retrying: false,
        durationMs: 0,
        key: key.key,
        inputs,
        outputs: {},
        metrics: [],
        logs: { stdout: NO_LOG, stderr: NO_LOG },
        problems: [],
        warnings: [],
      };
    },
  });
}

/** The store as it is: what would be written is hashed only. */
function lookingAt(content: LocalContentStore): LocalContentStore {
  const write: LocalContentStore['write'] = async (bytes) => ({
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    sizeBytes: bytes.length,
  });
  return new Proxy(content, {
    get(target, name) {
      if (name === 'write') return write;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
