import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { engineContract } from '../contract/engine.ts';

engineContract('local', openLocalEngine);
