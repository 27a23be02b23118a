import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import type { Program } from '../program/schema.ts';
import type { RunCondition } from '../runs/run-query.ts';
import type { RunRecord } from '../runs/run-record.ts';

/** Runs that are chosen by what is in their records. */
export type HistoryQuestion =
  /** Of the succeeded ones the best by `METRIC` or `METRIC:lower|higher`; empty for what the program itself names. */
  | { best: string }
  /** Those that meet a filter (spec SAME-RUN-073). */
  | { where: string };

/** A run that may be meant. */
interface Candidate {
  record: RunRecord;
  /** Whether it ran here. */
  own: boolean;
  /** What users say of it here. */
  tags?: Readonly<Record<string, string>>;
}

const PLACE = '--history';
const CLAUSE = 'SAME-BND-054';

/**
 * The runs that a question means, in the order in which they were given (spec SAME-BND-054).
 * @param candidates runs with a final record, of the program and its ancestors
 * @throws SAME1902 it cannot be answered · SAME1608 no run is meant
 */
export async function runsMeant<T extends Candidate>(
  question: HistoryQuestion,
  candidates: readonly T[],
  program: Pick<Program, 'metrics' | 'claims'>,
): Promise<T[]> {
  const found =
    'where' in question
      ? await meeting(question.where, candidates)
      : await bestOf(figureOf(question.best, program), candidates);
  if (found.length > 0) return found;
  const slips = 'where' in question ? await slipsIn(question.where, candidates) : [];
  const what = 'where' in question ? `meets ${question.where}` : 'succeeded and has that figure';
  throw new SameError({
    code: 'SAME1608',
    message: [`no finished run of this program ${what}`, ...slips.map(({ message }) => message)].join('; '),
    place: PLACE,
    hint: slips.find(({ hint }) => hint)?.hint ?? 'see what there is with: same list runs',
    clause: CLAUSE,
  });
}

async function meeting<T extends Candidate>(where: string, candidates: readonly T[]): Promise<T[]> {
  const condition = await conditionOf(where);
  const [{ rowOf }, { meets }] = await Promise.all([
    import('../runs/run-row.ts'),
    import('../runs/index/scanned-index.ts'),
  ]);
  return candidates.filter((run) => meets(rowOf(run, run.tags), condition));
}

/** What in a filter that none of these runs meets may be a slip, as a listing would say. */
async function slipsIn(where: string, candidates: readonly Candidate[]): Promise<Finding[]> {
  const [{ rowOf }, { openScannedIndex }, { findIn }, { readRunQuestion }] = await Promise.all([
    import('../runs/run-row.ts'),
    import('../runs/index/scanned-index.ts'),
    import('./find-runs.ts'),
    import('./run-question.ts'),
  ]);
  const rows = candidates.map((run) => rowOf(run, run.tags));
  const slips: Finding[] = [];
  await findIn(
    openScannedIndex(() => rows),
    readRunQuestion({ where }),
    (slip) => slips.push(slip),
  );
  return slips;
}

/** What `--history` takes beside ids of runs, in a message. */
export const HISTORY_WORDS = 'none, latest, all, best, best:METRIC, "where CONDITION"';

/** What was meant by a text that names no run and is none of {@link HISTORY_WORDS}, as a hint. */
export function meantHistory(text: string): { hint: string } | undefined {
  const [, word, rest] = /^([^:\s]*)(.*)$/s.exec(text)!;
  const meant = nearest(word!, ['none', 'latest', 'all', 'best', 'where']);
  const full = meant === undefined ? `where ${text}` : `${meant}${rest}`;
  if (meant === undefined && !/[=<>]/.test(text)) return undefined;
  return { hint: `did you mean ${PLACE} ${/\s/.test(full) ? `'${full}'` : full}?` };
}

async function conditionOf(where: string): Promise<RunCondition> {
  const { parseRunFilter } = await import('../runs/run-filter.ts');
  const read = parseRunFilter(where);
  if ('condition' in read) return read.condition;
  throwFindings(
    read.problems.map(({ message, at, hint }) => ({
      code: 'SAME1902',
      message: `${PLACE} where: ${message}`,
      place: `${PLACE} where, at character ${at + 1}`,
      ...(hint === undefined ? {} : { hint }),
      clause: CLAUSE,
    })),
  );
  throw new SameError({ code: 'SAME7001', message: 'a filter is neither read nor refused' });
}

interface Figure {
  name: string;
  direction: 'lower' | 'higher';
}

/** By which figure the best is meant. @throws SAME1902 which, or what is better, is not known */
function figureOf(asked: string, { metrics = {}, claims = [] }: Pick<Program, 'metrics' | 'claims'>): Figure {
  const directed = (name: string): Figure[] => {
    const direction = Object.hasOwn(metrics, name) ? metrics[name]!.direction : undefined;
    return direction === undefined ? [] : [{ name, direction }];
  };
  const said = /^(.+):(lower|higher)$/s.exec(asked);
  if (said) return { name: said[1]!, direction: said[2] as Figure['direction'] };
  const names = asked === '' ? [...claims.map(({ metric }) => metric), ...Object.keys(metrics)] : [asked];
  const [figure] = names.flatMap(directed);
  if (figure) return figure;
  throw new SameError({
    code: 'SAME1902',
    message:
      asked === ''
        ? `${PLACE} best: the program declares no figure with a direction`
        : `${PLACE} best: the program does not say whether a lower or a higher ${asked} is better`,
    place: PLACE,
    hint: `say it: --history best:${asked || 'METRIC'}:lower, or :higher; or declare it in same.yaml: metrics.${asked || 'METRIC'}.direction`,
    clause: CLAUSE,
  });
}

/** The succeeded run with the best figure; of equal ones that which ran here, then the newest. */
async function bestOf<T extends Candidate>(
  { name, direction }: Figure,
  candidates: readonly T[],
): Promise<T[]> {
  const { figuresByName } = await import('../runs/run-row.ts');
  const sign = direction === 'lower' ? 1 : -1;
  const known = candidates.flatMap((run) => {
    const figures = run.record.status === 'succeeded' ? figuresByName(run.record.metrics) : {};
    return Object.hasOwn(figures, name) ? [{ run, value: sign * figures[name]! }] : [];
  });
  known.sort(
    (a, b) =>
      a.value - b.value ||
      Number(b.run.own) - Number(a.run.own) ||
      (a.run.record.id < b.run.record.id ? 1 : -1),
  );
  return known.slice(0, 1).map(({ run }) => run);
}
