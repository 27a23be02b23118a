import type { RunRecord, StepRecord } from '../../runs/run-record.ts';

/** A step as it is shown: one that has begun and has not ended is `running`, or `interrupted` where its run is over. */
export type ShownStep = Omit<StepRecord, 'status'> & {
  status: StepRecord['status'] | 'running' | 'interrupted';
};

/** The steps of a run as they are shown (spec SAME-RUN-006). */
export function shownSteps({ steps, status }: Pick<RunRecord, 'steps' | 'status'>): ShownStep[] {
  return steps.map((step): ShownStep => {
    if (step.status !== 'pending' || step.startedAt === undefined) return step;
    return { ...step, status: status === 'running' ? 'running' : 'interrupted' };
  });
}
