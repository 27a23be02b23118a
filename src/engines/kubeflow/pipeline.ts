import type { Finding } from '../../errors/same-error.ts';
import { formatBytes } from '../../program/quantity.ts';
import type { ClusterObject, Compilation } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import { containerOf, filesOf, interfaceOf, podOf, SLOT } from './executors.ts';
import { refusal } from './refusals.ts';
import { type StepTask, type TaskGroup, taskGroups } from './tasks.ts';
import { watchedContainer, watchedPod } from './watched-step.ts';

/** Bytes of one variable: Linux takes 128 KiB, name and all. */
const VARIABLE_BYTES = 120_000;
/** Bytes of what Kubeflow makes of a pipeline, which is one object of a cluster. */
const OBJECT_BYTES = 900_000;
/** Bytes that a task is in it beside what it is here: about as much as was counted in what its compiler writes. */
const TASK_BYTES = 1_500;
/** Artifacts that one task reads: they reach it in one argument of at most 128 KiB, some hundred bytes each. */
const MOST_SOURCES = 200;
/**
 * How long is waited between attempts, and for how long after the first one there are others: Kubeflow takes nothing said of
 * that for no time at all, and then tries nothing again.
 */
const BACKOFF = { backoffDuration: '10s', backoffFactor: 2, backoffMaxDuration: '31536000s' };
/** The versions of what is written: of the specification of pipelines, and of what made it. */
const SCHEMA_VERSION = '2.1.0';

type Tasks = Record<string, ClusterObject>;

/**
 * A plan as a pipeline of Kubeflow (PipelineSpec) and what Kubernetes is told of its pods (PlatformSpec), where anything
 * is to run. Steps of `finally` are what ends the others: one task, whatever became of them.
 * @returns findings for what does not fit (SAME1016)
 */
export function compilePipeline(compilation: Compilation): {
  objects: ClusterObject[];
  findings: Finding[];
  tasks: number;
} {
  const { plan, runId, watched } = compilation;
  const groups = taskGroups(compilation);
  const findings: Finding[] = [];
  const components: Record<string, ClusterObject> = {};
  const executors: Record<string, ClusterObject> = {};
  const pods: Record<string, ClusterObject> = {};
  const graph = (of: readonly TaskGroup[]) => {
    const tasks: Tasks = {};
    for (const group of of) {
      const { compiled } = group;
      const files = watched ? [] : filesOf(compiled, compilation);
      const labels = new Map<string, string>();
      for (const { content, field } of files)
        if (content.length > VARIABLE_BYTES) findings.push(tooLong(field, content.length));
      for (const task of group.tasks) {
        if (task.sources.length > MOST_SOURCES) findings.push(tooMany(group, task));
        const label = labelOf(labels, group, task);
        executors[label] ??= {
          container: watched
            ? watchedContainer(compiled, compilation)
            : containerOf(compiled, files, task.sources),
        };
        pods[label] ??= (watched ? watchedPod : podOf)(compiled, group.name, compilation);
        components[`comp-${task.name}`] = {
          executorLabel: label,
          ...interfaceOf(compiled, task, compilation),
        };
        if (group.isLoop) components[`loop-${task.name}`] = loopComponent(group, task, compilation);
        tasks[task.name] = group.isLoop ? loopTask(group, task, groups) : cellTask(group, task, groups);
      }
    }
    return tasks;
  };
  const [steps, last] = (['steps', 'finally'] as const).map((group) =>
    groups.filter(({ compiled }) => compiled.step.group === group),
  ) as [TaskGroup[], TaskGroup[]];
  const isParted = steps.length > 0 && last.length > 0;
  let root = isParted ? {} : graph(groups);
  if (isParted) {
    components['graph-steps'] = { dag: { tasks: graph(steps) } };
    components['graph-finally'] = { dag: { tasks: graph(last) } };
    root = {
      steps: { taskInfo: { name: 'steps' }, componentRef: { name: 'graph-steps' } },
      finally: {
        taskInfo: { name: 'finally' },
        componentRef: { name: 'graph-finally' },
        dependentTasks: ['steps'],
        triggerPolicy: { strategy: 'ALL_UPSTREAM_TASKS_COMPLETED' },
      },
    };
  }
  const tasks = groups.reduce((sum, group) => sum + group.tasks.length, 0);
  if (tasks === 0) return { objects: [], findings, tasks };
  const spec = {
    pipelineInfo: { name: objectName(runId, plan.program.name) },
    schemaVersion: SCHEMA_VERSION,
    sdkVersion: 'same',
    root: { dag: { tasks: root } },
    components,
    deploymentSpec: { executors },
  };
  const platform = { platforms: { kubernetes: { deploymentSpec: { executors: pods } } } };
  const bytes = JSON.stringify(spec).length + JSON.stringify(platform).length + tasks * TASK_BYTES;
  if (findings.length === 0 && bytes > OBJECT_BYTES) findings.push(tooLarge(bytes, tasks));
  return { objects: [spec, platform], findings, tasks };
}

