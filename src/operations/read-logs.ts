import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';
import { maskingOf } from './secrets.ts';
import { showRun } from './show-run.ts';

/** One log of one attempt. */
export interface Log {
  step: string;
  attempt: number;
  stream: 'stdout' | 'stderr';
  bytes: Buffer;
}

const FOLLOW_MS = 200;

/**
 * `same logs`: everything the steps of a run printed so far, in step order. Logs are masked when an attempt ends; of a
 * run that goes on, or was killed, whole lines are shown, masked by the values that the caller has. @throws SAME1608
 */
export async function readLogs(ports: Ports, id: string, step?: string): Promise<Log[]> {
  const run = await showRun(ports, id);
  const steps = run.record.steps.map(({ name }) => name);
  if (step !== undefined && !steps.includes(step)) {
    throw new SameError({
      code: 'SAME1902',
      message: `run ${run.record.id} has no step "${step}" (steps: ${steps.join(', ')})`,
    });
  }
  if (!run.own) {
    throw new SameError({
      code: 'SAME1608',
      message: `the logs of run ${run.record.id} did not travel with ${run.record.program.name}:${run.record.program.version}`,
    });
  }
  const running = run.record.status === 'running';
  const masking = maskingOf(
    Object.fromEntries(
      run.record.redactions.flatMap((name): [string, string][] =>
        ports.variables[name] === undefined ? [] : [[name, ports.variables[name]]],
      ),
    ),
  );
  return ports.runs
    .logs(run.record.id)
    .filter((log) => step === undefined || log.step === step)
    .map(({ path, ...log }) => {
      const bytes = ports.files.read(path) ?? Buffer.alloc(0);
      // A value whose end is not printed yet would not be known.
      const known = running && masking.active ? bytes.subarray(0, bytes.lastIndexOf('\n') + 1) : bytes;
      return { ...log, bytes: masking.active ? masking.maskBytes(known) : known };
    });
}

/** `same logs -f`: the same, then what is added, until the run has ended. */
export async function followLogs(
  ports: Ports,
  id: string,
  step: string | undefined,
  write: (stream: Log['stream'], bytes: Buffer) => void,
): Promise<void> {
  const { record } = await showRun(ports, id);
  const shown = new Map<string, number>();
  for (;;) {
    const ended = (await showRun(ports, record.id)).record.status !== 'running';
    for (const log of await readLogs(ports, record.id, step)) {
      const key = `${log.step}.${log.attempt}.${log.stream}`;
      const from = shown.get(key) ?? 0;
      if (log.bytes.length > from) write(log.stream, log.bytes.subarray(from));
      shown.set(key, log.bytes.length);
    }
    if (ended || ports.cancel.aborted) return;
    await ports.sleep(FOLLOW_MS);
  }
}
