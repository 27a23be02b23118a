/** The view of a run on a terminal, as one chunk: runs that nobody looks at load nothing of it. */
export { openLive } from './render/live.ts';
