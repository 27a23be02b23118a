import type { PlannedStep } from '../pipeline/plan.ts';
import { parseQuantity } from '../program/quantity.ts';
import type { EngineContext } from './engine.ts';

/** Sums of fractions of a core are not exact. */
const EPSILON = 1e-9;

/** What one attempt has of the machine while it runs. */
export interface Share {
  cpu: number;
  memoryBytes: number;
  gpus: string[];
}

/**
 * What attempts of one run share: places (`jobs`), cores, memory, GPUs, names (`mutex`) and the places of a step
 * (`parallel`). A step that wants more than there is gets all there is, alone.
 */
export class Tokens {
  readonly #machine: EngineContext['machine'];
  readonly #jobs: number;
  readonly #mutexes = new Set<string>();
  readonly #running = new Map<string, number>();
  readonly #gpus: string[];
  readonly #gpuCount: number;
  #places: number;
  #cpu: number;
  #memoryBytes: number;

  constructor({ machine, jobs }: Pick<EngineContext, 'machine' | 'jobs'>) {
    this.#machine = machine;
    this.#jobs = Math.max(1, jobs);
    this.#places = this.#jobs;
    this.#cpu = machine.cpu;
    this.#memoryBytes = machine.memoryBytes;
    this.#gpus = machine.gpuIds?.slice() ?? Array.from({ length: machine.gpus }, (_, index) => String(index));
    this.#gpuCount = this.#gpus.length;
  }

  /** Whether another attempt of any step may start. */
  get isPlaceFree(): boolean {
    return this.#places > 0;
  }

  /** What an attempt of a step gets, or undefined when it has to wait. */
  take(step: PlannedStep): Share | undefined {
    const { gpu } = step.resources;
    const cpu = this.#cpuOf(step);
    const memoryBytes = this.#memoryOf(step);
    const gpuCount = Math.min(gpu?.count ?? 0, this.#gpuCount);
    const running = this.#running.get(step.name) ?? 0;
    const fits =
      this.#places > 0 &&
      cpu <= this.#cpu + EPSILON &&
      memoryBytes <= this.#memoryBytes &&
      gpuCount <= this.#gpus.length &&
      running < (step.parallel ?? Number.POSITIVE_INFINITY) &&
      !step.mutex.some((name) => this.#mutexes.has(name));
    if (!fits) return undefined;
    this.#places--;
    this.#cpu -= cpu;
    this.#memoryBytes -= memoryBytes;
    this.#running.set(step.name, running + 1);
    for (const name of step.mutex) this.#mutexes.add(name);
    return { cpu, memoryBytes, gpus: this.#gpus.splice(0, gpuCount) };
  }

  /** Gives back what {@link take} gave. */
  release(step: PlannedStep, { cpu, memoryBytes, gpus }: Share): void {
    this.#places++;
    this.#cpu += cpu;
    this.#memoryBytes += memoryBytes;
    this.#gpus.push(...gpus);
    this.#gpus.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    this.#running.set(step.name, this.#running.get(step.name)! - 1);
    for (const name of step.mutex) this.#mutexes.delete(name);
  }

  /** One core where nothing is declared, or less where somebody wants more steps at a time than there are cores. */
  #cpuOf({ resources }: PlannedStep): number {
    return Math.min(resources.cpu ?? Math.min(1, this.#machine.cpu / this.#jobs), this.#machine.cpu);
  }

  #memoryOf({ resources: { memory } }: PlannedStep): number {
    return memory === undefined ? 0 : Math.min(parseQuantity(memory), this.#machine.memoryBytes);
  }
}
