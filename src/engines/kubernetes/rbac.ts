import { EXECUTOR } from '../argo/workflow.ts';
import type { ClusterObject } from './compilation.ts';
import { ARGO_RIGHTS, KUBEFLOW_RIGHTS, RIGHTS, type Right, TEKTON_RIGHTS } from './rights.ts';

/** What the role, its binding and the account that are printed are called. */
const NAME = 'same';
/** The same for runs with Argo, with Tekton and with Kubeflow. */
const ARGO_NAME = 'same-argo';
const TEKTON_NAME = 'same-tekton';
const KUBEFLOW_NAME = 'same-kubeflow';

/** What an administrator applies: objects, and how a person uses them. */
export interface Rbac {
  objects: ClusterObject[];
  comments: string[];
}

/** Engines that an account with a role is printed for. */
export const rbacOf: Readonly<Record<string, (namespace: string) => Rbac>> = {
  kubernetes: ofRuns,
  argo: ofArgo,
  tekton: ofTekton,
  kubeflow: ofKubeflow,
};

/**
 * The least that whoever runs programs may do: a role in one namespace, an account, and what binds the two (spec
 * SAME-ENG-024).
 */
function ofRuns(namespace: string): Rbac {
  return {
    objects: accountWith(NAME, namespace, RIGHTS),
    comments: [
      'What running programs with same as Jobs of Kubernetes takes, and no more; steps themselves have no rights.',
      ...howToUse(NAME, namespace),
      'For people instead, name them in the subjects: {kind: User, name: …, apiGroup: rbac.authorization.k8s.io}.',
    ],
  };
}

/**
 * What Argo's own container in each pod of a Workflow needs, to say how it went, and its token, by the name that it has to
 * have; and what whoever runs Workflows may do.
 */
function ofArgo(namespace: string): Rbac {
  const rights = [{ group: 'argoproj.io', resource: 'workflowtaskresults', verbs: ['create', 'patch'] }];
  const token: ClusterObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...metadataOf(`${EXECUTOR}.service-account-token`, namespace),
      annotations: { 'kubernetes.io/service-account.name': EXECUTOR },
    },
    type: 'kubernetes.io/service-account-token',
  };
  const [account, ...others] = accountWith(EXECUTOR, namespace, rights);
  return {
    objects: [account!, token, ...others, ...accountWith(ARGO_NAME, namespace, ARGO_RIGHTS)],
    comments: [
      `What Workflows need in their namespace (${EXECUTOR}), and what running programs with same as Workflows of Argo`,
      `takes (${ARGO_NAME}), and no more; steps themselves have no rights.`,
      ...howToUse(ARGO_NAME, namespace),
      'Who applies what same compile --engine argo writes needs the rights to that.',
    ],
  };
}

/** What whoever runs PipelineRuns may do; these themselves need nothing. */
function ofTekton(namespace: string): Rbac {
  return {
    objects: accountWith(TEKTON_NAME, namespace, TEKTON_RIGHTS),
    comments: [
      'What running programs with same as PipelineRuns of Tekton takes, and no more; steps themselves have no rights.',
      ...howToUse(TEKTON_NAME, namespace),
      'Who applies what same compile --engine tekton writes needs the rights to that.',
    ],
  };
}

/** What whoever hands runs to Kubeflow may do; steps have the account that Kubeflow gives them. */
function ofKubeflow(namespace: string): Rbac {
  return {
    objects: accountWith(KUBEFLOW_NAME, namespace, KUBEFLOW_RIGHTS),
    comments: [
      'What running programs with same by Kubeflow Pipelines 2.16 or later takes, and no more, in the namespace of Kubeflow;',
      'steps have the account that Kubeflow gives them. ConfigMaps may be changed and deleted by it that are of others, also',
      'those of Kubeflow itself: names of runs are not known before.',
      ...howToUse(KUBEFLOW_NAME, namespace),
    ],
  };
}

function howToUse(account: string, namespace: string): string[] {
  return ['kubectl apply -f FILE', `To run as this account: kubectl create token ${account} -n ${namespace}`];
}

function accountWith(name: string, namespace: string, rights: readonly Right[]): ClusterObject[] {
  const metadata = metadataOf(name, namespace);
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata,
      rules: rights.map(({ group: of, resource, names, verbs }) => ({
        apiGroups: [of],
        resources: [resource],
        ...(names ? { resourceNames: [...names] } : {}),
        verbs: [...verbs],
      })),
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

function metadataOf(name: string, namespace: string): ClusterObject {
  return { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'same' } };
}
