/**
 * What running a stored program loads, as one chunk: every file more costs start-up. Nothing here may import the
 * argument parser, YAML, zod or git (spec of speed: `bench/`).
 */
export { run } from './commands/run.ts';
export { openPorts } from './wiring.ts';
