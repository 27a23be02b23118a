import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { testContentStore } from '../contract/content-store.ts';

testContentStore('memory', () => ({ store: openMemoryContentStore() }));
