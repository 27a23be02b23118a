import type { EngineEvent } from '../engines/engine.ts';
import type { StepRecord } from './run-record.ts';

/** The fields of a step record that its last attempt decides. */
export function finishedFields(event: Extract<EngineEvent, { type: 'step-finished' }>): Partial<StepRecord> {
  return {
    status: event.status,
    attempts: event.attempt,
    ...(event.exitCode === undefined ? {} : { exitCode: event.exitCode }),
    ...(event.signal === undefined ? {} : { signal: event.signal }),
    cacheKey: event.key,
    inputs: event.inputs,
    outputs: event.outputs,
    logs: event.logs,
    finishedAt: event.at,
    usage: {
      durationMs: event.durationMs,
      ...(event.cpuSeconds === undefined ? {} : { cpuSeconds: event.cpuSeconds }),
      ...(event.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: event.peakMemoryBytes }),
    },
  };
}
