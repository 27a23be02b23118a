import { SameError } from '../errors/same-error.ts';
import type { StepRecord } from '../runs/run-record.ts';
import { chosenSteps } from './chosen-steps.ts';
import type { Ports } from './ports.ts';
import { maskingOf } from './secrets.ts';
import { showRun } from './show-run.ts';

/** One log of one attempt. */
export interface Log {
  /** Of a step with several cells, the cell's name. */
  step: string;
  /** 0 for what a step printed in the run whose result was reused. */
  attempt: number;
  stream: 'stdout' | 'stderr';
  bytes: Buffer;
}

const FOLLOW_MS = 200;

/**
 * `same logs`: everything the steps of a run printed so far, in step order, those that were reused with what they
 * printed when they ran. Logs are masked when an attempt ends; of a step that goes on, or was killed, whole lines are
 * shown, masked by the values that the caller has.
 * @param step a step, with all its cells, or one cell
 * @throws SAME1608 · SAME1902 there is no such step
 */
export function readLogs(ports: Ports, id: string, step?: string): Promise<Log[]> {
  return readOpenLogs(ports, id, step, new Set());
}

/** How many steps and cells a word names. @throws as {@link readLogs} */
export async function countLogged(ports: Ports, id: string, step?: string): Promise<number> {
  return chosenSteps((await showRun(ports, id)).record, step).length;
}

/** @param over steps that had ended when they were read: they are not read again, and those that have are added */
async function readOpenLogs(
  ports: Ports,
  id: string,
  step: string | undefined,
  over: Set<string>,
): Promise<Log[]> {
  const run = await showRun(ports, id);
  const steps = chosenSteps(run.record, step).filter(({ name }) => !over.has(name));
  if (!run.own) {
    throw new SameError({
      code: 'SAME1608',
      message: `the logs of run ${run.record.id} did not travel with ${run.record.program.name}:${run.record.program.version}`,
    });
  }
  const masking = maskingOf(
    Object.fromEntries(
      run.record.redactions.flatMap((name): [string, string][] =>
        ports.variables[name] === undefined ? [] : [[name, ports.variables[name]]],
      ),
    ),
  );
  const written = Map.groupBy(ports.runs.logs(run.record.id), (log) => log.step);
  const logs: Log[] = [];
  for (const { name, status, cached, logs: stored } of steps) {
    // One that failed may be tried again.
    const isOpen = run.record.status === 'running' && status !== 'succeeded' && status !== 'skipped';
    for (const { path, bytes: packed, stored: kept, ...log } of written.get(name) ?? []) {
      if (kept && !(await ports.content.has(kept.digest))) continue;
      const bytes = kept
        ? await ports.content.read(kept.digest, kept.sizeBytes)
        : (packed ?? ports.files.read(path!) ?? Buffer.alloc(0));
      // A value whose end is not printed yet would not be known.
      const known = isOpen && masking.active ? bytes.subarray(0, bytes.lastIndexOf('\n') + 1) : bytes;
      logs.push({ ...log, bytes: masking.active ? masking.maskBytes(known) : known });
    }
    if (cached && stored) logs.push(...(await storedLogs(ports, name, stored)));
    if (!isOpen) over.add(name);
  }
  return logs;
}

/** What a step printed when it computed the result that stands in for it: masked then, and kept with that result. */
async function storedLogs(ports: Ports, step: string, logs: NonNullable<StepRecord['logs']>): Promise<Log[]> {
  const found: Log[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    const { digest, sizeBytes } = logs[stream];
    if (!(await ports.content.has(digest))) continue;
    found.push({ step, attempt: 0, stream, bytes: await ports.content.read(digest, sizeBytes) });
  }
  return found;
}

/** `same logs -f`: the same, then what is added, until the run has ended. */
export async function followLogs(
  ports: Ports,
  id: string,
  step: string | undefined,
  write: (log: Log) => void,
): Promise<void> {
  const { record } = await showRun(ports, id);
  const over = new Set<string>();
  const shown = new Map<string, number>();
  for (;;) {
    const ended = (await showRun(ports, record.id)).record.status !== 'running';
    for (const log of await readOpenLogs(ports, record.id, step, over)) {
      const key = `${log.step}.${log.attempt}.${log.stream}`;
      const from = shown.get(key) ?? 0;
      if (log.bytes.length > from) write({ ...log, bytes: log.bytes.subarray(from) });
      shown.set(key, log.bytes.length);
    }
    if (ended || ports.cancel.aborted) return;
    await ports.sleep(FOLLOW_MS);
  }
}
