import { type StoredObject, WORKFLOWS } from '../kubernetes/cluster.ts';
import { endOf, MAIN } from '../kubernetes/pod-state.ts';
import type { Watched } from '../kubernetes/watched.ts';
import type { SubmittedTry, System } from '../submitted/system.ts';
import { ARGO_FACTS } from './refusals.ts';
import { compileWorkflow, workflowName } from './workflow.ts';
import { workflowState } from './workflow-nodes.ts';

/** What Argo writes into a pod: the node that it is of. */
const NODE_ID = 'workflows.argoproj.io/node-id';

/** Argo, which is handed a Workflow. */
export const argo: System = {
  engine: 'argo',
  name: 'Argo',
  product: 'Argo Workflows',
  kind: WORKFLOWS,
  called: 'Workflow',
  advice: 'what Workflows need in their namespace is printed by: same describe engine argo --rbac',
  removes: true,
  ...ARGO_FACTS,
  compile: compileWorkflow,
  objectName: workflowName,
  ending: { all: { spec: { shutdown: 'Terminate' } }, steps: { spec: { shutdown: 'Stop' } } },
  state: workflowState,
  podOf,
  container: MAIN,
  endOf,
  strange: /^(same: |time=.* argo=true\b|Error: exit status \d+$)/,
};

/** Names of pods by their nodes, as far as they were looked for. */
const podNames = new WeakMap<Watched, Map<string, string>>();

function podOf(pods: Watched, { id }: SubmittedTry): StoredObject | undefined {
  const names = podNames.get(pods) ?? new Map<string, string>();
  podNames.set(pods, names);
  if (!names.has(id)) {
    for (const { metadata } of pods.objects.values()) {
      const node = metadata.annotations?.[NODE_ID];
      if (node !== undefined) names.set(node, metadata.name);
    }
  }
  const name = names.get(id);
  return name === undefined ? undefined : pods.objects.get(name);
}
