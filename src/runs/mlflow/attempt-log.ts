import { randomUUID } from 'node:crypto';
import type { IntakeRequest } from '../../engines/intake.ts';
import { epochMs } from '../../host/clock.ts';
import { segmentsOf } from './fields.ts';
import { Refusal } from './refusal.ts';
import { type TrackedModel, TrackedRun } from './tracked-run.ts';

const MOST_RUNS = 10_000;
/** It names a directory, and directories have 255 bytes; a number may follow. */
const MOST_MODEL_NAME_BYTES = 240;
/** Tags that clients set by themselves and that tell of a machine or a person (spec SAME-RUN-010). */
const PERSONAL = new Set(['mlflow.user', 'mlflow.databricks.notebookPath', 'mlflow.source.hostname']);

/** Everything that one attempt logs: its own run, and those that it begins within. */
export class AttemptLog {
  readonly root: TrackedRun;
  readonly #request: IntakeRequest;
  readonly #runs = new Map<string, TrackedRun>();
  readonly #models = new Map<string, TrackedModel>();
  /** Name of the one experiment there is: what the program calls it last. */
  experiment: string;

  constructor(request: IntakeRequest) {
    this.#request = request;
    this.experiment = request.step;
    this.root = this.#open(request.runId, request.step, epochMs());
  }

  /** In the order in which they began. */
  get runs(): Iterable<TrackedRun> {
    return this.#runs.values();
  }

  get models(): Iterable<TrackedModel> {
    return this.#models.values();
  }

  /** Texts as they may be kept: secrets masked, and without where this machine has the step's directories. */
  clean(text: string): string {
    const { mask, places } = this.#request;
    let cleaned = mask(text);
    for (const place of places) cleaned = cleaned.replaceAll(`${place}/`, '').replaceAll(place, '.');
    return cleaned;
  }

  /** @throws Refusal there is none of that id */
  run(id: string): TrackedRun {
    const run = this.#runs.get(plain(id));
    if (!run)
      throw new Refusal('RESOURCE_DOES_NOT_EXIST', `there is no run ${JSON.stringify(id)} in this step`);
    return run;
  }

  /** @throws Refusal there are too many */
  begin(name: string, startedMs: number, parent: string | undefined): TrackedRun {
    if (this.#runs.size > MOST_RUNS)
      throw new Refusal('RESOURCE_LIMIT_EXCEEDED', `a step may begin ${MOST_RUNS} runs, and these are more`);
    const run = this.#open(randomUUID().replaceAll('-', ''), name, startedMs);
    run.parent = (parent !== undefined && this.#runs.has(plain(parent)) ? this.run(parent) : this.root).id;
    return run;
  }

  setTag(run: TrackedRun, name: string, value: string): void {
    if (PERSONAL.has(name)) return;
    const cleaned = this.clean(value);
    // Where the program is called by its path, all that is its own is its name.
    run.setTag(this.clean(name), name === 'mlflow.source.name' ? cleaned.replace(/^\/.*\//, '') : cleaned);
  }

  setParameter(run: TrackedRun, name: string, value: string): void {
    run.setParameter(this.clean(name), this.clean(value));
  }

  /** @throws Refusal there is none of that id */
  model(id: string): TrackedModel {
    const model = this.#models.get(id);
    if (!model)
      throw new Refusal('RESOURCE_DOES_NOT_EXIST', `there is no model ${JSON.stringify(id)} in this step`);
    return model;
  }

  createModel(run: TrackedRun, name: string, type: string | undefined): TrackedModel {
    if (this.#models.size >= MOST_RUNS)
      throw new Refusal('RESOURCE_LIMIT_EXCEEDED', `a step may log ${MOST_RUNS} models, and these are more`);
    const taken = new Set(run.models.map((model) => model.name));
    const asked = modelName(this.clean(name));
    let free = asked;
    for (let number = 2; taken.has(free); number++) free = `${asked}-${number}`;
    const nowMs = epochMs();
    const model: TrackedModel = {
      id: `m-${randomUUID().replaceAll('-', '')}`,
      run: run.id,
      name: free,
      ...(type ? { type } : {}),
      status: 'LOGGED_MODEL_PENDING',
      createdMs: nowMs,
      updatedMs: nowMs,
      parameters: new Map(),
      tags: new Map(),
    };
    this.#models.set(model.id, model);
    run.models.push(model);
    return model;
  }

  forget(model: TrackedModel): void {
    this.#models.delete(model.id);
  }

  #open(id: string, name: string, startedMs: number): TrackedRun {
    const run = new TrackedRun(id, name, startedMs, `${this.#request.spool}.${this.#runs.size}`);
    this.#runs.set(plain(id), run);
    return run;
  }
}

/** A name that one directory can have. @throws Refusal it cannot, or is too long */
function modelName(text: string): string {
  const [name] = segmentsOf(text.replaceAll(/[/\\\0]/g, '-') || 'model');
  if (Buffer.byteLength(name!) > MOST_MODEL_NAME_BYTES)
    throw new Refusal(
      'INVALID_PARAMETER_VALUE',
      `the name of a model has more than ${MOST_MODEL_NAME_BYTES} bytes`,
    );
  return name!;
}

/** Ids are UUIDs, which some clients write without dashes. */
function plain(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}
