import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineContext } from '../../src/engines/engine.ts';

let meetings: string | undefined;

/** One directory for all places, which stays while any container may be started that is to see it. */
function meetingsDirectory(): string {
  if (meetings === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'same-meeting-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    meetings = made;
  }
  return meetings;
}

/** A directory outside of all runs, by which steps and tests meet. */
export function meetingPlace(): Disposable & {
  path: string;
  set(name: string): void;
  has(name: string): boolean;
} {
  const path = mkdtempSync(join(meetingsDirectory(), 'place-'));
  return {
    path,
    set: (name) => writeFileSync(join(path, name), ''),
    has: (name) => existsSync(join(path, name)),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Changes what the engine is given, with places for eight steps. */
export const given = (changes: Partial<EngineContext>) => (context: EngineContext) => ({
  ...context,
  jobs: 8,
  ...changes,
});

/** A shell that waits until a file is there. */
export const awaiting = (path: string) => `while [ ! -e ${path} ]; do sleep 0.01; done`;
