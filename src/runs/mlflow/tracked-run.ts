import type { Artifact } from '../../engines/engine.ts';
import type { LoggedRun } from '../../engines/intake.ts';
import { isSameText, type Point } from './fields.ts';
import { Refusal } from './refusal.ts';
import { SeriesSpool } from './series-spool.ts';

/** Parameters, tags, figures, models and data sets of one run, each. */
const MOST_NAMES = 100_000;
const MOST_FILES = 100_000;
const MOST_DRIFT = 10;

/** A model while it is logged. */
export interface TrackedModel {
  id: string;
  run: string;
  name: string;
  type?: string;
  status: string;
  createdMs: number;
  updatedMs: number;
  readonly parameters: Map<string, string>;
  readonly tags: Map<string, string>;
}

/** A data set that a run said it reads. */
export interface TrackedInput {
  name: string;
  digest: string;
  context?: string;
  /** As it came, for the client. */
  readonly sent: object;
}

/** One of the protocol's runs while a step logs to it: the step's own, or one that it began within. */
export class TrackedRun {
  readonly id: string;
  readonly startedMs: number;
  name: string;
  status: LoggedRun['status'] = 'running';
  endedMs: number | undefined;
  isDeleted = false;
  /** The run it was begun in; of the step's own none. */
  parent: string | undefined;
  readonly parameters = new Map<string, string>();
  readonly drift = new Map<string, string[]>();
  readonly tags = new Map<string, string>();
  /** Files by path; those of models lie below `models/NAME`. */
  readonly artifacts = new Map<string, Artifact>();
  /** Directories that files are in. */
  readonly #directories = new Map<string, number>();
  readonly inputs: TrackedInput[] = [];
  readonly models: TrackedModel[] = [];
  readonly series: SeriesSpool;

  constructor(id: string, name: string, startedMs: number, spool: string) {
    this.id = id;
    this.name = name;
    this.startedMs = startedMs;
    this.series = new SeriesSpool(spool);
  }

  /** Keeps the first value, and what else was said: a run is not to end for that. */
  setParameter(name: string, value: string): void {
    const first = this.parameters.get(name);
    if (first === undefined) {
      limit(this.parameters.size, MOST_NAMES, 'parameters');
      this.parameters.set(name, value);
    } else if (!isSameText(first, value)) this.addDrift(name, value);
  }

  addDrift(name: string, value: string): void {
    const others = this.drift.get(name) ?? [];
    if (others.length < MOST_DRIFT && !others.some((other) => isSameText(other, value))) others.push(value);
    this.drift.set(name, others);
  }

  setTag(name: string, value: string): void {
    if (!this.tags.has(name)) limit(this.tags.size, MOST_NAMES, 'tags');
    this.tags.set(name, value);
    if (name === 'mlflow.runName') this.name = value;
  }

  addPoints(points: readonly Point[]): void {
    if (points.some(({ name }) => !this.series.latest.has(name)))
      limit(this.series.latest.size, MOST_NAMES, 'figures');
    this.series.add(points);
  }

  /** @throws Refusal the path is a directory, or below a file */
  setArtifact(segments: readonly string[], blob: Artifact): void {
    const path = segments.join('/');
    const parents = segments.slice(0, -1).map((_, index) => segments.slice(0, index + 1).join('/'));
    if (path === '' || this.#directories.has(path) || parents.some((parent) => this.artifacts.has(parent)))
      throw new Refusal(
        'INVALID_PARAMETER_VALUE',
        `${JSON.stringify(path)} cannot be a file and a directory`,
      );
    if (!this.artifacts.has(path)) {
      limit(this.artifacts.size, MOST_FILES, 'artifacts');
      for (const parent of parents) this.#directories.set(parent, (this.#directories.get(parent) ?? 0) + 1);
    }
    this.artifacts.set(path, blob);
  }

  removeArtifacts(path: string): void {
    for (const file of [...this.artifacts.keys()]) {
      if (path !== '' && file !== path && !file.startsWith(`${path}/`)) continue;
      this.artifacts.delete(file);
      const segments = file.split('/').slice(0, -1);
      for (const [index] of segments.entries()) {
        const parent = segments.slice(0, index + 1).join('/');
        const left = (this.#directories.get(parent) ?? 1) - 1;
        if (left === 0) this.#directories.delete(parent);
        else this.#directories.set(parent, left);
      }
    }
  }
}

function limit(count: number, most: number, what: string): void {
  if (count >= most)
    throw new Refusal('RESOURCE_LIMIT_EXCEEDED', `a run may log ${most} ${what}, and these are more`);
}
