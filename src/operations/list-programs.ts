import type { Pin } from '../content/content-store.ts';
import type { Ports } from './ports.ts';

/** `same list programs`: every pinned name and version. */
export function listPrograms(ports: Ports): Pin[] {
  return ports.pins.list();
}
