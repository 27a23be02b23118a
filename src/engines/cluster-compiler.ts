import type { Finding } from '../errors/same-error.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { EngineContext } from './engine.ts';
import type { ClusterObject, Compilation } from './kubernetes/compilation.ts';

/** What a failed step means for the others. */
export type OnFailure = EngineContext['onFailure'];

/** What a plan is for a cluster. */
export interface Compiled {
  /** As the cluster takes them, in the order in which they are to be created. */
  objects: ClusterObject[];
  /** What a person who applies them has to know; the first line says of which program they are, and for what. */
  comments: string[];
  /** What they are, for people: `3 Jobs`. */
  made: string;
  /** What does not fit (SAME1016). */
  findings: Finding[];
}

/** Turns plans into objects of a cluster: a pure function, which asks no cluster (spec SAME-ENG-017). */
export interface ClusterCompiler {
  /** As `--engine` names it. */
  name: string;
  /** What it can be told of failures; the first is what it does by itself. */
  onFailure: readonly OnFailure[];
  /** Directory in which steps find what is packed. */
  packed: string;
  /** What it cannot honour in a plan, before anything is compiled (SAME1016): every field. */
  refusals(plan: Plan, onFailure: OnFailure): Finding[];
  /** @param secrets that have to be in the cluster */
  compile(compilation: Compilation, secrets: readonly string[]): Compiled;
}
