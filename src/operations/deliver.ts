import { type Finding, SameError } from '../errors/same-error.ts';
import type { MetadataStore, Told } from '../runs/metadata/metadata-store.ts';
import type { Outbox, Queued } from '../runs/metadata/outbox.ts';
import { recordFindings } from './check-record.ts';
import type { Ports } from './ports.ts';
import { storedContent } from './serve-runs.ts';

/** What a store was told, or not. */
export interface DeliveredItem {
  kind: 'run' | 'program';
  /** The run's id, or NAME:VERSION. */
  what: string;
  /** What of it had to be told otherwise than it is. */
  notes: string[];
  refused?: Finding[];
}

/** What became of what waited. */
export interface Delivered {
  /** Undefined where no store is set. */
  store: { kind: string; address: string } | undefined;
  told: DeliveredItem[];
  refused: DeliveredItem[];
  /** How many wait still. */
  waiting: number;
  /** Why, where that is known. */
  problem?: Finding;
}

/** How long a command that is over goes on telling, and how long it waits for the store to answer at all. */
const LONGEST_MS = 30_000;
const FIRST_ANSWER_MS = 5_000;
const LOCK_PAUSE_MS = 100;
/** So many in a row that the store is in trouble with are enough. */
const MAX_TROUBLE = 3;

/**
 * Tells the store what waits, one after another (spec SAME-RUN-113). What it refuses is kept apart, and does not hold up
 * the others; what fails in passing waits on.
 * @param options.isPatient takes as long as it takes; else at most about half a minute
 * @returns what became of it; problems are in it
 */
export async function deliver(
  ports: Ports,
  options: { isPatient: boolean; onTold?(item: DeliveredItem): void },
): Promise<Delivered> {
  const { isPatient, onTold = () => {} } = options;
  const address = await ports.metadataStore();
  if (!address) return { store: undefined, told: [], refused: [], waiting: 0 };
  const outbox = await ports.openOutbox();
  const result: Delivered = {
    store: { kind: address.kind, address: address.address },
    told: [],
    refused: [],
    waiting: outbox.count(),
  };
  if (result.waiting === 0) return result;
  const limits = limitsOf(ports, isPatient);
  let unlock: (() => void) | undefined;
  try {
    unlock = await locked(ports, outbox, limits.signal);
    if (!unlock) {
      if (ports.cancel.aborted)
        throw new SameError({
          code: 'SAME1903',
          message: 'interrupted; nothing was told, and it waits still',
        });
      result.waiting = outbox.count();
      return result.waiting === 0 ? result : { ...result, problem: othersTell(ports) };
    }
    await using store = await ports.openMetadataStore(address, { signal: limits.signal, isPatient });
    await store.check();
    limits.answered();
    await tellAll(ports, { outbox, store, result, onTold });
  } catch (error) {
    const problem = problemOf(error);
    if (ports.cancel.aborted) throw error;
    result.problem =
      problem.code === 'SAME1903'
        ? limits.problem(address.address)
        : (problem.findings[0] ?? { code: 'SAME1811', message: problem.message });
  } finally {
    limits.end();
    if (unlock) {
      unlock();
      remember(outbox, address.address, result);
      result.waiting = outbox.count();
    }
  }
  return result;
}

/** Tells one after another, and what others queue meanwhile too. @throws what is in the way of all that waits still */
async function tellAll(
  ports: Ports,
  {
    outbox,
    store,
    result,
    onTold,
  }: { outbox: Outbox; store: MetadataStore; result: Delivered; onTold(item: DeliveredItem): void },
): Promise<void> {
  const tried = new Set<string>();
  let trouble = 0;
  for (;;) {
    const fresh = outbox.waiting().filter(({ key, put }) => !tried.has(`${key} ${put}`));
    if (fresh.length === 0) return;
    for (const next of fresh) {
      tried.add(`${next.key} ${next.put}`);
      const item = { kind: next.telling.kind, what: nameOf(next) };
      try {
        const told = await tell(ports, store, next);
        if (!told) continue;
        outbox.told(next);
        if (!('isGone' in told)) {
          result.told.push({ ...item, notes: told.notes });
          onTold(result.told.at(-1)!);
        }
        trouble = 0;
      } catch (error) {
        const { findings, details, code } = problemOf(error);
        if (code === 'SAME1903' || details.isDown) throw error;
        // What is no answer of the store, such as a full disk here, is no refusal of it.
        if (details.passing || !(error instanceof SameError)) {
          result.problem = findings[0]!;
          if (++trouble === MAX_TROUBLE) return;
          continue;
        }
        outbox.refuse(next, findings);
        result.refused.push({ ...item, notes: [], refused: [...findings] });
        onTold(result.refused.at(-1)!);
      }
    }
  }
}

