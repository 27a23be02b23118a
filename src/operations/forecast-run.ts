import type { EngineEvent, StepResult } from '../engines/engine.ts';
import type { ReadyEnvironment } from '../environments/environment.ts';
import { SameError } from '../errors/same-error.ts';
import { type KeyChange, keyChanges } from '../pipeline/key-changes.ts';
import type { Plan, PlannedCell, PlannedStep } from '../pipeline/plan.ts';
import type { StepKey } from '../pipeline/step-key.ts';
import type { JsonObject } from '../program/json.ts';
import type { Ports } from './ports.ts';
import type { PreparedRun, RunRequest } from './prepare-run.ts';
import { type PreviousStep, previousSteps, runOf } from './previous-step.ts';
import { openProgramFiles, type ProgramFiles } from './program-files.ts';
import { engineContext, unkept } from './run-context.ts';

/** What would become of one cell, and why. */
export interface CellForecast {
  /** Name of the cell. */
  step: string;
  /** Values of its dimensions, where it has any. */
  matrix?: JsonObject;
  /** `waits`: it needs what another step will write first; only then is it known whether it runs. */
  decision: 'reuse' | 'run' | 'waits' | 'skip';
  because: string;
  /** The run whose result is reused, or with which it was compared. */
  run?: string;
  /** What is not as it was then. */
  changes: KeyChange[];
}

/** A cell as the forecast met it. */
interface Met {
  step: PlannedStep;
  cell: PlannedCell;
  key: StepKey;
}

/**
 * What would become of every cell of a run now: nothing runs, nothing is recorded, and no environment is built.
 * @returns the cells in plan order
 */
export async function forecastRun(
  ports: Ports,
  prepared: PreparedRun,
  workDirectory: string,
): Promise<CellForecast[]> {
  const { request } = prepared;
  const files = await openProgramFiles(ports, prepared.artifact, prepared.data);
  const data = files.checkData();
  const context = await engineContext(ports, request, prepared, files, data, unkept, workDirectory);
  const met = new Map<string, Met>();
  const reuse: typeof context.reuse = (step, cell, key) => {
    met.set(cell.name, { step, cell, key });
    return context.reuse(step, cell, key);
  };
  // Many cells ask at once.
  const planned = new Map<string, Promise<ReadyEnvironment>>();
  const environment = (name: string) => {
    const known = planned.get(name) ?? prepared.environments.planned(name);
    planned.set(name, known);
    return known;
  };
  const looking = { ...context, reuse, environment };
  const told: EngineEvent[] = [];
  for await (const batch of await ports.forecast(prepared.plan, looking))
    for (const event of batch) told.push(event);
  return new Explanation(ports, request, prepared.plan, files, met).of(told);
}

/**
 * {@link forecastRun} beside a plan: where this machine lacks what an environment needs, which the plan says, nothing can
 * be told of cells.
 */
export async function forecastWherePossible(
  ports: Ports,
  prepared: PreparedRun,
  workDirectory: string,
): Promise<CellForecast[]> {
  try {
    return await forecastRun(ports, prepared, workDirectory);
  } catch (error) {
    const isUnmet = error instanceof SameError && /^SAME(15|1701)/.test(error.code);
    if (isUnmet && prepared.requirements.some(({ met }) => !met)) return [];
    throw error;
  }
}

/** Says of each cell why. */
class Explanation {
  readonly #ports: Ports;
  readonly #request: RunRequest;
  readonly #plan: Plan;
  readonly #files: ProgramFiles;
  readonly #met: ReadonlyMap<string, Met>;
  readonly #order: ReadonlyMap<string, number>;

  constructor(
    ports: Ports,
    request: RunRequest,
    plan: Plan,
    files: ProgramFiles,
    met: ReadonlyMap<string, Met>,
  ) {
    this.#ports = ports;
    this.#request = request;
    this.#plan = plan;
    this.#files = files;
    this.#met = met;
    this.#order = new Map(plan.steps.map(({ name }, index) => [name, index]));
  }

