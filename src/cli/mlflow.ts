/** What speaks MLflow's protocol, as one chunk: loaded when a step logs by it, or when history is served. */
export { serveHistory } from '../runs/mlflow/history-server.ts';
export { openIntakeServer } from '../runs/mlflow/intake-server.ts';
