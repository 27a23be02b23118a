import { SameError, throwFindings } from '../errors/same-error.ts';
import type { Program } from '../program/schema.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { HISTORY_WORDS, type HistoryQuestion, meantHistory, runsMeant } from './history-question.ts';
import type { HistoryChoice } from './select-runs.ts';

/** Runs that a hint names, and how much of their ids, which may be anything. */
const NAMED_RUNS = 10;
const LONGEST_ID = 64;

/** A run in a registry, by the annotations of its manifest (spec SAME-BND-017). */
export interface RemoteRun {
  /** Of its manifest. */
  digest: string;
  /** Of the program it ran. */
  program: string;
  id: string;
  status: string;
}

/** Whether a choice is by what is in the records. */
export function isQuestion(history: HistoryChoice): history is HistoryQuestion {
  return typeof history === 'object' && !('length' in history);
}

/**
 * Which runs of a registry or bundle come along, by their records.
 * @returns digests of manifests
 * @throws what {@link runsMeant} says
 */
export async function askedRuns(
  runs: readonly (RemoteRun & { record: RunRecord })[],
  program: Program,
  question: HistoryQuestion,
): Promise<string[]> {
  const candidates = runs.map(({ record, digest }) => ({ record, digest, own: false }));
  return (await runsMeant(question, candidates, program)).map(({ digest }) => digest);
}

/**
 * Which runs of a registry come along.
 * @param programs the program, then its ancestors, nearest first
 * @returns digests of manifests
 * @throws SAME1608 for every id that names none of them, or several
 */
export function chooseRuns(
  runs: readonly RemoteRun[],
  programs: readonly string[],
  history: Exclude<HistoryChoice, HistoryQuestion>,
): string[] {
  if (history === 'none') return [];
  if (history === 'all') return runs.map(({ digest }) => digest);
  if (history === 'latest') {
    for (const program of programs) {
      const [latest] = runs
        .filter((run) => run.program === program && run.status === 'succeeded')
        .sort((a, b) => (a.id < b.id ? 1 : -1));
      if (latest) return [latest.digest];
    }
    return [];
  }
  const chosen: string[] = [];
  throwFindings(
    history.flatMap((text) => {
      const found = runs.filter(({ id }) => text !== '' && (id.startsWith(text) || id.endsWith(text)));
      const exact = found.filter(({ id }) => id === text);
      const meant = exact.length > 0 ? exact : found;
      if (meant.length === 1) {
        chosen.push(meant[0]!.digest);
        return [];
      }
      const what = meant.length === 0 ? 'names no run' : `names ${meant.length} runs`;
      const problem = new SameError({
        code: 'SAME1608',
        message: `"${text}" ${what} of the program in the registry, and is none of: ${HISTORY_WORDS}`,
        place: '--history',
        hint: `runs there: ${newestOf(runs) || 'none'}`,
        ...meantHistory(text),
        clause: 'SAME-REG-018',
      });
      return problem.findings;
    }),
  );
  return [...new Set(chosen)];
}

/** Ids for a hint, the newest first. */
function newestOf(runs: readonly RemoteRun[]): string {
  const ids = runs.map(({ id }) => id.slice(0, LONGEST_ID)).sort();
  const named = ids.slice(-NAMED_RUNS).reverse().join(', ');
  return ids.length > NAMED_RUNS ? `${named}, and ${ids.length - NAMED_RUNS} older ones` : named;
}
