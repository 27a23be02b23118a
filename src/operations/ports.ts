import type {
  BlobCollector,
  ContentStore,
  Downloads,
  LocalContentStore,
  PinStore,
  ReferrerStore,
  StagedContentStore,
} from '../content/content-store.ts';
import type { Engine, EngineContext, EngineEvent } from '../engines/engine.ts';
import type { Intake } from '../engines/intake.ts';
import type { ClusterObject } from '../engines/kubernetes/compilation.ts';
import type { ClusterGlance, ClusterSurvey } from '../engines/kubernetes/survey.ts';
import type { PodmanFacts } from '../engines/podman/podman.ts';
import type { BuiltEnvironments } from '../environments/built-environments.ts';
import type { CodeFiles, ReadyEnvironment } from '../environments/environment.ts';
import type { Finding } from '../errors/same-error.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { Configuration, ConfigurationEditor } from '../program/configuration.ts';
import type { JsonObject, JsonValue } from '../program/json.ts';
import type { Lock, PythonLock } from '../program/lock.ts';
import type { Environment, Program } from '../program/schema.ts';
import type { ClusterPlace, Target } from '../program/target.ts';
import type { Logins } from '../registry/credentials.ts';
import type { RegistryAccess, RegistryAddress, Repository } from '../registry/registry.ts';
import type { AnnotationStore } from '../runs/annotations.ts';
import type { RunsElsewhere, RunTool } from '../runs/elsewhere/run-elsewhere.ts';
import type {
  MetadataStore,
  MetadataStoreAddress,
  MetadataSurroundings,
  ToldRun,
} from '../runs/metadata/metadata-store.ts';
import type { Outbox } from '../runs/metadata/outbox.ts';
import type { OwnRuns, TeamIndex } from '../runs/metadata/team-index.ts';
import type { ToldContent } from '../runs/metadata/told-run.ts';
import type { History, HistoryRun } from '../runs/mlflow/history.ts';
import type { ServedHistory } from '../runs/mlflow/history-server.ts';
import type { RunIndex } from '../runs/run-query.ts';
import type { MachineRecord, RequirementRecord } from '../runs/run-record.ts';
import type { Sealed, SealOptions } from '../runs/run-sealer.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { StepResults } from '../runs/step-results.ts';
import type { Source, SourceTree } from '../sources/source.ts';
import type { SweepStore } from '../sweeps/sweep-store.ts';
import type { Whereabouts } from './redaction.ts';

/** Files of this machine that operations may touch outside the stores. */
export interface Files {
  /** The bytes, or undefined when there is no such file. */
  read(path: string): Buffer | undefined;
  exists(path: string): boolean;
  /** What a path leads to, or undefined when there is nothing. */
  kind(path: string): 'file' | 'directory' | 'other' | undefined;
  /** What is in a directory, sorted; nothing where there is none. */
  names(path: string): string[];
  /** Replaces a file in one step. */
  write(path: string, bytes: string | Uint8Array): void;
  /** Writes a stream beside `path` and renames it into place; nothing is left when it fails or is aborted. */
  writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  stream(path: string): AsyncIterable<Uint8Array>;
  /** The same of an ordinary file only, links not followed. @throws SAME1617 */
  streamOrdinary(path: string): AsyncIterable<Uint8Array>;
  /** Everything below a directory but directories, by `/`-separated path; links are not followed. */
  entries(
    path: string,
  ): Iterable<{ path: string; kind: 'file' | 'link' | 'other'; executable: boolean; sizeBytes: number }>;
  /** The same, whatever Ctrl-C says: the log of a step that was canceled is kept too. */
  streamToEnd(path: string): AsyncIterable<Uint8Array>;
  /** A private directory, gone when disposed. */
  temporary(): { path: string; [Symbol.dispose](): void };
  /** The same for looking only: somewhere else when the home cannot be written. */
  scratch(): { path: string; [Symbol.dispose](): void };
  /**
   * Fills a directory that is not there or is empty, whole or not at all; `replace` takes the place of one that is.
   * @returns where the one that was there lies now, if it could not be removed
   * @throws SAME1403
   */
  makeDirectory(
    path: string,
    fill: (directory: string) => Promise<void>,
    options?: { replace?: boolean },
  ): Promise<string | undefined>;
  /** Writes one file below a directory, with the mode and time of materialised files. */
  place(
    directory: string,
    file: { path: string; executable: boolean; body: AsyncIterable<Uint8Array> },
  ): Promise<void>;
  resolve(path: string): string;
}

/** The environments of one program on this machine. */
export interface Environments {
  /** Builds it when it is not there yet. @throws SAME1501…1504 */
  ready(name: string): Promise<ReadyEnvironment>;
  /** As it will be once it is built, its key above all; builds nothing, and the path may lack what was not built yet. */
  planned(name: string): Promise<ReadyEnvironment>;
  /** What is missing before it can be built: cheap, builds nothing. */
  check(name: string): Promise<Finding[]>;
  /** The digest by which it is built, or undefined when nothing is built for it. @throws SAME1503…1505 */
  digest(name: string): Promise<string | undefined>;
}

