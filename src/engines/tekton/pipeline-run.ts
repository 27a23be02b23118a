import type { Finding } from '../../errors/same-error.ts';
import { formatBytes } from '../../program/quantity.ts';
import {
  carriedObjects,
  labelsOf,
  networkPolicy,
  programAnnotations,
  stepLabel,
} from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { nodeSelector, POD_SECURITY } from '../kubernetes/step-container.ts';
import { parallelRefusals, refusal } from './refusals.ts';
import { retriesOf, stepTask } from './step-task.ts';

/** Cells that one matrix has at most, unless an administrator says otherwise. */
const MATRIX_CELLS = 256;
/** A PipelineRun with all that its controller writes into it has to fit into one object of at most 1 MiB. */
const RUN_BYTES = 900_000;
/** What the controller writes for each cell in the end. */
const CHILD_BYTES = 200;
/** What it keeps of each attempt of a task, beside a copy of the task. */
const ATTEMPT_BYTES = 1500;

/**
 * A plan as one PipelineRun: a task for each step, a matrix of the numbers of its cells. All that is filled in by Tekton is
 * a number: everything of the program is in the scripts.
 * @returns findings for what does not fit (SAME1016)
 */
export function compilePipelineRun(compilation: Compilation): {
  objects: ClusterObject[];
  findings: Finding[];
} {
  const { steps } = compilation;
  if (steps.length === 0) return { objects: [], findings: [] };
  const { objects, findings } = carriedObjects(compilation, refusal);
  for (const compiled of steps) {
    const { step, cells } = compiled;
    if (step.foreach) findings.push(...parallelRefusals(step, cells.length));
    findings.push(...retriesRefusals(compiled, compilation));
  }
  const made = pipelineRun(compilation);
  const cells = steps.reduce((sum, of) => sum + of.cells.length, 0);
  // The status repeats the pipeline.
  const bytes = 2 * JSON.stringify(made).length + cells * CHILD_BYTES;
  if (bytes > RUN_BYTES) {
    const { step, cells: most } = steps.toSorted((a, b) => b.cells.length - a.cells.length)[0]!;
    findings.push(
      refusal(
        `pipeline.${step.group}.${step.name} with ${most.length} ${most.length === 1 ? 'cell' : 'cells'}`,
        `a PipelineRun holds ${formatBytes(RUN_BYTES)}, and this one would grow to about ${formatBytes(bytes)}`,
        'leave a part of the matrix to another run, or compile it as Jobs: --engine kubernetes',
      ),
    );
  }
  // Who watches closes the network before anything begins.
  const policy = compilation.watched ? [] : networkPolicy(compilation);
  return { objects: [...objects, ...policy, made], findings };
}

/** What the PipelineRun of a run is called. */
export function pipelineRunName(runId: string): string {
  return `same-${runId}`;
}

/** A TaskRun that outgrew its object would never end. */
function retriesRefusals(compiled: CompiledStep, compilation: Compilation): Finding[] {
  const { group, name, retries } = compiled.step;
  const task = JSON.stringify(stepTask(compiled, compilation, { name, slots: [], after: [] }));
  // The first attempt, all others, and the task itself.
  const bytes = (retriesOf(compiled, compilation) + 2) * (task.length + ATTEMPT_BYTES);
  if (retries.max === 0 || bytes <= RUN_BYTES) return [];
  return [
    refusal(
      `pipeline.${group}.${name}.retries.max (${retries.max})`,
      `a TaskRun holds ${formatBytes(RUN_BYTES)}, and with all its attempts this one would grow to about ${formatBytes(bytes)}`,
      'try it less often, or compile it as Jobs: --engine kubernetes',
    ),
  ];
}

function pipelineRun(compilation: Compilation): ClusterObject {
  const { steps, runId } = compilation;
  const main = steps.filter(({ step }) => step.group === 'steps');
  const last = steps.filter(({ step }) => step.group === 'finally');
  // Tekton wants something that others come after.
  const [first, then] = main.length === 0 ? [last, []] : [main, last];
  const tasks = (of: CompiledStep[], isOrdered: boolean) =>
    of.flatMap((compiled) =>
      waves(compiled, runId).map(({ name, slots }) =>
        stepTask(compiled, compilation, {
          name,
          slots,
          after: isOrdered
            ? compiled.after.flatMap((each) =>
                of
                  .filter(({ step }) => step.name === each)
                  .flatMap((source) => waves(source, runId).map((wave) => wave.name)),
              )
            : [],
        }),
      ),
    );
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: {
      name: pipelineRunName(runId),
      labels: labelsOf(runId),
      annotations: programAnnotations(compilation),
    },
    spec: {
      // No time in all: each step has its own.
      timeouts: { pipeline: '0s' },
      taskRunTemplate: {
        podTemplate: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: POD_SECURITY,
        },
      },
      ...taskRunSpecs(compilation),
      pipelineSpec: {
        tasks: tasks(first, true),
        ...(then.length === 0 ? {} : { finally: tasks(then, false) }),
      },
    },
  };
}

/** Of steps whose results are those of one platform: its nodes. */
function taskRunSpecs(compilation: Compilation): ClusterObject {
  const specs = compilation.steps.flatMap((compiled) => {
    const nodes = nodeSelector(compiled.step, compilation);
    if (nodes === undefined) return [];
    return waves(compiled, compilation.runId).map(({ name }) => ({
      pipelineTaskName: name,
      podTemplate: { nodeSelector: nodes },
    }));
  });
  return specs.length === 0 ? {} : { taskRunSpecs: specs };
}

/** The tasks of a step: one, and of more cells than a matrix has more. */
function waves({ step, cells }: CompiledStep, runId: string): { name: string; slots: number[] }[] {
  const count = Math.ceil(cells.length / MATRIX_CELLS);
  return Array.from({ length: count }, (_, wave) => ({
    name: count === 1 ? stepLabel(runId, step.name) : stepLabel(runId, `@${wave} ${step.name}`),
    slots: cells.map((__, slot) => slot).slice(wave * MATRIX_CELLS, (wave + 1) * MATRIX_CELLS),
  }));
}
