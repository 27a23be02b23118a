import type { Artifact } from '../../engines/engine.ts';
import type { MetricPoint } from '../elsewhere/run-elsewhere.ts';
import type { RunRecord } from '../run-record.ts';

export {
  METADATA_STORES,
  type MetadataStoreAddress,
  type MetadataStoreKind,
} from '../../program/store-address.ts';

/** What a {@link MetadataStore} has of the command that uses it. */
export interface MetadataSurroundings {
  /** The caller's: logins come from them. */
  variables: Readonly<Record<string, string>>;
  /** Once aborted, nothing further is sent, and what is under way ends with SAME1903. */
  signal: AbortSignal;
  /** Whether somebody waits for this alone (`same deliver`); else a command is over and a connection gets few seconds. */
  isPatient: boolean;
  /** A line about waiting, for people. */
  progress(line: string): void;
}

/** A version of a program that was created in a home. */
export interface ToldProgram {
  name: string;
  version: string;
  /** Of the program manifest. */
  digest: string;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** A run that has ended, as it leaves the home: redacted as in a bundle. */
export interface ToldRun {
  record: RunRecord;
  tags: Readonly<Record<string, string>>;
  note?: string;
  /** Every point of every series of a figure; the step's name goes along. In the order in which they were logged. */
  series(): AsyncIterable<MetricPoint & { of: string }>;
  /** Outputs of the program and files logged by its steps, by `/`-separated path. */
  artifacts: readonly { path: string; artifact: Artifact; body(): AsyncIterable<Uint8Array> }[];
  /** What of it is otherwise than in the home whatever the store, one line each. */
  notes?: readonly string[];
}

/** Where stores that keep files have the record: no file of a run is there. */
export const RECORD_PATH = 'same/run.json';

/** What a store was told, as far as it could not be told as it is. */
export interface Told {
  /** One line each: what was left out, cut or renamed to fit, by name, and why. */
  notes: string[];
}

/**
 * A store that runs are told to beside the home, which stays the truth. Telling the same again changes nothing and makes
 * nothing twice, also after it was cut off anywhere.
 */
export interface MetadataStore extends AsyncDisposable {
  /**
   * Asks whether it is there, takes this login and can be written.
   * @throws SAME1811 unreachable or in trouble · SAME1812 the login: both are tried again later, with the address and a hint
   */
  check(): Promise<void>;
  /** @throws like check; SAME1813 what it refuses for good, which is kept apart */
  tellProgram(program: ToldProgram): Promise<Told>;
  /** @throws like tellProgram */
  tellRun(run: ToldRun): Promise<Told>;
}
