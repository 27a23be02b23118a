import type { Finding } from '../../errors/same-error.ts';
import type { Search } from '../../sweeps/sweep.ts';
import { carriedObjects, labelsOf } from '../kubernetes/carried-objects.ts';
import type { ClusterObject, Compilation, CompiledStep } from '../kubernetes/compilation.ts';
import { objectName } from '../kubernetes/names.ts';
import { podFields, stepContainer, stepVolumes } from '../kubernetes/step-container.ts';
import { parameterOf, refusal } from './search.ts';

/** The file in which Katib looks for the metric; its directory is a volume that Katib brings along. */
const REPORT = '/same-katib/report';
/** How deep objects may lie in a report before the metric. */
const DEPTH = 4;
const KEPT_SECONDS = 86_400;

/** What Katib calls the ways that {@link Search} has. */
const ALGORITHMS = { grid: 'grid', random: 'random', sobol: 'sobol', tpe: 'tpe' };

/**
 * A search as an Experiment of Katib: each of its trials is a Job of the one step that the program is, told the values by
 * variables.
 * @returns findings for what does not fit (SAME1016)
 */
export function compileExperiment(
  compilation: Compilation,
  search: Search,
): { objects: ClusterObject[]; findings: Finding[] } {
  const { runId, plan } = compilation;
  const [only] = compilation.steps as [CompiledStep];
  const { direction, metric: named } = search.objective!;
  const prefix = `${only.step.name}.`;
  const metric = named.startsWith(prefix) ? named.slice(prefix.length) : named;
  const parameters = search.space.map(parameterOf);
  const compiled: CompiledStep = {
    ...only,
    given: parameters.map(({ given }) => given),
    report: { metric, file: REPORT },
  };
  const { objects, findings } = carriedObjects({ ...compilation, steps: [compiled] }, refusal);
  const { trials, jobs, samplerSeed, algorithm } = search;
  const experiment = {
    apiVersion: 'kubeflow.org/v1beta1',
    kind: 'Experiment',
    metadata: {
      name: objectName(runId, 'sweep'),
      labels: labelsOf(runId),
      annotations: {
        'same.dev/program': `${plan.program.name}:${plan.program.version}`,
        'same.dev/digest': plan.program.digest,
      },
    },
    spec: {
      objective: {
        type: direction === 'min' ? 'minimize' : 'maximize',
        objectiveMetricName: metric,
        metricStrategies: [{ name: metric, value: 'latest' }],
      },
      algorithm: {
        algorithmName: ALGORITHMS[algorithm],
        ...(samplerSeed === undefined || algorithm === 'sobol'
          ? {}
          : { algorithmSettings: [{ name: 'random_state', value: String(samplerSeed) }] }),
      },
      parallelTrialCount: Math.min(jobs, trials),
      maxTrialCount: trials,
      // A trial that fails stops nothing.
      maxFailedTrialCount: trials,
      resumePolicy: 'Never',
      metricsCollectorSpec: {
        collector: { kind: 'File' },
        source: {
          fileSystemPath: { path: REPORT, kind: 'File', format: 'TEXT' },
          filter: { metricsFormat: [metricFormat(metric)] },
        },
      },
      parameters: parameters.map(({ parameter }) => parameter),
      trialTemplate: {
        retain: true,
        primaryContainerName: 'main',
        successCondition: 'status.conditions.#(type=="Complete")#|#(status=="True")#',
        failureCondition: 'status.conditions.#(type=="Failed")#|#(status=="True")#',
        trialParameters: parameters.map(({ given: { name } }) => ({ name, reference: name })),
        trialSpec: trialJob(compiled, compilation),
      },
    },
  };
  return { objects: [...objects, experiment], findings };
}

/**
 * Finds the metric in a report, a JSON object on one line: only at its top, wherever in it, and only as a number. Another
 * one of the same name further below is none.
 */
export function metricFormat(metric: string): string {
  let nested = '[^{}]';
  for (let depth = 0; depth < DEPTH; depth++) nested = `(?:[^{}]|\\{${nested}*\\})`;
  const number = '[+-]?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?';
  return `^\\s*\\{(?:${nested}*,)?\\s*"(${metric})"\\s*:\\s*(${number})\\s*[,}]`;
}

function trialJob(compiled: CompiledStep, compilation: Compilation): ClusterObject {
  const { runId } = compilation;
  const told = compiled.given!.map(({ name, variable }) => ({
    name: variable,
    value: `\${trialParameters.${name}}`,
  }));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      podFailurePolicy: {
        // What the cluster took away is no failure of the trial.
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      template: {
        metadata: { labels: { ...labelsOf(runId), 'same.dev/network': 'open' } },
        spec: {
          ...podFields(compiled.step, compilation),
          containers: [
            stepContainer(compiled, compilation, [
              { name: 'SAME_EXIT_COPY', value: '/dev/termination-log' },
              // What a trial leaves lies under its name.
              {
                name: 'SAME_CELL',
                valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } },
              },
              ...told,
            ]),
          ],
          volumes: stepVolumes(compiled, compilation),
        },
      },
    },
  };
}
