/** What only runs and builds need: a file of its own, for commands that hardly ever do (see `scripts/build.mjs`). */

export { ARGO_FACTS } from '../engines/argo/refusals.ts';
export { forecast } from '../engines/forecast.ts';
export { KUBEFLOW_FACTS } from '../engines/kubeflow/refusals.ts';
export { CLUSTER_JOBS, runRefusals } from '../engines/kubernetes/refusals.ts';
export { openLocalEngine } from '../engines/local/local-engine.ts';
export { podmanRefusals } from '../engines/podman/refusals.ts';
export { ALL_AT_ONCE } from '../engines/submitted/system.ts';
export { TEKTON_FACTS } from '../engines/tekton/refusals.ts';
export { openEnvironments } from '../environments/prepare.ts';
export { checkRequirements } from '../infrastructure/requirements.ts';
export { isPlainChoice, resolveTarget } from '../infrastructure/targets.ts';
