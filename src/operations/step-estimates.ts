import type { Ports } from './ports.ts';

/** How long cells and steps took before, in milliseconds: by the name of the cell, and of a step on average. */
export interface StepEstimates {
  cells: ReadonlyMap<string, number>;
  steps: ReadonlyMap<string, number>;
}

/** An estimate is worth reading so many records, and so much time. */
const RECORDS = 8;
const LOOK_MS = 150;

/**
 * How long each step of a program took in its newest runs of this home, whatever its version: the newest that ran a cell
 * counts. Reads no more than a few records; none of another program is read twice.
 * @param except the run that asks
 */
export function stepEstimates(ports: Ports, program: string, except: string): StepEstimates {
  const cells = new Map<string, number>();
  const steps = new Map<string, number>();
  const beganMs = ports.monotonicMs();
  let read = 0;
  for (const { record } of ports.runs.newest()) {
    if (record.id !== except && record.program.name === program) {
      const sums = new Map<string, { count: number; sumMs: number }>();
      for (const { name, of = name, status, cached, usage } of record.steps) {
        if (status !== 'succeeded' || cached || typeof usage?.durationMs !== 'number') continue;
        if (!cells.has(name)) cells.set(name, usage.durationMs);
        const { count, sumMs } = sums.get(of) ?? { count: 0, sumMs: 0 };
        sums.set(of, { count: count + 1, sumMs: sumMs + usage.durationMs });
      }
      for (const [of, { count, sumMs }] of sums) if (!steps.has(of)) steps.set(of, sumMs / count);
    }
    if (++read > RECORDS || ports.monotonicMs() - beganMs > LOOK_MS) break;
  }
  return { cells, steps };
}