/** Who is at work in the home, and what commands that are over left there. */
export interface HomeUse {
  /** Since when the oldest command that may still be at work is, in ms since 1970. */
  busySinceMs(): number | undefined;
  /** Work directories, downloads and deleted runs of commands that are over. */
  leftovers(): { path: string; sizeBytes: number }[];
  remove(path: string): void;
  /** Keeps other collections out. @returns what lets them in again. @throws SAME1405 */
  lock(): () => void;
}

/** What a home holds that may be removed, and who is at work in it. */
export interface Collection {
  blobs: BlobCollector;
  environments: BuiltEnvironments;
  homeUse: HomeUse;
  /** Packs runs that ended long ago. */
  sealRuns(options: SealOptions): Sealed;
}

/** Everything operations need from adapters: built once, in `cli/wiring.ts`. */
export interface Ports {
  /** `$SAME_HOME`, absolute. */
  home: string;
  /** Version of this tool. */
  runtime: string;
  content: LocalContentStore;
  /** A content store in another directory, for looking into bundles. */
  openContent(directory: string): LocalContentStore;
  /** The content store with new blobs put aside below a temporary directory of the home, until they are kept. */
  stageContent(directory: string): StagedContentStore;
  /** The store with what is written to it kept in memory: for looking at what would be stored. */
  lookIntoContent(): ContentStore;
  /** What is fetched from registries, before it is part of a store. */
  downloads: Downloads;
  pins: PinStore;
  referrers: ReferrerStore;
  /** What looks for and removes what nobody needs, loaded when needed. */
  openCollection(): Promise<Collection>;
  runs: RunStore;
  /** What users said of runs; loaded when needed. */
  openAnnotations(): Promise<AnnotationStore>;
  /**
   * The index of the runs of this home and of those that came along with bundles; loaded when needed.
   * @param options.anew makes it anew whatever it holds
   * @param options.look changes nothing: where it is not there or not up to date it keeps and finds nothing
   */
  openRunIndex(options?: { anew?: boolean; look?: boolean }): Promise<RunIndex>;
  /** The sweeps of this home; loaded when needed. */
  openSweeps(): Promise<SweepStore>;
  /** Results of this home's own steps, by key. */
  results: StepResults;
  files: Files;
  /** The caller's environment variables. */
  variables: Record<string, string>;
  now(): string;
  /** Waits, or returns at once after the first Ctrl-C. */
  sleep(ms: number): Promise<void>;
  /** Milliseconds of a monotonic clock, for durations. */
  monotonicMs(): number;
  newRunId(): string;
  /** The id of a run that began elsewhere, at a time in ms since 1970, and is known by a digest. */
  runIdOf(startedMs: number, digest: string): string;
  /** What another tool kept in a directory or file, with everything of it that cannot be read; loaded when needed. */
  readRunsElsewhere(tool: RunTool, path: string): Promise<RunsElsewhere>;
  platform(): string;
  machine(): Promise<MachineRecord>;
  /** What tells whose machine this is, for what takes it out of records. */
  whereabouts(): Whereabouts;
  /**
   * Fetches a URL into a new file.
   * @throws SAME1205 nothing is there · SAME1208 it is not fetched · SAME1209 it cannot be reached · SAME1304 too long
   */
  download(url: string, path: string, options: { limitBytes: number }): Promise<{ sizeBytes: number }>;
  openSource(
    text: string,
    options: { workDirectory: string; dereference?: boolean; signal?: AbortSignal },
  ): Promise<Source>;
  /** Fetches and patches third-party source into the tree. */
  expandUpstream(
    tree: SourceTree,
    program: Program,
    options: { workDirectory: string; dereference?: boolean },
  ): Promise<SourceTree>;
  /** Applies `files.exclude` and looks for secrets. @throws SAME1210, SAME1213 */
  selectFiles(tree: SourceTree, settings: Program['files']): Promise<SourceTree>;
  openEnvironments(options: {
    program: Program;
    lock: Lock | undefined;
    readCode(path: string): Promise<Buffer | undefined>;
    /** All files of the program, for images that are built from them. */
    codeFiles: CodeFiles;
    /** Steps run in containers: an environment that has an image is that image. */
    containers: boolean;
    workDirectory: string;
    /** Go on without commands that are missing or of another version. */
    allowUnmet?: boolean;
    /** Accept packages that have to be built, which executes their code. */
    allowBuild?: boolean;
    signal?: AbortSignal;
  }): Environments;
  lockPython(
    environment: Environment,
    options: {
      readFile(path: string): Promise<Buffer | undefined>;
      workDirectory: string;
      signal?: AbortSignal;
    },
  ): Promise<Omit<PythonLock, 'of'>>;
  /** The text of an environment's requirements file and of each file it includes, by path. @throws SAME1505 */
  requirementTexts(
    python: NonNullable<Environment['python']>,
    readFile: (path: string) => Promise<Buffer | undefined>,
  ): Promise<Record<string, string>>;
  /** The store that runs are told to beside this home, read once. @throws what is wrong with `config.yaml` */
  metadataStore(): Promise<MetadataStoreAddress | undefined>;
  /** What waits to be told to it; loaded when needed. */
  openOutbox(): Promise<Outbox>;
  /** A run as a store is told of it; loaded when needed. */
  toldRun(run: HistoryRun, content: ToldContent): Promise<ToldRun>;
  /**
   * The store at an address; loaded when needed, and nothing is asked of it yet.
   * @throws SAME1814 it cannot be the address of one, or its authorities cannot be read
   */
  openMetadataStore(
    address: MetadataStoreAddress,
    options: Pick<MetadataSurroundings, 'signal' | 'isPatient'>,
  ): Promise<MetadataStore>;
  /** The runs that a team told a database; loaded when needed. @throws like openMetadataStore */
  openTeamIndex(address: MetadataStoreAddress, own: OwnRuns): Promise<TeamIndex>;
  /** Whether a command is on the caller's PATH. */
  hasCommand(name: string): boolean;
  engine(target: Target): Engine;
  /**
   * What the cluster of a place is; loaded when needed, and given up after a few seconds.
   * @throws SAME1702 none is configured, SAME1703, SAME1704
   */
  glanceAtCluster(place: ClusterPlace): Promise<ClusterGlance>;
  /** The same with what it offers to the caller, who would run with this engine. @throws as glanceAtCluster */
  surveyCluster(place: ClusterPlace & { engine?: string }): Promise<ClusterSurvey>;
  /** The namespace of a place, by the kubeconfig alone. @throws SAME1702 none is configured */
  namespaceOf(place: ClusterPlace): Promise<string>;
  /** What an engine needs to be allowed to in a namespace, as YAML and as objects; undefined where that is nothing. */
  clusterRights(
    engine: string,
    namespace: string,
  ): Promise<{ objects: ClusterObject[]; text: string } | undefined>;
  /** What this machine's podman can do. @throws SAME1702 there is none, or it does not work here */
  askPodman(): Promise<PodmanFacts>;
  /** Takes what steps log through MLflow's protocol. */
  intake: Intake;
  /** Answers that protocol from a history. @param port 0 for one that is free. @throws the system's error */
  serveHistory(history: History, port: number): Promise<ServedHistory>;
  /** What would become of each cell of a plan now; nothing starts (`src/engines/forecast.ts`). */
  forecast(plan: Plan, context: EngineContext): Promise<AsyncIterable<EngineEvent[]>>;
  resolveTarget(options: { target?: string; engine?: string; program: Program }): Promise<Target>;
  /** @param target where its steps are to run; this machine without one */
  checkRequirements(
    program: Program,
    environments: Environments,
    target?: Target,
  ): Promise<RequirementRecord[]>;
  /** A linear-time matcher of an RE2 pattern: each match's first group, else the whole match. */
  compilePattern(pattern: string): Promise<(text: string) => string[]>;
  /** Loads the manifest parser, which is heavy, only when source is read. */
  parseManifest(
    bytes: Uint8Array,
    file: string,
    limitBytes?: number,
  ): Promise<{ program?: Program; value?: JsonObject; findings: Finding[] }>;
  /** What is wrong with a run record that came from elsewhere. */
  checkRunRecord(record: unknown, label: string): Promise<Finding[]>;
  parseLock(
    bytes: Uint8Array,
    file: string,
    limitBytes?: number,
  ): Promise<{ lock?: Lock; findings: Finding[] }>;
  /** Reads a restricted YAML or JSON document. */
  parseDocument(bytes: Uint8Array, file: string): Promise<{ value?: JsonValue; findings: Finding[] }>;
  /** A repository of a registry; nothing is asked of it yet. @throws SAME1805 the file with authorities cannot be read */
  openRepository(address: RegistryAddress, access: RegistryAccess): Promise<Repository>;
  /** What keeps logins of registries, where docker and podman do; loaded when needed. */
  openLogins(): Promise<Logins>;
  /** Reads a home's `config.yaml`. */
  parseConfiguration(
    bytes: Uint8Array,
    file: string,
  ): Promise<{ configuration?: Configuration; findings: Finding[] }>;
  /** What edits a home's `config.yaml`, loaded when needed. */
  configurationEditor(): Promise<ConfigurationEditor>;
  /** Replaces `config.yaml` when it still holds what was read. @returns whether it did */
  swapConfiguration(before: Buffer | undefined, text: string): boolean;
  /** A line about long work, for people. */
  progress(line: string): void;
  /** What was warned of so far. */
  warnings: readonly Finding[];
  /** Something people should know that does not stop the work. */
  warn(finding: Finding): void;
  /** Aborted by the first Ctrl-C. */
  cancel: AbortSignal;
  /** Aborted by the second. */
  kill: AbortSignal;
}
