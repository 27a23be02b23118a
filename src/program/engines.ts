/** What this version can do with an engine. */
export interface EngineFacts {
  name: string;
  /** Whether `same run` runs steps with it. */
  runs: boolean;
  /** Whether `same sweep` does, or `same compile` writes a sweep for it. */
  sweeps: boolean;
  /** Whether `same compile` writes files for it. */
  compiles: boolean;
  /** What it writes or runs: for people. */
  what: string;
  /** Whether what it runs goes to a cluster. */
  isOfCluster: boolean;
  /** The API that a cluster needs for it beside those of Kubernetes. */
  api?: WantedApi;
}

/** An API that a cluster may have. */
export interface WantedApi {
  /** `argoproj.io`. */
  group: string;
  /** `workflows`. */
  resource: string;
  /** What it is an API of, for people. */
  of: string;
}

/** Every engine of this version, in the order of listings. */
export const engines: readonly EngineFacts[] = [
  {
    name: 'local',
    runs: true,
    sweeps: true,
    compiles: false,
    isOfCluster: false,
    what: 'processes of this machine',
  },
  {
    name: 'podman',
    runs: true,
    sweeps: true,
    compiles: false,
    isOfCluster: false,
    what: 'containers of this machine',
  },
  {
    name: 'kubernetes',
    runs: true,
    sweeps: true,
    compiles: true,
    isOfCluster: true,
    what: 'Jobs, as any cluster runs them',
  },
  {
    name: 'argo',
    runs: true,
    sweeps: false,
    compiles: true,
    isOfCluster: true,
    what: 'a Workflow of Argo Workflows',
    api: { group: 'argoproj.io', resource: 'workflows', of: 'Argo Workflows' },
  },
  {
    name: 'tekton',
    runs: true,
    sweeps: false,
    compiles: true,
    isOfCluster: true,
    what: 'a PipelineRun of Tekton Pipelines',
    api: { group: 'tekton.dev', resource: 'pipelineruns', of: 'Tekton Pipelines' },
  },
  {
    name: 'kubeflow',
    runs: true,
    sweeps: false,
    compiles: true,
    isOfCluster: true,
    what: 'a pipeline of Kubeflow Pipelines 2',
    // What installs Kubeflow Pipelines brings no kind for a pipeline, but this one.
    api: { group: 'kubeflow.org', resource: 'scheduledworkflows', of: 'Kubeflow Pipelines' },
  },
  {
    name: 'katib',
    runs: false,
    sweeps: true,
    compiles: true,
    isOfCluster: true,
    what: 'a search, as an Experiment of Katib',
    api: { group: 'kubeflow.org', resource: 'experiments', of: 'Katib' },
  },
];

/** Engines of this version that run programs. */
export const RUN_ENGINES: readonly string[] = engines.filter(({ runs }) => runs).map(({ name }) => name);

/** APIs that are looked for in a cluster. */
export const WANTED_APIS: readonly WantedApi[] = engines.flatMap(({ api }) => api ?? []);

/** Whether what an engine runs goes to a cluster. */
export function isOfCluster(engine: string): boolean {
  return engines.some((one) => one.name === engine && one.isOfCluster);
}
