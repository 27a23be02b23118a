import type { Finding } from '../errors/same-error.ts';
import type { JsonObject } from '../program/json.ts';
import type { Lock } from '../program/lock.ts';
import type { Program } from '../program/schema.ts';
import type { LockedPackage } from './hashed-requirements.ts';

/** An environment that is ready to run steps in. */
export interface ReadyEnvironment {
  name: string;
  kind: 'system' | 'python' | 'r' | 'node' | 'image';
  /** The whole PATH of a step, first wins. Of an image nothing: it has its own. */
  path: string[];
  /** Declared variables. */
  variables: Record<string, string>;
  /**
   * What identifies it in cache keys: `lock:sha256:…`, `image:sha256:…`, `dockerfile:tree:sha256:…`, or
   * `freeze:sha256:…` of what was found on the machine (spec SAME-STP-028).
   */
  key: string;
  /**
   * What identifies it in the key of a step with this command, where that is less than the whole: of a system environment
   * only the commands that are declared and those that the step starts.
   */
  keyOf?(run: string | string[]): string;
  locked: boolean;
  /** What was resolved (interpreter, packages or commands with versions): goes into the run record. */
  resolved: JsonObject;
  /** Of kind `image`: what containers are started from. */
  container?: ContainerImage;
}

/** An image as a program declares it. */
export type ContainerImage = (
  | {
      /** `NAME@sha256:…`. */
      image: string;
    }
  | {
      /** The program's file that it is built from, relative to {@link BuildContext} directory. */
      dockerfile: string;
      context: BuildContext;
    }
) & {
  /** `requires.commands` as declared: to be looked for in the image before steps start (spec SAME-PIP-066). */
  requires: string[];
};

/** The files that an image is built from. */
export interface BuildContext {
  /** `tree:sha256:…` of them: the same files make the same image's name. */
  digest: string;
  /** Writes them below an empty directory, with the modes and times of materialised files. */
  place(directory: string): Promise<void>;
}

/** A need of an environment that this machine does not meet, also in parts for a table of requirements. */
export interface EnvironmentFinding extends Finding {
  what: 'interpreter' | 'lock' | 'command' | 'package';
  want: string;
  have: string;
}

/** One file of the program, to be read at once or passed over. */
export interface CodeFile {
  path: string;
  executable: boolean;
  sizeBytes: number;
  body: AsyncIterable<Uint8Array>;
}

/** The program's files, in the order of the layer. */
export type CodeFiles = () => AsyncIterable<CodeFile>;

/** What environments of a program are opened with. */
export interface EnvironmentsOptions {
  /** `$SAME_HOME/environments`. */
  directory: string;
  program: Program;
  /** `same.lock` of the program. */
  lock?: Lock | undefined;
  /** Bytes of a program file, or undefined when there is none. */
  readCode(path: string): Promise<Buffer | undefined>;
  /**
   * Reads a `uv.lock` or `pylock.toml` for an interpreter with these values of markers; loaded when needed.
   * @throws SAME1505
   */
  readTomlLock?(
    bytes: Uint8Array,
    file: string,
    values: Readonly<Record<string, string>>,
  ): Promise<LockedPackage[]>;
  /** All files of the program, for images that are built from them. */
  codeFiles?: CodeFiles;
  /** Steps run in containers: where an environment has an image, that is used and nothing is looked for here. */
  containers?: boolean;
  /** Where pip, uv and npm keep downloads; without one they keep none. */
  cacheDirectory?: string;
  /** Go on without commands that are missing or of another version; what is there is frozen. */
  allowUnmet?: boolean;
  /** Build nothing: what would have to be built first is left out of the path. */
  planOnly?: boolean;
  /** Accept packages that have to be built, which executes their code. */
  allowBuild?: boolean;
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

/** What a language makes of an environment, beside its declared variables and the commands that it requires. */
export type Prepared = Pick<ReadyEnvironment, 'kind' | 'locked' | 'resolved'> & {
  /** Directories of its commands, before all others in PATH. */
  bin: string[];
  key: `lock:${string}` | `freeze:${string}`;
};
