import type { JsonObject } from '../program/json.ts';

/** An environment that is ready to run steps in. */
export interface ReadyEnvironment {
  name: string;
  kind: 'system' | 'python';
  /** The whole PATH of a step, first wins. */
  path: string[];
  /** Declared variables and those the kind needs (`VIRTUAL_ENV`, …). */
  variables: Record<string, string>;
  /** What identifies it in cache keys: `lock:sha256:…`, or `freeze:sha256:…` for a system environment. */
  key: string;
  locked: boolean;
  /** What was resolved (interpreter, packages or commands with versions): goes into the run record. */
  resolved: JsonObject;
}