  async of(events: readonly EngineEvent[]): Promise<CellForecast[]> {
    const runs = events.flatMap((event) =>
      event.type === 'step-finished' ? [this.#met.get(event.step)!] : [],
    );
    const previous = previousSteps(this.#ports, this.#plan.program.name, runs);
    const forecasts = new Map<string, CellForecast>();
    const texts = new Map<string, string>();
    for (const event of events) {
      const found =
        event.type === 'step-finished' ? await this.#run(event.step, previous) : this.#other(event, texts);
      if (found) forecasts.set(found.step, found);
    }
    const found = [...forecasts.values()];
    const ranks = new Map<CellForecast, number>();
    for (const each of found) ranks.set(each, this.#rank(each.step));
    return found.sort((a, b) => ranks.get(a)! - ranks.get(b)!);
  }

  async #run(step: string, previous: ReadonlyMap<string, PreviousStep>): Promise<CellForecast> {
    const { changes, ...why } = await this.#why(this.#met.get(step)!, previous.get(step));
    return { step, ...this.#matrixOf(step), changes, decision: 'run', ...why };
  }

  /** @param texts what was said of others that wait, by what the engine says: many wait for one */
  #other(event: EngineEvent, texts: Map<string, string>): CellForecast | undefined {
    const { step } = event;
    if (event.type === 'step-cached')
      return { step, ...this.#matrixOf(step), changes: [], ...reused(event.result) };
    if (event.type !== 'step-skipped') return undefined;
    const { because } = event;
    if (event.cause !== 'failure')
      return { step, ...this.#matrixOf(step), changes: [], decision: 'skip', because };
    let text = texts.get(because);
    if (text === undefined) {
      text = because.replace(/^step (\S+) did not succeed$/, 'step $1 runs first');
      texts.set(because, text);
    }
    return { step, ...this.#matrixOf(step), changes: [], decision: 'waits', because: text };
  }

  #matrixOf(cell: string): { matrix?: JsonObject } {
    const matrix = this.#met.get(cell)?.cell.matrix;
    return matrix === undefined || isEmpty(matrix) ? {} : { matrix };
  }

  async #why(met: Met, previous: PreviousStep | undefined): Promise<Omit<CellForecast, 'step' | 'decision'>> {
    const { step, key } = met;
    const { force, noCache, trace } = this.#request;
    if (trace) return { because: '--trace', changes: [] };
    if (noCache) return { because: '--no-cache: no stored result is looked for', changes: [] };
    if (force === true || force?.includes(step.name)) return { because: '--force', changes: [] };
    if (step.cache === false) return { because: notReusable(step), changes: [] };
    if (!previous) return { because: 'it has not succeeded here before', changes: [] };
    const run = runOf(previous);
    if (previous.step.cacheKey === key.key)
      return { because: 'what it wrote is not stored any more, or not as it was', run, changes: [] };
    const changes = await this.#changes(met, previous.step.cacheKey!);
    if (!changes) return { because: 'what it was made from then is not known any more', run, changes: [] };
    return { because: 'changed since it ran', run, changes };
  }

  async #changes({ step, key }: Met, before: string): Promise<KeyChange[] | undefined> {
    const bytes = await this.#document(before);
    if (!bytes) return undefined;
    const old = JSON.parse(bytes.toString('utf8')) as JsonObject;
    const now = JSON.parse(key.document) as JsonObject;
    const tree = await this.#document(String(old.code).replace(/^tree:/, ''));
    return keyChanges(old, now, tree && { before: tree, after: this.#files.listFor(step) });
  }

  async #document(digest: string): Promise<Buffer | undefined> {
    const { content } = this.#ports;
    return (await content.has(digest)) ? content.read(digest, Number.MAX_SAFE_INTEGER) : undefined;
  }

  /** Cells have the numbers of their step's, which are less than a million. */
  #rank(cell: string): number {
    const step = this.#order.get(cell);
    if (step !== undefined) return step * 1e6;
    const [name, number] = cell.split('.') as [string, string];
    return this.#order.get(name)! * 1e6 + Number(number);
  }
}

function isEmpty(values: JsonObject): boolean {
  for (const _ in values) return false;
  return true;
}

function reused({ run, acceptedFrom }: StepResult): Pick<CellForecast, 'decision' | 'because' | 'run'> {
  const because = acceptedFrom === undefined ? 'nothing it is made from changed' : 'it was accepted';
  return { decision: 'reuse', because, run };
}

function notReusable({ secrets, services, group }: PlannedStep): string {
  const what =
    secrets.length > 0
      ? 'it uses secrets'
      : services.length > 0
        ? 'it uses services'
        : group === 'finally'
          ? 'it is one of finally'
          : undefined;
  return what === undefined ? 'cache: false' : `${what}: nothing is reused unless it says cache: true`;
}