/** Tasks that read as much under the same names have one executor. */
function labelOf(labels: Map<string, string>, { name }: TaskGroup, { sources }: StepTask): string {
  const read = sources.map((source) => source.name).join();
  const label = labels.get(read) ?? `exec-${name}${labels.size === 0 ? '' : `_${labels.size}`}`;
  labels.set(read, label);
  return label;
}

/** A task of one cell. */
function cellTask(group: TaskGroup, task: StepTask, groups: readonly TaskGroup[]): ClusterObject {
  return {
    ...attempts(group, task),
    ...after(task),
    inputs: {
      parameters: { [SLOT]: { runtimeValue: { constant: task.slots[0] } } },
      ...produced(task, groups),
    },
  };
}

/** A task of all cells: rounds of a pipeline of its own, each told its number. */
function loopTask(
  { compiled, name }: TaskGroup,
  task: StepTask,
  groups: readonly TaskGroup[],
): ClusterObject {
  const { parallel } = compiled.step;
  const inputs = produced(task, groups);
  return {
    taskInfo: { name },
    componentRef: { name: `loop-${task.name}` },
    ...after(task),
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    parameterIterator: { itemInput: SLOT, items: { raw: JSON.stringify(task.slots) } },
    ...(parallel === undefined ? {} : { iteratorPolicy: { parallelismLimit: parallel } }),
  };
}

function loopComponent(group: TaskGroup, task: StepTask, compilation: Compilation): ClusterObject {
  const given = task.sources.map(({ name }) => [name, { componentInputArtifact: name }]);
  return {
    inputDefinitions: interfaceOf(group.compiled, task, compilation).inputDefinitions,
    dag: {
      tasks: {
        [task.name]: {
          ...attempts(group, task),
          inputs: {
            parameters: { [SLOT]: { componentInputParameter: SLOT } },
            ...(given.length === 0 ? {} : { artifacts: Object.fromEntries(given) }),
          },
        },
      },
    },
  };
}

/** Nothing is taken from a cache of Kubeflow's: what is stored has been taken out before. */
function attempts({ compiled, name }: TaskGroup, task: StepTask): ClusterObject {
  const { max } = compiled.step.retries;
  return {
    taskInfo: { name: task.slots.length === 1 ? compiled.cells[task.slots[0]!]!.name : name },
    componentRef: { name: `comp-${task.name}` },
    cachingOptions: { enableCache: false },
    ...(max === 0 ? {} : { retryPolicy: { maxRetryCount: max, ...BACKOFF } }),
  };
}

function after(task: StepTask): ClusterObject {
  return task.after.length === 0 ? {} : { dependentTasks: task.after };
}

/** Where a task's artifacts come from. */
function produced({ sources }: StepTask, groups: readonly TaskGroup[]): ClusterObject {
  if (sources.length === 0) return {};
  const of = ({ step, slot, output }: StepTask['sources'][number]) => ({
    taskOutputArtifact: {
      producerTask: groups.find(({ compiled }) => compiled.step.name === step)!.tasks[slot]!.name,
      outputArtifactKey: output,
    },
  });
  return { artifacts: Object.fromEntries(sources.map((source) => [source.name, of(source)])) };
}

function tooLong(field: string, bytes: number): Finding {
  const why = `${formatBytes(bytes)} in base64 are more than the ${formatBytes(VARIABLE_BYTES)} that a variable of a container holds`;
  return refusal(
    field,
    why,
    'name the files that it needs (code: ["src/**"]), split the matrix, or let a step of the run make or fetch what is large',
  );
}

function tooMany({ compiled: { step } }: TaskGroup, { sources }: StepTask): Finding {
  const why = `a cell reads ${sources.length} artifacts, and Kubeflow tells a task of at most ${MOST_SOURCES}`;
  return refusal(
    `pipeline.${step.group}.${step.name}.inputs`,
    why,
    'let steps between gather parts of them, each of at most that many',
  );
}

function tooLarge(bytes: number, tasks: number): Finding {
  const why = `${tasks} tasks are about ${formatBytes(bytes)} for a cluster, and an object of it holds ${formatBytes(OBJECT_BYTES)}`;
  return refusal(
    'pipeline',
    why,
    'run it in parts (--until STEP), split the matrix, or name the files that steps need: code: ["src/**"]',
  );
}
