import { carriedObjects, labelsOf, programAnnotations } from '../kubernetes/carried-objects.ts';
import { PODS } from '../kubernetes/cluster.ts';
import type { ClusterObject, Compilation } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import { endOf, MAIN } from '../kubernetes/pod-state.ts';
import type { System } from '../submitted/system.ts';
import { unmounted } from './executors.ts';
import { compilePipeline } from './pipeline.ts';
import { PIPELINE_RUNS } from './pipeline-runs.ts';
import { KUBEFLOW_FACTS, refusal } from './refusals.ts';
import { pipelineRunState, podOfTry } from './run-state.ts';
import { markOf } from './watched-step.ts';

/** Kubeflow Pipelines, which is handed a run of a pipeline. */
export const kubeflow: System = {
  engine: 'kubeflow',
  name: 'Kubeflow',
  product: 'Kubeflow Pipelines',
  kind: PIPELINE_RUNS,
  called: 'Run',
  advice:
    'the page of Kubeflow Pipelines shows what it tells of the run; kubectl get events, what the cluster does',
  owner: 'ConfigMap',
  parts: PODS,
  keepsHistory: true,
  // As its own manifests have it by now.
  repeatsUnless:
    'workflow-controller-configmap may set retryPolicy OnError for all (templateDefaults), which repeats only what the cluster lost',
  ...KUBEFLOW_FACTS,
  compile: compileRun,
  objectName: (run) => objectName(run, '@run'),
  hold: { spec: { suspend: true }, release: { spec: { suspend: false } } },
  // What ends a pipeline it begins all the same.
  ending: { all: { spec: { isEnding: true } }, steps: { spec: { isEnding: true } } },
  state: pipelineRunState,
  podOf: podOfTry,
  container: MAIN,
  endOf,
  // Of the launcher, in whose container a step runs: what Go's logger writes, and what it says of its end.
  strange: /^(same: |[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ |time=.* argo=true\b|Error: exit status \d+$)/,
};

/** The run of a plan, whose pods find their scripts in objects. */
function compileRun(compilation: Compilation): ReturnType<System['compile']> {
  const steps = compilation.steps.map(unmounted);
  const plain = { ...compilation, steps };
  const carried = carriedObjects(plain, refusal);
  const { objects, findings } = compilePipeline(plain);
  const [pipeline, platform] = objects;
  const { program } = compilation.plan;
  const run: ClusterObject = {
    apiVersion: PIPELINE_RUNS.apiVersion,
    kind: 'ConfigMap',
    metadata: {
      name: kubeflow.objectName(compilation.runId),
      labels: labelsOf(compilation.runId),
      annotations: programAnnotations(compilation),
    },
    spec: {
      display_name: `${program.name}:${program.version}`,
      description: `${program.digest}, run ${compilation.watched?.id ?? compilation.runId}`,
      pipeline_spec: { pipeline_spec: pipeline, platform_spec: platform },
      runtime_config: {},
    },
  };
  return {
    objects: [...carried.objects, markOf(compilation), run],
    findings: [...carried.findings, ...findings],
  };
}
