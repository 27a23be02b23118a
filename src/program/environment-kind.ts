import type { Environment } from './schema.ts';

/** Whether steps of an environment can run in a container only: nothing says how to make it on the machine itself. */
export function isImageAlone({ system, python, r, node }: Environment): boolean {
  return !system && !python && !r && !node;
}
