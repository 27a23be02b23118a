import type { Finding } from '../../errors/same-error.ts';
import type { Plan, PlannedStep } from '../../pipeline/plan.ts';
import type { OnFailure } from '../cluster-compiler.ts';
import type { Cluster, Kind, StoredObject } from '../kubernetes/cluster.ts';
import type { ClusterObject, Compilation } from '../kubernetes/compilation.ts';
import type { ExitRecord } from '../kubernetes/exit-record.ts';
import type { PodEnd } from '../kubernetes/pod-state.ts';
import type { Watched } from '../kubernetes/watched.ts';

/** Attempts at a time where nobody says how many: what is handed over whole has all that can run. */
export const ALL_AT_ONCE = 1_000_000;

/** A system of a cluster that runs a whole plan, handed to it as one object: all that is its own of that. */
export interface System {
  /** As `--engine` names it. */
  engine: string;
  /** What acts, for people: `Argo`. */
  name: string;
  /** What has to be in the cluster, for people: `Argo Workflows`. */
  product: string;
  /** What it is handed. */
  kind: Kind;
  /** The same, as the object itself and people call it: `Workflow`. */
  called: string;
  /** What helps whoever is told that it did not run a step. */
  advice: string;
  /** The kind of that object, where it is called otherwise: what its pods read belongs to it. */
  owner?: string;
  /** Objects that it makes of that one, which say more of how far it is; they have the labels of the run. */
  parts?: Kind;
  /** It cannot be told how many steps run at a time. */
  takesNoJobs?: true;
  /** It removes what has ended after a day by itself. */
  removes?: true;
  /** What may keep it from trying a step again that it was told to, for people. */
  repeatsUnless?: string;
  /** Its history says how a run ended, and of what is ended before it says so itself, that it was canceled. */
  keepsHistory?: true;
  /** What it can be told of failures; the first is what it does by itself. */
  onFailure: readonly OnFailure[];
  /** What of a plan it cannot honour (SAME1016). */
  refusals(plan: Plan): Finding[];
  /** @returns the object that it is handed as the last one, those that its pods read before */
  compile(compilation: Compilation): { objects: ClusterObject[]; findings: Finding[] };
  /** What the object of a run is called, by the digits of its id. */
  objectName(run: string): string;
  /**
   * For one that fails what finds nothing to read: of its `spec` what keeps it from beginning, and the change that lets it
   * begin. Pods of others wait.
   */
  hold?: { spec: ClusterObject; release: ClusterObject };
  /** The changes by which it is asked to end all of it, and to end what has not ended but for `finally`. */
  ending: { all: ClusterObject; steps: ClusterObject };
  /**
   * Reads how far it is.
   * @param parts of {@link parts}, where there are such
   */
  state(there: StoredObject, parts: Watched | undefined): SubmittedState;
  /** The pod of a try, while it is there. */
  podOf(pods: Watched, tried: SubmittedTry): StoredObject | undefined;
  /** What it calls the container in which a step's command runs. */
  container: string;
  /** How such a pod ended, if it has. */
  endOf(pod: StoredObject): PodEnd | undefined;
  /** Lines of the shim, and of what it has in the container of a step itself. */
  strange: RegExp;
  /**
   * Whether further tries of a cell, where it makes any, are told again how one ended, instead of running it. Without it
   * none are.
   */
  isFinal?(step: PlannedStep, tried: EndedTry): boolean;
  /** Ends a cell that it would try again in vain. */
  giveUp?(cluster: Cluster, there: StoredObject, parts: Watched | undefined, place: CellPlace): Promise<void>;
}

/** A cell within what was submitted. */
export interface CellPlace {
  /** Of its step. */
  label: string;
  slot: number;
}

/** A try that has ended, with what it left. */
export interface EndedTry {
  /** Of its cell, the first one 0. */
  index: number;
  exit: ExitRecord | undefined;
  /** Its container has run, however it ended. */
  hasRun: boolean;
}

/** How far what was handed over is, as its controller says it. */
export interface SubmittedState {
  /** A controller has taken it up. */
  isTaken: boolean;
  /** It is kept from beginning. */
  isHeld?: boolean;
  message: string;
  /** It has ended: nothing of it starts any more. */
  isOver: boolean;
  /** When that was, as the cluster's clock has it. */
  endedAt?: string;
  /** Somebody has asked it to end. */
  isShutDown: boolean;
  /** What it has of a cell: by the label of the step and the slot of the cell. */
  cell(label: string, slot: number): SubmittedCell | undefined;
}

/** What it has of one cell. */
export interface SubmittedCell {
  /** Its tries, the first one first: each is a pod. */
  tries: SubmittedTry[];
  /** It has ended as well, and is not tried again. */
  isOver: boolean;
  /** It is left out, because something else has failed. */
  isLeftOut?: boolean;
  message: string;
}

/** One try of a cell. */
export interface SubmittedTry {
  /** By this its pod is found. */
  id: string;
  message: string;
  isOver: boolean;
  exitCode?: number;
  /** `DeadlineExceeded` where its time ran out, whatever its pod says. */
  podReason?: string;
  /** What it failed of, where that is known without its pod. */
  problem?: Finding;
}
