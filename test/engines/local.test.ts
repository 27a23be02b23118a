import { describe } from 'node:test';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { engineContract } from '../contract/engine.ts';

// Two chapters at once and two tests of each: steps are mostly waited for.
describe('local', { concurrency: 2 }, () => {
  engineContract('local', openLocalEngine);
});
