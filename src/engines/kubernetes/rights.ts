/** A right that running programs needs, in the namespace of the run. */
export interface Right {
  /** Empty for the core API. */
  group: string;
  /** `jobs`, or a part of one: `pods/log`. */
  resource: string;
  /** Where it is a right to no other things of the kind than those of these names. */
  names?: readonly string[];
  verbs: readonly string[];
}

/** What every engine uses that runs steps in a cluster, whatever starts their pods. */
const OF_BOTH: readonly Right[] = [
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch', 'delete'] },
  { group: '', resource: 'pods/log', verbs: ['get'] },
  // A WebSocket begins as a GET; newer versions of the API ask for `create` beside it.
  { group: '', resource: 'pods/exec', verbs: ['get', 'create'] },
  { group: '', resource: 'secrets', verbs: ['create'] },
  { group: '', resource: 'persistentvolumeclaims', verbs: ['get'] },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verbs: ['create', 'list', 'delete'] },
];

/** Every right that the engine uses, and no other: what it asks for, what looks at the place before, and what cleans up. */
export const RIGHTS: readonly Right[] = [
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
  ...OF_BOTH,
];

/** What engines use that hand a whole run to a system of the cluster, beside what is its own. */
const OF_WHOLE: readonly Right[] = [
  // Of what carries files.
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch', 'delete'] },
  ...OF_BOTH,
];
/** Of those whose objects own what pods read. */
const OWNED: Right = { group: '', resource: 'configmaps', verbs: ['create', 'get', 'delete'] };

/** The same of the engine that runs Workflows. */
export const ARGO_RIGHTS: readonly Right[] = [
  {
    group: 'argoproj.io',
    resource: 'workflows',
    verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'],
  },
  OWNED,
  ...OF_WHOLE,
];

/** The same of the engine that runs PipelineRuns. */
export const TEKTON_RIGHTS: readonly Right[] = [
  {
    group: 'tekton.dev',
    resource: 'pipelineruns',
    verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'],
  },
  { group: 'tekton.dev', resource: 'taskruns', verbs: ['list', 'watch', 'patch'] },
  OWNED,
  ...OF_WHOLE,
];

/** The same of the engine that hands runs to Kubeflow: what claims a run is an object, and its API is asked by the cluster's. */
export const KUBEFLOW_RIGHTS: readonly Right[] = [
  // A GET asks its API, a POST tells it something; other services of the namespace are no business of it.
  { group: '', resource: 'services/proxy', names: ['ml-pipeline:8888'], verbs: ['get', 'create'] },
  { group: '', resource: 'configmaps', verbs: ['create', 'get', 'list', 'patch', 'delete'] },
  ...OF_WHOLE,
];

/** Rights by the engine that runs steps with them. */
export function rightsOf(engine: string | undefined): readonly Right[] {
  if (engine === 'argo') return ARGO_RIGHTS;
  if (engine === 'kubeflow') return KUBEFLOW_RIGHTS;
  return engine === 'tekton' ? TEKTON_RIGHTS : RIGHTS;
}

/** A right in words: `create jobs.batch`, `get pods/log`. */
export function rightText({ group, resource }: Pick<Right, 'group' | 'resource'>, verb: string): string {
  const [name, part] = resource.split('/') as [string, string?];
  return `${verb} ${name}${group === '' ? '' : `.${group}`}${part === undefined ? '' : `/${part}`}`;
}
