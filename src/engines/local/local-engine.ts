import type { LocalContentStore } from '../../content/content-store.ts';
import type { Finding } from '../../errors/same-error.ts';
import type { Plan } from '../../pipeline/plan.ts';
import { isImageAlone } from '../../program/environment-kind.ts';
import type { Environment } from '../../program/schema.ts';
import type { Engine } from '../engine.ts';
import { schedule } from '../scheduler.ts';
import { openLocalAttempts } from './local-attempts.ts';

/**
 * The embedded engine: steps as local process groups. It needs no service, no container and no rights; it is the
 * reference the other engines are held against.
 */
export function openLocalEngine(content: LocalContentStore): Engine {
  const attempts = openLocalAttempts(content);
  return {
    name: 'local',
    refusals: imagesAlone,
    run: (plan, context) => schedule(plan, context, attempts),
  };
}

/** Nothing says how to make these on the machine itself. */
function imagesAlone({ environments }: Plan): Finding[] {
  return Object.entries(environments).flatMap(([name, environment]) => {
    if (!isImageAlone(environment as Environment)) return [];
    const field = environment.image === undefined ? 'dockerfile' : 'image';
    return [
      {
        code: 'SAME1016' as const,
        message: `environments.${name}.${field} without a lock is not supported by engine local`,
        place: 'same.yaml',
        hint: 'run it in containers: --engine podman; or declare python, r or node beside it',
      },
    ];
  });
}
