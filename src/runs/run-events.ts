import type { EngineEvent } from '../engines/engine.ts';
import type { ProcessIdentity } from '../host/process-identity.ts';
import { isMap, isRecordShaped } from './record-shape.ts';
import type { RunRecord } from './run-record.ts';
import { StepRecords } from './step-outcome.ts';

/** The first event of a journal. */
export interface Begun {
  type: 'run-begun';
  record: RunRecord;
  owner: ProcessIdentity;
}

/** Whether an event is the first of a run's journal. */
export function isBegun(event: unknown, id: string): event is Begun {
  return (
    isMap(event) &&
    event.type === 'run-begun' &&
    isRecordShaped(event.record) &&
    event.record.id === id &&
    isMap(event.owner) &&
    Number.isSafeInteger(event.owner.pid)
  );
}

/** Whether an event is one of a step. */
export function isStepEvent(event: unknown): boolean {
  return isMap(event) && typeof event.type === 'string' && typeof event.step === 'string';
}

/** What a journal says of a run that has no record yet. */
export function replay(record: RunRecord, events: readonly EngineEvent[]): RunRecord {
  const replayed = {
    ...record,
    steps: record.steps.map((step) => ({ ...step })),
    metrics: [...record.metrics],
  };
  const steps = new StepRecords(replayed);
  for (const event of events) {
    steps.apply(event);
    for (const metric of steps.figures(event)) replayed.metrics.push(metric);
  }
  return replayed;
}
