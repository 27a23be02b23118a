import type { AttemptIntake } from '../intake.ts';
import type { StepAttempt, Workspace } from './step-attempt.ts';

/** Where an attempt logs to through MLflow's protocol; undefined where nothing takes it. The caller closes it. */
export async function openLogging(
  task: StepAttempt,
  workspace: Workspace,
): Promise<AttemptIntake | undefined> {
  const { context, cell, step, attempt } = task;
  return context.intake?.open({
    runId: context.runId,
    step: cell.name,
    parameters: step.parameters,
    places: [workspace.workdir, workspace.work, workspace.root],
    // Beside the directories of attempts, where what is left is removed with them, and is found while they go on.
    spool: `${context.workDirectory}-logged/${cell.name}.${attempt}`,
    mask: context.mask,
  });
}
