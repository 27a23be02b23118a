import type { ReadyEnvironment } from '../../environments/environment.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import type { OnFailure } from '../cluster-compiler.ts';
import type { Artifact, EngineEvent } from '../engine.ts';
import type { GivenParameter } from '../given-parameters.ts';
import type { ScriptCell } from '../step-script.ts';

/** Files that travel within the manifests: a tar.gz whose one entry is called `content`, or the code of a step. */
export interface CarriedArchive {
  /** Tells it from every other: by its content. */
  name: string;
  bytes: Uint8Array;
  /** The field of the manifest that it is there for. */
  field: string;
}

/** One step of which cells are to run. */
export interface CompiledStep {
  step: PlannedStep;
  /** Those that no stored result stands in for; the number of a cell here is its slot. */
  cells: ScriptCell[];
  /** `NAME@sha256:…` */
  image: string;
  variables: Record<string, string>;
  code?: CarriedArchive;
  /** What its inputs are made of that was computed or given before, and is no result of this run. */
  archives: CarriedArchive[];
  /** Steps of this run that it reads from, sorted. */
  after: string[];
  /** Parameters whose values only the engine says. */
  given?: GivenParameter[];
  /** The metric that the engine is told, and the file in which it looks for that. */
  report?: { metric: string; file: string };
}

/** A plan of which it is known what has to run: all that manifests are made of. */
export interface Compilation {
  plan: Plan;
  /** Twelve hexadecimal digits. */
  runId: string;
  /** In the order of the plan. */
  steps: CompiledStep[];
  /** For instance `linux-x86_64`. */
  platform: string;
  /** Secrets without which a step may run. */
  optionalSecrets: readonly string[];
  onFailure: OnFailure;
  shim: string;
  /** Of a run that its client watches to the end; not of files that somebody applies. */
  watched?: WatchedRun;
}

/** What a client that watches has otherwise than who applies files: all of it is of this run, and goes with it. */
export interface WatchedRun {
  /** The id of the run, as its steps are told it. */
  id: string;
  /** Of the volume, below which steps leave what they make. */
  directory: string;
  /** The secret that has the program's secrets by their names. */
  secret: string;
  /** Pods at a time, where the caller says how many. */
  jobs?: number;
}

/** An object of a cluster, as its API takes it. */
export type ClusterObject = Record<string, unknown>;

/** What is known of a plan before it runs. */
export interface KnownPlan {
  plan: Plan;
  /** What {@link EngineEvent}s of a forecast said. */
  told: readonly EngineEvent[];
  environment(name: string): ReadyEnvironment;
  code(step: PlannedStep): Promise<CarriedArchive | undefined>;
  /** What was computed before, packed. */
  archive(artifact: Artifact, field: string): Promise<CarriedArchive>;
  data: Record<string, (field: string) => Promise<CarriedArchive>>;
  /** Directory in which a step finds what is packed. */
  packed: string;
}
