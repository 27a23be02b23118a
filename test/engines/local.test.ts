import { describe } from 'node:test';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { engineContract } from '../contract/engine.ts';

// Two chapters at once and two tests of each: steps are mostly waited for.
describe('local', { concurrency: 2 }, () => {
  // Steps reach this machine, and what takes their logging (SAME-STP-033).
  engineContract('local', openLocalEngine, { variables: ['MLFLOW_RUN_ID', 'MLFLOW_TRACKING_URI'] });
});
