import { isProblem } from '../bundle/refusal.ts';
import { parseTreeList } from '../bundle/tree.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { RunIndex, RunRow } from '../runs/run-query.ts';
import type { RunRecord, StepRecord } from '../runs/run-record.ts';
import { rowOf } from '../runs/run-row.ts';
import type { StoredRun } from '../runs/run-store.ts';
import type { Ports } from './ports.ts';

/** What `same check store` found. */
export interface StoreCheck {
  runs: number;
  findings: Finding[];
}

/**
 * `same check store`: looks at every run that ran here (spec SAME-RUN-094): its record, its journal, what it names, the
 * packs, and what the index has of it. Nothing is changed but the index, which takes what it has not seen yet.
 * @param look leaves the index as it is too, and holds it against the files only where it is up to date
 */
export async function checkStore(ports: Ports, look = false): Promise<StoreCheck> {
  const index = await ports.openRunIndex({ look });
  const annotations = await ports.openAnnotations();
  const { runs, findings } = ports.runs.survey();
  const found: Finding[] = [];
  const seen = new Set<string>();
  for (const run of runs) {
    seen.add(run.record.id);
    found.push(...(await runFindings(ports, run)));
    const row = rowOf(run, annotations.of(run.record.id).tags);
    if (index.kept && !isIndexed(row, index)) found.push(notIndexed(run.record.id));
  }
  if (index.kept) {
    const told = new Set(found.flatMap(({ code, place }) => (code === 'SAME1624' ? [place] : [])));
    for (const id of index.odd()) if (!told.has(id)) found.push(id === '' ? oddIndex() : notFound(id));
    found.push(...surplus(index, seen.size + findings.length));
  }
  const unreadable = findings.map((finding): Finding => {
    const clause = finding.place?.endsWith('journal.jsonl') ? 'SAME-RUN-015' : 'SAME-RUN-008';
    return { clause, ...finding };
  });
  return { runs: seen.size, findings: [...unreadable, ...found] };
}

/** The same, as a part of looking at the whole home, which changes nothing at all. */
export async function storeFindings(ports: Ports): Promise<Finding[]> {
  return (await checkStore(ports, true)).findings;
}

/** What is wrong with a run that ran here, and which of its files are gone. */
async function runFindings(ports: Ports, { record }: StoredRun): Promise<Finding[]> {
  // Of what is not over there is no record, and nothing that has to be here.
  if (record.status === 'running' || record.finishedAt === undefined) return [];
  const wrong = await ports.checkRunRecord(record, `run ${record.id}`);
  if (wrong.length > 0) {
    return wrong.map((finding): Finding => {
      return { clause: 'SAME-RUN-008', ...finding, code: 'SAME1612', place: record.id };
    });
  }
  const found = journalFindings(ports, record);
  for (const [digest, output] of await lostBy(ports, record)) {
    found.push({
      code: 'SAME1305',
      message: `${digest}, of the output ${output} of run ${record.id}, is not in the store`,
      place: record.id,
      hint: 'run it again to have it back',
      clause: 'SAME-RUN-004',
    });
  }
  return found;
}

/** Where a run's journal is damaged, or says something else of a step than its record. */
function journalFindings(ports: Ports, record: RunRecord): Finding[] {
  let replayed: RunRecord | undefined;
  try {
    replayed = ports.runs.replayed(record.id);
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    return error.findings.map((finding) => ({ clause: 'SAME-RUN-015', ...finding }));
  }
  const steps = new Map(replayed?.steps.map((step) => [step.name, step]));
  return record.steps.flatMap((step): Finding[] => {
    const told = steps.get(step.name);
    // Of what did not end there is nothing in the journal to hold the record against.
    if (!told || told.finishedAt === undefined || outcomeOf(told) === outcomeOf(step)) return [];
    return [
      {
        code: 'SAME1612',
        message: `record and journal of run ${record.id} disagree on how step ${step.name} ended`,
        place: record.id,
        hint: `put both back from a copy of the home, or remove it with: same delete run ${record.id}`,
        clause: 'SAME-RUN-094',
      },
    ];
  });
}

function outcomeOf({ status, exitCode, cacheKey, outputs }: StepRecord): string {
  const digests = Object.entries(outputs).map(([name, { digest }]) => [name, digest]);
  return JSON.stringify([status, exitCode, cacheKey, digests.sort()]);
}

/** One that goes on may have gone on since. */
function isIndexed(row: RunRow, index: RunIndex): boolean {
  if (row.status === 'running') return true;
  return sortedText(index.row(row.id)) === sortedText(row);
}

/** Runs of the index that are nowhere. */
function surplus(index: RunIndex, there: number): Finding[] {
  const { total: own } = index.search({
    where: { field: { of: 'run', name: 'own' }, operator: '=', value: true },
    limit: 0,
  });
  if (own <= there) return [];
  return [
    {
      code: 'SAME1624',
      message: `the index of runs has ${own} runs of this home, and there are ${there}`,
      hint: 'make it anew with: same reindex',
      clause: 'SAME-RUN-090',
    },
  ];
}

function notIndexed(id: string): Finding {
  return {
    code: 'SAME1624',
    message: `the index of runs does not say of run ${id} what its record says`,
    place: id,
    hint: 'make it anew with: same reindex',
    clause: 'SAME-RUN-090',
  };
}

function notFound(id: string): Finding {
  return {
    code: 'SAME1624',
    message: `the index of runs does not find run ${id} by what it shows of it`,
    place: id,
    hint: 'make it anew with: same reindex',
    clause: 'SAME-RUN-090',
  };
}

function oddIndex(): Finding {
  return {
    code: 'SAME1624',
    message: 'the index of runs does not find runs by what it shows of them',
    hint: 'make it anew with: same reindex',
    clause: 'SAME-RUN-090',
  };
}

function sortedText(row: RunRow | undefined): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** What a run's outputs lack, and the first output of each: files, the lists of directories and what these name. */
async function lostBy(ports: Ports, record: RunRecord): Promise<Map<string, string>> {
  const outputs = [
    ...Object.entries(record.outputs),
    ...record.steps.flatMap((step) =>
      Object.entries(step.outputs).map(([name, artifact]) => [`${step.name}.${name}`, artifact] as const),
    ),
  ];
  const lost = new Map<string, string>();
  for (const [output, { digest }] of outputs) {
    const blob = digest.replace(/^tree:/, '');
    const below = blob === digest ? [] : await filesOf(ports, blob);
    for (const one of [blob, ...below]) {
      if (!lost.has(one) && !(await ports.content.has(one))) lost.set(one, output);
    }
  }
  return lost;
}

/** The files that a tree list names; none where it is damaged or gone, which is said of the list itself. */
async function filesOf(ports: Ports, list: string): Promise<string[]> {
  try {
    const sizeBytes = await ports.content.size(list);
    if (sizeBytes === undefined) return [];
    return parseTreeList(await ports.content.read(list, sizeBytes)).map(({ digest }) => digest);
  } catch (error) {
    if (!isProblem(error)) throw error;
    return [];
  }
}
