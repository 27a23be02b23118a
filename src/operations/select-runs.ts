import { isDerivedFrom } from '../bundle/ancestry.ts';
import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import type { ContentStore } from '../content/content-store.ts';
import { throwFindings } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { findRun } from './find-run.ts';
import { HISTORY_WORDS, type HistoryQuestion, meantHistory, runsMeant } from './history-question.ts';
import type { Ports } from './ports.ts';
import { storedRuns } from './stored-runs.ts';

/** Which runs travel along: a word, the ids of runs as users write them, or what is asked of their records. */
export type HistoryChoice = 'none' | 'latest' | 'all' | readonly string[] | HistoryQuestion;

/** A run of a program or of one of its ancestors. */
export interface KnownRun {
  record: RunRecord;
  /** Digest of its manifest, when it came along with a bundle. */
  stored?: string;
}

/** The runs that an export may take along, and those that it does. */
export interface Selection {
  history: HistoryChoice;
  ancestors: ProgramArtifact[];
  known: KnownRun[];
  chosen: KnownRun[];
  /** Of `all`, which means succeeded runs: how many have another status, by status. */
  passedOver: Record<string, number>;
}

/**
 * The runs that an export takes along (spec SAME-BND-026): as asked, else as the program says, else the latest.
 * @throws SAME1608 for each id that names no finished run of the program or its ancestors, or several; and what
 * {@link runsMeant} says
 */
export async function selectRuns(
  ports: Ports,
  content: ContentStore,
  artifact: ProgramArtifact,
  asked: HistoryChoice | undefined,
): Promise<Selection> {
  const history = asked ?? artifact.program.history?.export ?? 'latest';
  const ancestors = await ancestorsOf(content, artifact);
  const known = await knownRuns(ports, [artifact, ...ancestors]);
  if (typeof history === 'string') {
    const succeeded = known.filter(({ record }) => record.status === 'succeeded');
    const count = { none: 0, latest: 1, all: succeeded.length }[history];
    const chosen = succeeded.slice(0, count);
    return { history, ancestors, known, chosen, passedOver: history === 'all' ? notSucceeded(known) : {} };
  }
  const chosen =
    'length' in history ? namedRuns(known, history) : await meantRuns(ports, artifact, known, history);
  return { history: chosen.map(({ record }) => record.id), ancestors, known, chosen, passedOver: {} };
}

function notSucceeded(known: readonly KnownRun[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { record } of known)
    if (record.status !== 'succeeded') counts[record.status] = (counts[record.status] ?? 0) + 1;
  return counts;
}

async function meantRuns(
  ports: Ports,
  { program }: ProgramArtifact,
  known: readonly KnownRun[],
  question: HistoryQuestion,
): Promise<KnownRun[]> {
  const annotations = 'where' in question ? await ports.openAnnotations() : undefined;
  const candidates = known.map((run) => ({
    run,
    record: run.record,
    own: run.stored === undefined,
    ...(annotations ? { tags: annotations.of(run.record.id).tags } : {}),
  }));
  return (await runsMeant(question, candidates, program)).map(({ run }) => run);
}

/** @throws SAME1608 for every text that names no run, or several */
function namedRuns(known: readonly KnownRun[], texts: readonly string[]): KnownRun[] {
  const found = texts.map((text) => findRun(known, text));
  throwFindings(
    found.flatMap((run, index) =>
      'record' in run
        ? []
        : [
            {
              ...run,
              message: `${run.message} among the finished ones of this program, and it is none of: ${HISTORY_WORDS}`,
              ...(instead(known, texts, index) ?? meantHistory(texts[index]!)),
              place: '--history',
              clause: 'SAME-BND-026',
            },
          ],
    ),
  );
  return [...new Set(found as KnownRun[])];
}

/** A word that means runs only where it stands alone (spec SAME-BND-026), as a hint. */
function instead(
  known: readonly KnownRun[],
  texts: readonly string[],
  index: number,
): { hint: string } | undefined {
  const word = texts[index]!;
  if (texts.length === 1 || !/^(none|latest|all|best(:.*)?)$/s.test(word)) return undefined;
  const newest = word === 'latest' ? known.find(({ record }) => record.status === 'succeeded') : undefined;
  if (newest === undefined) return { hint: `${word} stands alone; beside ids of runs only ids are taken` };
  const ids = texts.map((text, at) => (at === index ? newest.record.id : text));
  return { hint: `latest stands alone; beside ids write the id of that run: --history ${ids.join(',')}` };
}

/**
 * Finished runs of a program and its ancestors: own ones of the program, own ones of ancestors, then those that came
 * along with bundles; each newest first. A run of one's own is never passed over for one with its id that came along.
 */
async function knownRuns(ports: Ports, [program, ...ancestors]: ProgramArtifact[]): Promise<KnownRun[]> {
  const all = ports.runs.list().map(({ record }) => record);
  const ids = new Set(all.map(({ id }) => id));
  const ownOf = (digest: string): KnownRun[] =>
    all.filter((record) => record.program.digest === digest).map((record) => ({ record }));
  const foreign: KnownRun[] = [];
  for (const { digest } of [program!, ...ancestors]) {
    for (const { record, digest: stored } of await storedRuns(ports, digest)) {
      if (!ids.has(record.id)) foreign.push({ record, stored });
      ids.add(record.id);
    }
  }
  return [ownOf(program!.digest), ancestors.flatMap(({ digest }) => ownOf(digest)), foreign].flatMap((runs) =>
    runs
      .filter(({ record, stored }) => stored !== undefined || hasRecord(record))
      .sort((a, b) => (a.record.id < b.record.id ? 1 : -1)),
  );
}

/** Whether a run of one's own ended and said so: one whose process is gone wrote no record (SAME-RUN-016). */
function hasRecord({ status, finishedAt }: RunRecord): boolean {
  return status !== 'pending' && status !== 'running' && !(status === 'interrupted' && !finishedAt);
}

/** The programs it was committed from, as far as they are here, nearest first. */
async function ancestorsOf(content: ContentStore, artifact: ProgramArtifact): Promise<ProgramArtifact[]> {
  const ancestors: ProgramArtifact[] = [];
  for (let last = artifact; last.program.metadata.derivedFrom; ) {
    const { digest } = last.program.metadata.derivedFrom;
    if (!(await content.has(digest))) break;
    const ancestor = await openProgram(digest, content);
    if (!isDerivedFrom(last, ancestor)) break;
    ancestors.push(ancestor);
    last = ancestor;
  }
  return ancestors;
}