/** Keeps what was in the way for `same show store`; that this fails is itself in the way, of a later look. */
function remember(outbox: Outbox, store: string, result: Delivered): void {
  try {
    outbox.problem = result.problem && { store, finding: result.problem };
  } catch (error) {
    result.problem ??= problemOf(error).findings[0]!;
  }
}

/** @returns undefined where it is not over yet */
async function tell(
  ports: Ports,
  store: MetadataStore,
  { telling }: Queued,
): Promise<Told | { isGone: true } | undefined> {
  if (telling.kind === 'program') return store.tellProgram(telling);
  const run = runOf(ports, telling.id);
  if (!run) return { isGone: true };
  const { record } = run;
  if (record.finishedAt === undefined || record.status === 'running' || record.status === 'pending')
    // Of one whose process is gone there will be no record (SAME-RUN-016).
    return record.status === 'interrupted' ? { isGone: true } : undefined;
  const findings = await recordFindings(ports, run);
  if (findings.length > 0) throw new SameError(findings);
  const said = (await ports.openAnnotations()).of(record.id);
  return store.tellRun(await ports.toldRun({ record, ...said }, storedContent(ports)));
}

/** A run that ran here; undefined where it was deleted. */
function runOf(ports: Ports, id: string) {
  try {
    return ports.runs.get(id);
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1608') return undefined;
    throw error;
  }
}

function nameOf({ telling }: Queued): string {
  return telling.kind === 'run' ? telling.id : `${telling.name}:${telling.version}`;
}

function problemOf(error: unknown): SameError {
  if (error instanceof SameError) return error;
  return new SameError({ code: 'SAME7001', message: String(error) }, { cause: error });
}

function othersTell({ home }: Ports): Finding {
  return {
    code: 'SAME1405',
    message:
      'another command is telling the store what waits, here or on another machine or in a container that has this home',
    place: `${home}/outbox`,
    hint: 'let it end, then: same deliver; one that died elsewhere is in the way for two minutes at most',
  };
}

async function locked(ports: Ports, outbox: Outbox, signal: AbortSignal): Promise<(() => void) | undefined> {
  const untilMs = ports.monotonicMs() + FIRST_ANSWER_MS;
  for (;;) {
    const unlock = outbox.lock();
    // Whoever tells takes along what was queued since.
    if (unlock || signal.aborted || outbox.count() === 0 || ports.monotonicMs() > untilMs) return unlock;
    await ports.sleep(LOCK_PAUSE_MS);
  }
}

/** Ends what goes on for too long after a command is over; and, as always, at Ctrl-C. */
function limitsOf(ports: Ports, isPatient: boolean) {
  const stop = new AbortController();
  const onCancel = () => stop.abort();
  if (ports.cancel.aborted) stop.abort();
  ports.cancel.addEventListener('abort', onCancel, { once: true });
  let hasAnswered = false;
  const timers = isPatient
    ? []
    : [
        setTimeout(() => {
          if (!hasAnswered) stop.abort();
        }, FIRST_ANSWER_MS),
        setTimeout(() => stop.abort(), LONGEST_MS),
      ];
  // Whatever they would end holds the process by itself.
  for (const timer of timers) timer.unref();
  return {
    signal: stop.signal,
    answered() {
      hasAnswered = true;
    },
    problem: (address: string): Finding => ({
      code: 'SAME1811',
      message: hasAnswered
        ? `${address} was told for ${LONGEST_MS / 1000} s, and not all is told`
        : `${address} gave no answer for ${FIRST_ANSWER_MS / 1000} s`,
      place: address,
      hint: 'same deliver',
    }),
    end() {
      for (const timer of timers) clearTimeout(timer);
      ports.cancel.removeEventListener('abort', onCancel);
    },
  };
}
