import type { Finding } from '../../errors/same-error.ts';
import { formatBytes } from '../../program/quantity.ts';
import { carriedObjects, labelsOf, programAnnotations, stepLabel } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { POD_SECURITY } from '../kubernetes/step-container.ts';
import { refusal } from './refusals.ts';
import { CELL, stepTemplate } from './step-template.ts';

/** The account by which Argo's own container in each pod says how it went; steps have no account. */
export const EXECUTOR = 'same-executor';
const KEPT_SECONDS = 86_400;
/** Seconds for which pods of a succeeded Workflow are there to be looked at. */
const PODS_KEPT = '600s';
/** A Workflow with all that its controller writes into it has to fit into one object of at most 1 MiB. */
const WORKFLOW_BYTES = 900_000;
/**
 * What the controller has written for a node in the end: about 50 bytes of a node, which it packs when a Workflow is larger
 * than 1 MiB, as much again for its result, and as much as both for longer names and more attempts.
 */
const NODE_BYTES = 200;
/** Nodes of a cell: its own, and that of its attempt. */
const CELL_NODES = 2;

/**
 * A plan as one Workflow: a template for each step, which the tasks of a graph name, those of `finally` of the graph that
 * runs at its exit. All that is filled in by Argo is the number of a cell: everything of the program is in the scripts.
 * @returns findings for what does not fit (SAME1016)
 */
export function compileWorkflow(compilation: Compilation): {
  objects: ClusterObject[];
  findings: Finding[];
} {
  const { steps } = compilation;
  if (steps.length === 0) return { objects: [], findings: [] };
  const { objects, findings } = carriedObjects(compilation, refusal);
  const made = workflow(compilation);
  const all = steps.reduce((sum, { cells }) => sum + cells.length, 0);
  const bytes = JSON.stringify(made).length + all * CELL_NODES * NODE_BYTES;
  if (bytes > WORKFLOW_BYTES) {
    const { step, cells } = steps.toSorted((a, b) => b.cells.length - a.cells.length)[0]!;
    findings.push(
      refusal(
        `pipeline.${step.group}.${step.name} with ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}`,
        `a Workflow holds ${formatBytes(WORKFLOW_BYTES)}, and this one would grow to about ${formatBytes(bytes)}`,
        'leave a part of the matrix to another run, or compile it as Jobs: --engine kubernetes',
      ),
    );
  }
  return { objects: [...objects, made], findings };
}

/** What the Workflow of a run is called. */
export function workflowName(runId: string): string {
  return `same-${runId}`;
}

function workflow(compilation: Compilation): ClusterObject {
  const { steps, runId, watched } = compilation;
  const [main, last] = [
    steps.filter(({ step }) => step.group === 'steps'),
    steps.filter(({ step }) => step.group === 'finally'),
  ];
  const graphs = [
    ...(main.length === 0 ? [] : [graph(stepLabel(runId, '@steps'), main, compilation)]),
    ...(last.length === 0 ? [] : [graph(stepLabel(runId, '@finally'), last, compilation)]),
  ];
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: {
      name: workflowName(runId),
      labels: labelsOf(runId),
      annotations: programAnnotations(compilation),
    },
    spec: {
      entrypoint: graphs[0]!.name,
      ...(watched?.jobs === undefined ? {} : { parallelism: watched.jobs }),
      ...(graphs.length < 2 ? {} : { onExit: graphs[1]!.name }),
      automountServiceAccountToken: false,
      executor: { serviceAccountName: EXECUTOR },
      securityContext: POD_SECURITY,
      podSpecPatch: '{"enableServiceLinks":false}',
      podGC: { strategy: 'OnWorkflowSuccess', deleteDelayDuration: PODS_KEPT },
      ttlStrategy: { secondsAfterCompletion: KEPT_SECONDS },
      templates: [
        ...graphs,
        ...steps.filter(isNarrow).map((compiled) => cellsGraph(compiled, runId)),
        ...steps.map((compiled) => stepTemplate(compiled, compilation)),
      ],
    },
  };
}

/** The steps of a group; whatever becomes of one, those go on that do not need it. */
function graph(name: string, of: CompiledStep[], { runId }: Compilation) {
  const names = new Set(of.map(({ step }) => step.name));
  const tasks = of.map((compiled) => {
    const { step, after } = compiled;
    const depends = after
      .filter((each) => names.has(each))
      .map((each) => dependency(compiled, of.find((other) => other.step.name === each)!, runId));
    return {
      ...(isNarrow(compiled)
        ? { name: stepLabel(runId, step.name), template: cellsLabel(compiled, runId) }
        : task(compiled, runId)),
      ...(depends.length === 0 ? {} : { depends: depends.join(' && ') }),
    };
  });
  return { name, dag: { failFast: false, tasks } };
}

/**
 * What a step waits for. Where its cells read from some cells of another step each, those go on whose own succeeded: their
 * shims know.
 */
function dependency({ cells }: CompiledStep, source: CompiledStep, runId: string): string {
  const name = stepLabel(runId, source.step.name);
  const isPartly = cells.some(({ inputs }) => {
    const slots = Object.values(inputs).flatMap(({ sources }) =>
      sources.flatMap(({ source: of }) => ('step' in of && of.step === source.step.name ? [of.slot] : [])),
    );
    return new Set(slots).size < source.cells.length;
  });
  return isPartly ? `(${name}.Succeeded || ${name}.Failed || ${name}.Errored)` : `${name}.Succeeded`;
}

/** Whether fewer cells of a step may run at a time than it has: what no task can be told, but a graph of its own. */
function isNarrow({ step, cells }: CompiledStep): boolean {
  return step.parallel !== undefined && step.parallel < cells.length;
}

function cellsGraph(compiled: CompiledStep, runId: string): ClusterObject {
  return {
    name: cellsLabel(compiled, runId),
    parallelism: compiled.step.parallel,
    dag: { failFast: false, tasks: [task(compiled, runId)] },
  };
}

function cellsLabel({ step }: CompiledStep, runId: string): string {
  return stepLabel(runId, `@cells ${step.name}`);
}

function task({ step, cells }: CompiledStep, runId: string): ClusterObject {
  const name = stepLabel(runId, step.name);
  if (cells.length === 1) return { name, template: name };
  return {
    name,
    template: name,
    arguments: { parameters: [{ name: CELL, value: '{{item}}' }] },
    withSequence: { count: cells.length },
  };
}
