/** What speaks MLflow's protocol, as one chunk: loaded when a step logs by it, or when history is served. */
export { openIntakeServer } from '../runs/mlflow/intake-server.ts';
